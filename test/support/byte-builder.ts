import { loadChecksum } from '../../src/base/checksum.ts'

/**
 * Builds the bytes of a log by hand, with any field wrong. It shares no code with `src/wal/` but the hash, and its offsets are
 * those of the tables in docs/FORMAT.md, so that the two hold each other to the format.
 */

const checksum = await loadChecksum()

export const STORE_ID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index)
export const OTHER_STORE_ID = new Uint8Array(16).fill(0x77)

export const xxh64 = (bytes: Uint8Array, seed: bigint): bigint => checksum.xxh64(bytes, seed)
export const genesisOf = (storeId: Uint8Array): bigint => xxh64(storeId, 0n)

/** The header of a store's first segment. */
export const FIRST_SEGMENT = {
  storeId: STORE_ID,
  epoch: 1,
  firstLsn: 1,
  previousChain: genesisOf(STORE_ID),
  previousTimeMs: 0,
  rewritten: false,
}
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export interface HeaderFields {
  readonly magic?: string
  readonly version?: number
  /** Bytes of the header; the checksum stands in the last eight. */
  readonly length?: number
  /** The length that is written, when it is to be a lie. */
  readonly claimedLength?: number
  readonly storeId?: Uint8Array
  readonly epoch?: bigint | number
  readonly firstLsn?: bigint | number
  readonly previousChain?: bigint
  readonly previousTimeMs?: bigint | number
  readonly flags?: number
  readonly checksum?: bigint
}

export interface RecordFields {
  readonly length?: number
  readonly type?: number
  readonly flags?: number
  readonly reserved?: number
  readonly lsn?: bigint | number
  readonly epoch?: bigint | number
  readonly timeMs?: bigint | number
  readonly checksum?: number
  readonly seedStoreId?: Uint8Array
  readonly chain?: bigint
  /** The byte that the padding is made of. */
  readonly padding?: number
}

export interface SealFields extends RecordFields {
  readonly records?: number
  readonly sealedBytes?: number
  readonly lastChain?: bigint
}

export interface MarkFields {
  readonly magic?: string
  readonly version?: number
  readonly length?: number
  readonly storeId?: Uint8Array
  readonly epoch?: bigint | number
  readonly lsn?: bigint | number
  readonly chain?: bigint
  readonly sequence?: bigint | number
  readonly checksum?: bigint
}

/** One segment, written from front to back: each verb appends, and takes the fields that are to differ from sound ones. */
export class SegmentBuilder {
  /** Where each part that was appended starts: header, records, seals, in order. */
  readonly offsets: number[] = []
  readonly #parts: Uint8Array[] = []
  readonly #storeId: Uint8Array
  readonly #firstLsn: number
  #lsn: number
  #chain: bigint
  #timeMs: number

  constructor({ storeId = STORE_ID, firstLsn = 1, previousChain = genesisOf(storeId), previousTimeMs = 0 } = {}) {
    this.#storeId = storeId
    this.#firstLsn = firstLsn
    this.#lsn = firstLsn - 1
    this.#chain = previousChain
    this.#timeMs = previousTimeMs
  }

