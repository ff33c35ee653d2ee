import { CHUNK_SLOTS } from '../base/limits.ts'
import type { ColdValues } from './cold-sources.ts'

/** First and largest page that values share. Pages of a chunk double in between, so that a small chunk stays small. */
const FIRST_PAGE_BYTES = 4 * 1024
const LAST_PAGE_BYTES = 256 * 1024
/** A longer value has a page of its own, of its exact size: it leaves no tail unused and is never copied again. */
const LARGEST_SHARED_BYTES = 16 * 1024
const FIRST_INDEX_ROWS = 8
/** Length that marks a slot without a value. An empty value has length 0. */
export const ABSENT = 0xffff_ffff

/** A hash of the bytes from `from` up to `end`. */
export type BytesHash = (bytes: Uint8Array, from: number, end: number) => number

/** Where the values of a chunk are: row r's bytes are `lengths[r]` bytes from `offsets[r]` on in page `pageNumbers[r]`. */
interface Index {
  /** 16 bits: CHUNK_SLOTS pages of their own and the pages of at most twice 256 MiB of shared values stay below 2^16. */
  readonly pageNumbers: Uint16Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
}

/** The values of up to `CHUNK_SLOTS` rows as they were when {@link BytesChunk.capture} was called. */
export interface BytesChunkCapture {
  readonly rows: number
  /** What tells these values from what they are after a replacement. */
  readonly version: object
  /** Where all of them are read from, if the chunk is cold and none was replaced. */
  readonly coldSource: ColdValues | undefined
  borrow(row: number): Uint8Array | undefined
  /** Bytes of what `borrow` gives; reads nothing. */
  lengthOf(row: number): number | undefined
}

/**
 * One chunk of a bytes column. Bytes are written once and never overwritten: a replacement goes to a new place and leaves
 * garbage, and once there is more garbage than live bytes the live ones move to new pages. Pages and index arrays that a
 * capture refers to are left as they are; the first replacement after a capture works on a copy of the index.
 */
export class BytesChunk {
  #rows = 0
  #index: Index = createIndex(0)
  /** By page number. A page of its own whose value was replaced is freed at once, and its number goes to `#freeNumbers`. */
  #pages: (Uint8Array | undefined)[] = []
  #freeNumbers: number[] = []
  /** The shared page being filled, if any, and how far. */
  #openNumber: number | undefined
  #openBytes = 0
  #nextPageBytes = FIRST_PAGE_BYTES
  /** Of shared pages only. */
  #liveBytes = 0
  #garbageBytes = 0
  #captured = false

  get rows(): number {
    return this.#rows
  }

