import type { Checksum } from './checksum.ts'
import { StoreError } from './errors.ts'

/** What a name stands for: a file by its inode number, or a directory. */
export type LevelEntry = { readonly kind: 'file'; readonly inode: number } | { readonly kind: 'directory' }

const FORMAT_VERSION = 1
/** Bytes that are no text in any encoding: a database that stores values as text gives others back. */
const FORMAT_MAGIC = Uint8Array.of(0xff, 0x61, 0x00, 0xfe)

const KIND_DIRECTORY = 1
const KIND_FILE = 2
const KIND_INODE = 3

const RECORD_BYTES = 24

/**
 * Bytes of the small records. Entries and inodes are 24 bytes, little-endian. The checksum covers the key as well, so that a
 * record which turns up under another key is damage.
 *
 * | offset | size | field                                                           |
 * |--------|------|-----------------------------------------------------------------|
 * | 0      | 8    | kind: 1 directory, 2 file, 3 inode. Never 0                     |
 * | 8      | 8    | inode number of a file entry; size of an inode; else 0          |
 * | 16     | 8    | xxh64, seed 0, of the 16 bytes before and the key in UTF-8      |
 */
export class LevelRecords {
  readonly #checksum: Checksum
  readonly #encoder = new TextEncoder()

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  encodeEntry(key: string, entry: LevelEntry): Uint8Array {
    return entry.kind === 'file' ? this.#encode(key, KIND_FILE, entry.inode) : this.#encode(key, KIND_DIRECTORY, 0)
  }

  /** @throws {StoreError} `ERR_IO` when the record is damaged */
  decodeEntry(key: string, bytes: Uint8Array): LevelEntry {
    const { kind, number } = this.#decode(key, bytes)
    if (kind === KIND_FILE) return { kind: 'file', inode: number }
    if (kind === KIND_DIRECTORY) return { kind: 'directory' }
    throw damaged(key, `kind ${kind}`)
  }

  /** The inode number of an entry, `undefined` for a directory and for a damaged one. */
  inodeOf(key: string, bytes: Uint8Array): number | undefined {
    try {
      const entry = this.decodeEntry(key, bytes)
      return entry.kind === 'file' ? entry.inode : undefined
    } catch {
      return undefined
    }
  }

  encodeInode(key: string, size: number): Uint8Array {
    return this.#encode(key, KIND_INODE, size)
  }

  /** @throws {StoreError} `ERR_IO` when the record is damaged */
  decodeInode(key: string, bytes: Uint8Array): number {
    const { kind, number } = this.#decode(key, bytes)
    if (kind !== KIND_INODE) throw damaged(key, `kind ${kind}`)
    return number
  }

  #encode(key: string, kind: number, number: number): Uint8Array {
    const bytes = new Uint8Array(RECORD_BYTES)
    const view = new DataView(bytes.buffer)
    view.setBigUint64(0, BigInt(kind), true)
    view.setBigUint64(8, BigInt(number), true)
    view.setBigUint64(16, this.#hash(key, bytes), true)
    return bytes
  }

  #decode(key: string, bytes: Uint8Array): { kind: number; number: number } {
    if (bytes.byteLength !== RECORD_BYTES) throw damaged(key, `${bytes.byteLength} bytes`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (view.getBigUint64(16, true) !== this.#hash(key, bytes)) throw damaged(key, 'checksum')
    const number = Number(view.getBigUint64(8, true))
    if (!Number.isSafeInteger(number)) throw damaged(key, `number ${number}`)
    return { kind: Number(view.getBigUint64(0, true)), number }
  }

  #hash(key: string, bytes: Uint8Array): bigint {
    return this.#checksum.xxh64Parts([bytes.subarray(0, 16), this.#encoder.encode(key)], 0n)
  }
}

export function encodeFormat(): Uint8Array {
  return Uint8Array.of(...FORMAT_MAGIC, FORMAT_VERSION)
}

/** @throws {StoreError} `ERR_FORMAT_VERSION` for a newer version, `ERR_IO` for anything that is none */
export function checkFormat(key: string, bytes: Uint8Array): void {
  if (bytes.byteLength !== FORMAT_MAGIC.byteLength + 1 || FORMAT_MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw damaged(key, 'no format record; does the database keep binary values?')
  }
  const version = bytes[FORMAT_MAGIC.byteLength]!
  if (version === FORMAT_VERSION) return
  throw new StoreError(
    'ERR_FORMAT_VERSION',
    `Files in format ${version}; this release reads format ${FORMAT_VERSION}`,
    {
      details: { key, version },
    },
  )
}

export function damaged(key: string, reason: string): StoreError {
  return new StoreError('ERR_IO', `The database holds a damaged record at '${key}': ${reason}`, {
    details: { key, reason },
  })
}
