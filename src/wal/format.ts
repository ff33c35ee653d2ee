/** Constants and offsets of the log's bytes, and nothing else. The tables with the reasons are in docs/FORMAT.md. */

export const WAL_DIRECTORY = 'wal'
export const QUARANTINE_DIRECTORY = 'quarantine'
export const MARK_PATH = 'wal/durable'

/** The format this release writes, and the newest it reads. */
export const FORMAT_VERSION = 1

/** "annalsWL" and "annalsDM". */
export const SEGMENT_MAGIC = Uint8Array.of(0x61, 0x6e, 0x6e, 0x61, 0x6c, 0x73, 0x57, 0x4c)
export const MARK_MAGIC = Uint8Array.of(0x61, 0x6e, 0x6e, 0x61, 0x6c, 0x73, 0x44, 0x4d)

export const STORE_ID_BYTES = 16

/** Segment header, and mark slot: magic, version and byte length stand first and the checksum last in every version. */
export const MAGIC_OFFSET = 0
export const VERSION_OFFSET = 8
export const LENGTH_OFFSET = 12
export const STORE_ID_OFFSET = 16
export const EPOCH_OFFSET = 32

/** The longest header or slot that any version may have: so much is read before a length is believed. */
export const FRAME_LIMIT_BYTES = 4096

export const SEGMENT_HEADER_BYTES = 80
export const SEGMENT_FIRST_LSN_OFFSET = 40
export const SEGMENT_PREVIOUS_CHAIN_OFFSET = 48
export const SEGMENT_PREVIOUS_TIME_OFFSET = 56
export const SEGMENT_FLAGS_OFFSET = 64
export const SEGMENT_CHECKSUM_OFFSET = 72

/** The segment was made by rewriting the records above the durable mark, so its predecessor may hold them too. */
export const SEGMENT_FLAG_REWRITTEN = 1

/** The slots stand a page apart, so that one torn write cannot hurt both. */
export const MARK_SLOT_BYTES = 80
export const MARK_SLOT_STRIDE = 4096
export const MARK_FILE_BYTES = 2 * MARK_SLOT_STRIDE
export const MARK_LSN_OFFSET = 40
export const MARK_CHAIN_OFFSET = 48
export const MARK_SEQUENCE_OFFSET = 56
export const MARK_CHECKSUM_OFFSET = 72

export const RECORD_HEADER_BYTES = 36
export const RECORD_LENGTH_OFFSET = 0
export const RECORD_TYPE_OFFSET = 4
export const RECORD_FLAGS_OFFSET = 5
export const RECORD_RESERVED_OFFSET = 6
export const RECORD_LSN_OFFSET = 8
export const RECORD_EPOCH_OFFSET = 16
export const RECORD_TIME_OFFSET = 24
export const RECORD_CHECKSUM_OFFSET = 32
export const RECORD_CHAIN_BYTES = 8
export const RECORD_ALIGNMENT = 8

/** Record types. Zero is never one, so that bytes never written show. */
export const RECORD_EVENTS = 1
export const RECORD_SEAL = 2

/** A seal's payload: records in the segment, bytes before the seal, chain of the last record. */
export const SEAL_PAYLOAD_BYTES = 24

/** Bytes a record with `payloadBytes` takes in a segment. */
export function recordBytes(payloadBytes: number): number {
  const unpadded = RECORD_HEADER_BYTES + payloadBytes
  return Math.ceil(unpadded / RECORD_ALIGNMENT) * RECORD_ALIGNMENT + RECORD_CHAIN_BYTES
}

export const SEAL_BYTES = recordBytes(SEAL_PAYLOAD_BYTES)
