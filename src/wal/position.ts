import type { Checksum } from '../base/checksum.ts'

/** A point in a store's history. `chain` identifies every byte of every record up to and including `lsn`. */
export interface Position {
  readonly epoch: number
  /** 0 before the first record. */
  readonly lsn: number
  readonly chain: bigint
}

/** A position, and the time of the record there: 0 before the first. */
export interface TimedPosition extends Position {
  /** Milliseconds since 1970. */
  readonly timeMs: number
}

/** The chain before the first record: it depends on the store, so that no two stores share a history. */
export function genesisChain(checksum: Checksum, storeId: Uint8Array): bigint {
  return checksum.xxh64(storeId, 0n)
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((value, index) => value === right[index])
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
