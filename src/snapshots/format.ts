/** Constants and offsets of a snapshot's bytes, and nothing else. The tables with the reasons are in docs/FORMAT.md. */

export const SNAPSHOT_DIRECTORY = 'snapshots'

/** The format of parts that this release writes, and the newest it reads. */
export const FORMAT_VERSION = 1
/** The newest format of manifests: collections may have a vector type, and the mode `binary`. */
export const MANIFEST_VERSION = 2
/** The format of a manifest whose vectors are all float32, in other modes. */
export const UNTYPED_VERSION = 1

/** "annalsSM" and "annalsSP". */
export const MANIFEST_MAGIC = Uint8Array.of(0x61, 0x6e, 0x6e, 0x61, 0x6c, 0x73, 0x53, 0x4d)
export const PART_MAGIC = Uint8Array.of(0x61, 0x6e, 0x6e, 0x61, 0x6c, 0x73, 0x53, 0x50)

export const STORE_ID_BYTES = 16
export const CHECKSUM_BYTES = 8

/** Manifest and part begin alike in every version; a manifest's checksum is the last 8 bytes of its length. */
export const VERSION_OFFSET = 8
export const LENGTH_OFFSET = 12
export const STORE_ID_OFFSET = 16

/** A longer manifest is damage: a million parts take less. */
export const MAX_MANIFEST_BYTES = 128 * 1024 * 1024

export const MANIFEST_HEADER_BYTES = 112
export const MANIFEST_EPOCH_OFFSET = 32
export const MANIFEST_LSN_OFFSET = 40
export const MANIFEST_CHAIN_OFFSET = 48
export const MANIFEST_TIME_OFFSET = 56
export const MANIFEST_DATA_OFFSET = 64
export const MANIFEST_INDEX_OFFSET = 72
export const MANIFEST_LAST_CREATION_OFFSET = 80
export const MANIFEST_INDEX_VERSION_OFFSET = 88
export const MANIFEST_COLLECTIONS_OFFSET = 92
export const MANIFEST_PARTS_OFFSET = 96

export const COLLECTION_BYTES = 136
export const COLLECTION_CREATION_OFFSET = 0
export const COLLECTION_LENGTH_OFFSET = 8
export const COLLECTION_METRIC_OFFSET = 12
export const COLLECTION_DIMENSIONS_OFFSET = 16
export const COLLECTION_SLOTS_OFFSET = 20
export const COLLECTION_LIVE_OFFSET = 24
export const COLLECTION_FLUSHED_OFFSET = 28
export const COLLECTION_BUILT_OFFSET = 32
export const COLLECTION_PLACED_OFFSET = 36
export const COLLECTION_ADDED_OFFSET = 40
export const COLLECTION_FORGOTTEN_OFFSET = 44
export const COLLECTION_FIRST_LSN_OFFSET = 48
export const COLLECTION_FLAGS_OFFSET = 56
export const COLLECTION_NAME_BYTES_OFFSET = 60
/** From here on only where there is a graph. */
export const GRAPH_SCALE_OFFSET = 64
export const GRAPH_ALPHA_OFFSET = 72
export const GRAPH_DEGREE_OFFSET = 80
export const GRAPH_SEED_OFFSET = 84
export const GRAPH_NODES_OFFSET = 88
export const GRAPH_LINKED_OFFSET = 92
export const GRAPH_ENTRIES_OFFSET = 96
export const GRAPH_FIRST_ENTRIES_OFFSET = 100
export const GRAPH_FREED_OFFSET = 104
export const GRAPH_UNREACHABLE_OFFSET = 108
/** With or without a graph. */
export const COLLECTION_QUANTIZATION_OFFSET = 112
export const COLLECTION_TYPE_OFFSET = 116
/** 120 to 135 are reserved. Behind them: name, freed chunks, centre. */

export const FLAG_GRAPH = 1
export const FLAG_NARROW = 2

export const PART_ENTRY_BYTES = 48
export const ENTRY_CREATION_OFFSET = 0
export const ENTRY_KIND_OFFSET = 8
export const ENTRY_CHUNK_OFFSET = 12
export const ENTRY_LSN_OFFSET = 16
export const ENTRY_NUMBER_OFFSET = 24
export const ENTRY_CONTENT_OFFSET = 32
export const ENTRY_CHECKSUM_OFFSET = 40

export const PART_HEADER_BYTES = 64
export const PART_CREATION_OFFSET = 32
export const PART_KIND_OFFSET = 40
export const PART_CHUNK_OFFSET = 44
export const PART_LSN_OFFSET = 48
export const PART_NUMBER_OFFSET = 56

/** Kinds of parts, in the order in which a manifest names them. Zero is none. */
export const ORIGINALS = 1
export const IDS = 2
export const DOCUMENTS = 3
export const TOMBSTONES = 4
export const NODES = 5
export const CODES = 6
export const EDGES = 7
export const SLOTS = 8

/** A page's checksum stands in its last 8 bytes. What is read in places has small pages. */
export const SMALL_PAGE_BYTES = 4096
export const LARGE_PAGE_BYTES = 1024 * 1024

/** Bytes of a page of a part of this kind. */
export function pageBytesOf(kind: number): number {
  return kind === ORIGINALS || kind === DOCUMENTS ? SMALL_PAGE_BYTES : LARGE_PAGE_BYTES
}

/** Length that marks a slot without a value in ids and documents. */
export const ABSENT_LENGTH = 0xffff_ffff
