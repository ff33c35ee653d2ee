import type { Checksum } from '../base/checksum.ts'
import { equalBytes, viewOf } from './bytes.ts'
import {
  CHECKSUM_BYTES,
  FORMAT_VERSION,
  LENGTH_OFFSET,
  PART_CHUNK_OFFSET,
  PART_CREATION_OFFSET,
  PART_HEADER_BYTES,
  PART_KIND_OFFSET,
  PART_LSN_OFFSET,
  PART_MAGIC,
  PART_NUMBER_OFFSET,
  pageBytesOf,
  STORE_ID_OFFSET,
  VERSION_OFFSET,
} from './format.ts'
import type { PartName } from './names.ts'
import { corrupt, newerVersion } from './snapshot-error.ts'

/** What a part holds: which chunk of which section of which collection. */
export interface PartKey {
  readonly creationLsn: number
  readonly kind: number
  readonly chunk: number
}

/** All that tells a part from every other one. */
export interface PartIdentity extends PartKey, PartName {
  readonly storeId: Uint8Array
}

/** A part as a manifest names it. */
export interface PartEntry extends PartKey, PartName {
  /** Bytes behind the header. */
  readonly contentBytes: number
  /** Of the checksums of all its pages. */
  readonly checksum: bigint
}

export function encodePartHeader(part: PartIdentity): Uint8Array {
  const header = new Uint8Array(PART_HEADER_BYTES)
  const view = viewOf(header)
  header.set(PART_MAGIC)
  view.setUint32(VERSION_OFFSET, FORMAT_VERSION, true)
  view.setUint32(LENGTH_OFFSET, PART_HEADER_BYTES, true)
  header.set(part.storeId, STORE_ID_OFFSET)
  view.setBigUint64(PART_CREATION_OFFSET, BigInt(part.creationLsn), true)
  view.setUint32(PART_KIND_OFFSET, part.kind, true)
  view.setUint32(PART_CHUNK_OFFSET, part.chunk, true)
  view.setBigUint64(PART_LSN_OFFSET, BigInt(part.lsn), true)
  view.setBigUint64(PART_NUMBER_OFFSET, BigInt(part.number), true)
  return header
}

/** Throws unless verified bytes begin with the header that a part must have. */
export function checkPartHeader(path: string, found: Uint8Array, expected: Uint8Array): void {
  const version = viewOf(found).getUint32(VERSION_OFFSET, true)
  if (version > FORMAT_VERSION) throw newerVersion(path, version, FORMAT_VERSION)
  if (!equalBytes(found, expected)) throw corrupt(path, 'its header belongs to another file')
}

/** The checksums of a part's pages, one after the other, and with them that of the whole. */
export class PartChecksum {
  readonly #checksum: Checksum
  readonly #seed: bigint
  readonly #scratch = new Uint8Array(CHECKSUM_BYTES)
  readonly #view = viewOf(this.#scratch)
  #whole: bigint

  /** Everything is seeded with the header, so that no page fits in another place or file. */
  constructor(checksum: Checksum, header: Uint8Array) {
    this.#checksum = checksum
    this.#seed = checksum.xxh64(header, 0n)
    this.#whole = this.#seed
  }

  get whole(): bigint {
    return this.#whole
  }

  ofPage(content: Uint8Array, page: number): bigint {
    return this.#checksum.xxh64(content, BigInt.asUintN(64, this.#seed + BigInt(page)))
  }

  /** Takes the checksum of the next page into that of the whole. */
  append(pageChecksum: bigint): void {
    this.#view.setBigUint64(0, pageChecksum, true)
    this.#whole = this.#checksum.xxh64(this.#scratch, this.#whole)
  }
}

/** Bytes that a page holds beside its checksum. */
function pageContentBytes(kind: number): number {
  return pageBytesOf(kind) - CHECKSUM_BYTES
}

/** Bytes of the file of a part. */
export function partFileBytes({ kind, contentBytes }: Pick<PartEntry, 'kind' | 'contentBytes'>): number {
  const streamBytes = PART_HEADER_BYTES + contentBytes
  return streamBytes + Math.ceil(streamBytes / pageContentBytes(kind)) * CHECKSUM_BYTES
}
