import { isStoreError, StoreError } from '../base/errors.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import type { ColdRows, ColdValues } from '../engine/cold-sources.ts'
import { bytesOf } from './bytes.ts'
import { ABSENT_LENGTH } from './format.ts'
import type { PartEntry } from './part.ts'
import type { PartRange } from './part-range.ts'

/** Values whose lengths are added up to know where one begins. */
const SUMMED_VALUES = 64
const NORM_BYTES = Float64Array.BYTES_PER_ELEMENT

/** The vectors of a full chunk in a part of a snapshot. */
export class PartRows implements ColdRows {
  readonly part: PartEntry
  readonly #range: PartRange
  readonly #rowBytes: number

  constructor(part: PartEntry, range: PartRange, rowBytes: number) {
    this.part = part
    this.#range = range
    this.#rowBytes = rowBytes
  }

  read(row: number, target: Uint8Array): void {
    readCold(() => this.#range.read(target, row * this.#rowBytes))
  }

  /** The same of norms, under cosine: they are read when a snapshot is opened, so damage is the snapshot's. */
  readNorms(row: number, target: Uint8Array): void {
    this.#range.read(target, CHUNK_SLOTS * this.#rowBytes + row * NORM_BYTES)
  }
}

/**
 * The documents of a full chunk in a part of a snapshot. Their lengths are in memory, 4 bytes each: who has none is known
 * at once, and one read finds a document.
 */
export class PartValues implements ColdValues {
  readonly part: PartEntry
  readonly #range: PartRange
  readonly #lengths = new Uint32Array(CHUNK_SLOTS)
  /** Where every 64th value begins. */
  readonly #positions = new Float64Array(Math.ceil(CHUNK_SLOTS / SUMMED_VALUES))

  /** @throws RangeError where lengths do not add up to the content; what the first read throws. */
  constructor(part: PartEntry, range: PartRange) {
    this.part = part
    this.#range = range
    range.read(bytesOf(this.#lengths), 0)
    let position = this.#lengths.byteLength
    for (let row = 0; row < CHUNK_SLOTS; row++) {
      if (row % SUMMED_VALUES === 0) this.#positions[row / SUMMED_VALUES] = position
      position += this.lengthOf(row) ?? 0
    }
    if (position !== part.contentBytes) throw new RangeError(`lengths add up to ${position}, not ${part.contentBytes}`)
  }

  lengthOf(row: number): number | undefined {
    const length = this.#lengths[row]
    return length === ABSENT_LENGTH ? undefined : length
  }

  read(row: number): Uint8Array | undefined {
    const length = this.lengthOf(row)
    if (length === undefined) return undefined
    const value = new Uint8Array(length)
    const summed = row - (row % SUMMED_VALUES)
    let position = this.#positions[summed / SUMMED_VALUES]!
    for (let before = summed; before < row; before++) position += this.lengthOf(before) ?? 0
    readCold(() => this.#range.read(value, position))
    return value
  }

  memoryBytes(): number {
    return this.#lengths.byteLength + this.#positions.byteLength
  }
}

/** Damage that is met long after opening is that of a chunk; the rest of the store goes on. */
function readCold(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!isStoreError(error, 'ERR_SNAPSHOT_CORRUPT')) throw error
    const { path, offset, reason } = error.details
    const message = `${path} is damaged at offset ${offset}: ${reason}`
    throw new StoreError('ERR_CHUNK_CORRUPT', message, { cause: error, details: error.details })
  }
}