  append(value: Uint8Array | undefined): void {
    if (this.#rows === CHUNK_SLOTS) throw new RangeError('chunk is full')
    // Absent values at the end need no index at all, so a collection without documents costs nothing here.
    if (value !== undefined) this.#write(this.#rows, value)
    this.#rows += 1
  }

  /** Appends rows without values. They need no index, as long as none behind them has one. */
  appendAbsent(rows: number): void {
    if (this.#rows + rows > CHUNK_SLOTS) throw new RangeError('chunk is full')
    this.#rows += rows
  }

  /**
   * Takes over the values of an empty chunk: `lengths` says how many bytes each row has, or {@link ABSENT}, and `bytes`, which
   * is kept, holds them one behind the other.
   */
  restore(lengths: Uint32Array, bytes: Uint8Array): void {
    this.#rows = lengths.length
    this.#index = createIndex(lengths.length)
    const page = this.#addPage(bytes)
    let offset = 0
    for (let row = 0; row < lengths.length; row++) {
      const length = lengths[row]!
      if (length === ABSENT) continue
      this.#index.lengths[row] = length
      if (length > LARGEST_SHARED_BYTES) {
        this.#index.pageNumbers[row] = this.#addPage(bytes.slice(offset, offset + length))
      } else {
        this.#index.pageNumbers[row] = page
        this.#index.offsets[row] = offset
        this.#liveBytes += length
      }
      offset += length
    }
  }

  replace(row: number, value: Uint8Array | undefined): void {
    if (value === undefined && row >= this.#index.lengths.length) return
    if (this.#captured) this.#leaveToCapture()
    this.#discard(row)
    if (value !== undefined) this.#write(row, value)
    if (this.#garbageBytes > Math.max(this.#liveBytes, FIRST_PAGE_BYTES)) this.#rewrite()
  }

  borrow(row: number): Uint8Array | undefined {
    return borrowValue(this.#index, this.#pages, row)
  }

  /** Whether a row has exactly these bytes, without making a view of them. */
  equals(row: number, bytes: Uint8Array): boolean {
    const length = bytes.byteLength
    if (this.#index.lengths[row] !== length) return false
    if (length === 0) return true
    const page = this.#pages[this.#index.pageNumbers[row]!]!
    const from = this.#index.offsets[row]!
    for (let index = 0; index < length; index++) {
      if (page[from + index] !== bytes[index]) return false
    }
    return true
  }

  /** What `hash` makes of a row's bytes, without making a view of them; a row has them from `from` up to `end` of a page. */
  hashWith(hash: BytesHash, row: number): number {
    const from = this.#index.offsets[row]!
    return hash(this.#pages[this.#index.pageNumbers[row]!]!, from, from + this.#index.lengths[row]!)
  }

  /** The chunk as it is now, at the cost of a few references. It shares pages and arrays and stays right for good. */
  capture(): BytesChunkCapture {
    this.#captured = true
    const index = this.#index
    const pages = this.#pages
    const rows = this.#rows
    return {
      rows,
      version: index,
      coldSource: undefined,
      borrow: (row) => (row < rows ? borrowValue(index, pages, row) : undefined),
      lengthOf: (row) => (row < rows ? lengthIn(index, row) : undefined),
    }
  }

  /** Whether no value was replaced since a capture of the chunk when it was full. */
  isAsIn({ version }: BytesChunkCapture): boolean {
    return this.#index === version
  }

  /** Bytes of pages and index arrays. References to pages (8 bytes each) are left out. */
  memoryBytes(): number {
    const { pageNumbers, offsets, lengths } = this.#index
    const indexBytes = pageNumbers.byteLength + offsets.byteLength + lengths.byteLength
    return this.#pages.reduce((sum, page) => sum + (page?.byteLength ?? 0), indexBytes)
  }

  #write(row: number, value: Uint8Array): void {
    if (row >= this.#index.lengths.length) this.#index = grownIndex(this.#index, row + 1)
    const length = value.byteLength
    this.#index.lengths[row] = length
    if (length === 0) return
    if (length > LARGEST_SHARED_BYTES) {
      // Not `slice`, which gives a view when the value is a Buffer.
      this.#index.pageNumbers[row] = this.#addPage(new Uint8Array(value))
      this.#index.offsets[row] = 0
      return
    }
    const number = this.#openPageFor(length)
    this.#pages[number]!.set(value, this.#openBytes)
    this.#index.pageNumbers[row] = number
    this.#index.offsets[row] = this.#openBytes
    this.#openBytes += length
    this.#liveBytes += length
  }

  /** Forgets the value of a row that stays a row. */
  #discard(row: number): void {
    const length = this.#index.lengths[row]
    if (length === undefined || length === ABSENT) return
    this.#index.lengths[row] = ABSENT
    if (length > LARGEST_SHARED_BYTES) {
      const number = this.#index.pageNumbers[row]!
      this.#pages[number] = undefined
      this.#freeNumbers.push(number)
    } else {
      this.#liveBytes -= length
      this.#garbageBytes += length
    }
  }

  #openPageFor(length: number): number {
    const open = this.#openNumber
    if (open !== undefined && this.#openBytes + length <= this.#pages[open]!.byteLength) return open
    while (this.#nextPageBytes < length) this.#nextPageBytes *= 2
    const number = this.#addPage(new Uint8Array(this.#nextPageBytes))
    this.#nextPageBytes = Math.min(this.#nextPageBytes * 2, LAST_PAGE_BYTES)
    this.#openNumber = number
    this.#openBytes = 0
    return number
  }

  #addPage(page: Uint8Array): number {
    const number = this.#freeNumbers.pop() ?? this.#pages.length
    this.#pages[number] = page
    return number
  }

  /** Moves the live values of shared pages to new ones. Pages of one value keep their bytes. */
  #rewrite(): void {
    const index = this.#index
    const pages = this.#pages
    const rows = this.#rows
    this.#index = createIndex(index.lengths.length)
    this.#pages = []
    this.#freeNumbers = []
    this.#openNumber = undefined
    this.#openBytes = 0
    this.#nextPageBytes = FIRST_PAGE_BYTES
    this.#liveBytes = 0
    this.#garbageBytes = 0
    for (let row = 0; row < rows; row++) {
      const length = index.lengths[row]
      if (length === undefined || length === ABSENT) continue
      if (length > LARGEST_SHARED_BYTES) {
        this.#index.lengths[row] = length
        this.#index.pageNumbers[row] = this.#addPage(pages[index.pageNumbers[row]!]!)
      } else {
        this.#write(row, borrowValue(index, pages, row)!)
      }
    }
  }

  #leaveToCapture(): void {
    const { pageNumbers, offsets, lengths } = this.#index
    this.#index = { pageNumbers: pageNumbers.slice(), offsets: offsets.slice(), lengths: lengths.slice() }
    this.#pages = this.#pages.slice()
    this.#captured = false
  }
}

function createIndex(rows: number): Index {
  return {
    pageNumbers: new Uint16Array(rows),
    offsets: new Uint32Array(rows),
    lengths: new Uint32Array(rows).fill(ABSENT),
  }
}

function grownIndex(index: Index, rowsNeeded: number): Index {
  let rows = Math.max(FIRST_INDEX_ROWS, index.lengths.length)
  while (rows < rowsNeeded) rows *= 2
  const grown = createIndex(rows)
  grown.pageNumbers.set(index.pageNumbers)
  grown.offsets.set(index.offsets)
  grown.lengths.set(index.lengths)
  return grown
}

function lengthIn({ lengths }: Index, row: number): number | undefined {
  const length = lengths[row]
  return length === ABSENT ? undefined : length
}

function borrowValue(index: Index, pages: readonly (Uint8Array | undefined)[], row: number): Uint8Array | undefined {
  const length = lengthIn(index, row)
  if (length === undefined) return undefined
  if (length === 0) return new Uint8Array(0)
  const offset = index.offsets[row]!
  return pages[index.pageNumbers[row]!]!.subarray(offset, offset + length)
}