  get chain(): bigint {
    return this.#chain
  }

  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.byteLength, 0)
  }

  header(fields: HeaderFields = {}): this {
    const length = fields.length ?? 80
    const bytes = new Uint8Array(length)
    const view = new DataView(bytes.buffer)
    bytes.set(utf8(fields.magic ?? 'annalsWL'), 0)
    view.setUint32(8, fields.version ?? 1, true)
    view.setUint32(12, fields.claimedLength ?? length, true)
    bytes.set(fields.storeId ?? this.#storeId, 16)
    view.setBigUint64(32, BigInt(fields.epoch ?? 1), true)
    view.setBigUint64(40, BigInt(fields.firstLsn ?? this.#firstLsn), true)
    view.setBigUint64(48, fields.previousChain ?? this.#chain, true)
    view.setBigUint64(56, BigInt(fields.previousTimeMs ?? this.#timeMs), true)
    view.setUint32(64, fields.flags ?? 0, true)
    view.setBigUint64(length - 8, fields.checksum ?? xxh64(bytes.subarray(0, length - 8), 0n), true)
    return this.raw(bytes)
  }

  record(payload: string | Uint8Array, fields: RecordFields = {}): this {
    const lsn = fields.lsn ?? this.#lsn + 1
    const timeMs = fields.timeMs ?? this.#timeMs + 1
    const bytes = this.#frame(typeof payload === 'string' ? utf8(payload) : payload, {
      type: 1,
      ...fields,
      lsn,
      timeMs,
    })
    this.#lsn = Number(lsn)
    this.#timeMs = Number(timeMs)
    this.#chain = new DataView(bytes.buffer).getBigUint64(bytes.byteLength - 8, true)
    return this.raw(bytes)
  }

  seal(fields: SealFields = {}): this {
    const payload = new Uint8Array(24)
    const view = new DataView(payload.buffer)
    view.setBigUint64(0, BigInt(fields.records ?? this.#lsn - this.#firstLsn + 1), true)
    view.setBigUint64(8, BigInt(fields.sealedBytes ?? this.size), true)
    view.setBigUint64(16, fields.lastChain ?? this.#chain, true)
    return this.raw(this.#frame(payload, { type: 2, lsn: this.#lsn, timeMs: this.#timeMs, ...fields }))
  }

  raw(bytes: Uint8Array): this {
    this.offsets.push(this.size)
    this.#parts.push(bytes)
    return this
  }

  zeros(count: number): this {
    return this.raw(new Uint8Array(count))
  }

  bytes(): Uint8Array {
    return joined(...this.#parts)
  }

  #frame(payload: Uint8Array, fields: RecordFields): Uint8Array {
    const chainOffset = Math.ceil((36 + payload.byteLength) / 8) * 8
    const bytes = new Uint8Array(chainOffset + 8).fill(fields.padding ?? 0)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, fields.length ?? payload.byteLength, true)
    view.setUint8(4, fields.type ?? 1)
    view.setUint8(5, fields.flags ?? 0)
    view.setUint16(6, fields.reserved ?? 0, true)
    view.setBigUint64(8, BigInt(fields.lsn ?? 0), true)
    view.setBigUint64(16, BigInt(fields.epoch ?? 1), true)
    view.setBigUint64(24, BigInt(fields.timeMs ?? 0), true)
    const seed = xxh64(fields.seedStoreId ?? this.#storeId, 1n)
    view.setUint32(32, fields.checksum ?? Number(xxh64(bytes.subarray(0, 32), seed) & 0xffff_ffffn), true)
    bytes.set(payload, 36)
    view.setBigUint64(chainOffset, fields.chain ?? xxh64(bytes.subarray(0, chainOffset), this.#chain), true)
    return bytes
  }
}

/** One slot of the durable mark. */
export function markSlot(fields: MarkFields = {}): Uint8Array {
  const length = fields.length ?? 80
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes.set(utf8(fields.magic ?? 'annalsDM'), 0)
  view.setUint32(8, fields.version ?? 1, true)
  view.setUint32(12, length, true)
  bytes.set(fields.storeId ?? STORE_ID, 16)
  view.setBigUint64(32, BigInt(fields.epoch ?? 1), true)
  view.setBigUint64(40, BigInt(fields.lsn ?? 0), true)
  view.setBigUint64(48, fields.chain ?? genesisOf(STORE_ID), true)
  view.setBigUint64(56, BigInt(fields.sequence ?? 0), true)
  view.setBigUint64(length - 8, fields.checksum ?? xxh64(bytes.subarray(0, length - 8), 0n), true)
  return bytes
}

/** The file of the durable mark; a slot left out is zeros. */
export function markFile(even: Uint8Array | undefined, odd: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(8192)
  if (even !== undefined) bytes.set(even, 0)
  if (odd !== undefined) bytes.set(odd, 4096)
  return bytes
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.byteLength
  }
  return bytes
}

/** A copy with one bit changed. */
export function withBitFlipped(bytes: Uint8Array, bitIndex: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const byteIndex = Math.floor(bitIndex / 8)
  copy[byteIndex] = copy[byteIndex]! ^ (1 << (bitIndex % 8))
  return copy
}

/** Copies with each bit changed in turn. */
export function* eachBitFlipped(bytes: Uint8Array): Generator<[bitIndex: number, flipped: Uint8Array]> {
  for (let bitIndex = 0; bitIndex < bytes.byteLength * 8; bitIndex++) yield [bitIndex, withBitFlipped(bytes, bitIndex)]
}
