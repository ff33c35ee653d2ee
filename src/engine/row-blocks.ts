import { CHUNK_SLOTS } from '../base/limits.ts'
import type { ColdRows } from './cold-sources.ts'

/** Largest block of a column. Blocks are allocated whole, so this also bounds what a column holds beyond its rows. */
const BLOCK_BYTES = 1024 * 1024
const FIRST_ROWS = 4
const MOST_COPIED_ONE_BY_ONE = 256

type Elements = Float32Array | Float64Array | Uint8Array

/** Rows, and where they are. */
interface Held<Block> {
  /** `undefined` where a block was freed, or its chunk is cold. */
  readonly blocks: (Block | undefined)[]
  /** By chunk: where the rows of a cold one are read from. */
  readonly cold: (ColdRows | undefined)[]
  rows: number
  readonly rowsPerBlock: number
  readonly elementsPerRow: number
  readonly allocate: (elements: number) => Block
}

/** Makes a whole block of a chunk, where that is not any memory. */
export type AllocateBlock<Block> = (chunk: number, elements: number) => Block

/** Consecutive rows within one block, borrowed; where they are cold, in memory of their own. */
export interface RowRun<Block> {
  readonly elements: Block
  readonly rows: number
}

/** The rows of a column as they were at one moment, whatever is appended or freed later, or becomes cold. */
export interface RowsCapture<Block> {
  readonly rows: number
  /** As {@link RowBlocks.borrowRun}. */
  borrowRun(row: number, maxRows: number, allocate?: (elements: number) => Block): RowRun<Block>
}

/**
 * Rows of one width, append-only, in blocks: what the columns of fixed width are made of, a row a slot. A row that is there never changes, and a
 * block never moves, so a borrowed run stays right for as long as it is held, also after its block was freed. The first
 * block starts at a few rows and doubles by copying (the smaller ones stay valid for who borrowed them); later blocks are
 * allocated whole.
 *
 * A full chunk may be cold: out of memory, its rows read from a source whenever they are asked for. Then calls that give rows
 * throw what the source throws.
 */
export class RowBlocks<Block extends Elements> {
  readonly rowBytes: number
  /** A power of two of at most `CHUNK_SLOTS`, so that a chunk is a whole number of blocks. */
  readonly rowsPerBlock: number
  readonly #held: Held<Block>
  readonly #allocateBlock: AllocateBlock<Block>

  constructor(
    elementsPerRow: number,
    bytesPerElement: number,
    allocate: (elements: number) => Block,
    allocateBlock: AllocateBlock<Block> = (_, elements) => allocate(elements),
  ) {
    this.#allocateBlock = allocateBlock
    this.rowBytes = elementsPerRow * bytesPerElement
    this.rowsPerBlock = rowsOfBlock(this.rowBytes)
    this.#held = { blocks: [], cold: [], rows: 0, rowsPerBlock: this.rowsPerBlock, elementsPerRow, allocate }
  }

  /** Rows filled. */
  get count(): number {
    return this.#held.rows
  }

  /** Appends `bytes.byteLength / rowBytes` rows, in the byte order of the machine. */
  appendBytes(bytes: Uint8Array): void {
    if (bytes.byteLength % this.rowBytes !== 0) throw new RangeError(`not whole rows of ${this.rowBytes} bytes`)
    let rowsLeft = bytes.byteLength / this.rowBytes
    let offset = 0
    while (rowsLeft > 0) {
      const target = this.extend(rowsLeft)
      target.set(bytes.subarray(offset, offset + target.byteLength))
      offset += target.byteLength
      rowsLeft -= target.byteLength / this.rowBytes
    }
  }

  /** Appends one row of one element. */
  appendElement(value: number): void {
    const rowInBlock = this.#held.rows % this.rowsPerBlock
    this.#blockWithRoom(rowInBlock + 1)[rowInBlock] = value
    this.#held.rows += 1
  }

  /**
   * Appends at most `maxRows` rows, fewer where the block ends, and hands out their bytes to be filled by the caller, before
   * anybody reads them.
   */
  extend(maxRows: number): Uint8Array {
    const rowInBlock = this.#held.rows % this.rowsPerBlock
    const rows = Math.min(maxRows, this.rowsPerBlock - rowInBlock)
    const block = this.#blockWithRoom(rowInBlock + rows)
    this.#held.rows += rows
    return new Uint8Array(block.buffer, block.byteOffset + rowInBlock * this.rowBytes, rows * this.rowBytes)
  }

  /** Appends rows that were freed: whole blocks, behind whole blocks. */
  extendFreed(rows: number): void {
    const { blocks, rows: from } = this.#held
    const end = from + rows
    this.#checkBlocks(from, end, end)
    blocks.length = end / this.rowsPerBlock
    blocks.fill(undefined, from / this.rowsPerBlock)
    this.#held.rows = end
  }

  /** Appends a cold chunk, behind full ones. */
  extendCold(source: ColdRows): void {
    const { cold, rows } = this.#held
    if (rows % CHUNK_SLOTS !== 0) throw new RangeError(`the last chunk of ${rows} rows is not full`)
    this.extendFreed(CHUNK_SLOTS)
    cold[rows / CHUNK_SLOTS] = source
  }

  /**
   * Lets go of the rows of a full chunk, which are read from `source` from now on. Captures and borrowed runs keep theirs.
   * Throws `RangeError` for a chunk that is not full, or was freed.
   */
  makeCold(chunk: number, source: ColdRows): void {
    const [from, end] = [chunk * CHUNK_SLOTS, (chunk + 1) * CHUNK_SLOTS]
    const { blocks, cold, rows } = this.#held
    this.#checkBlocks(from, end, rows)
    if (blockOf(this.#held, from) === undefined) coldOf(this.#held, from)
    blocks.fill(undefined, from / this.rowsPerBlock, end / this.rowsPerBlock)
    cold[chunk] = source
  }

  /**
   * Reads the rows of a cold chunk back into memory, block by block, each of which is served from then on; yields after each.
   * Ends as soon as the chunk is not cold any more, or read from elsewhere. Until all are there the chunk is cold.
   */
  *warm(chunk: number): Generator<void, void, void> {
    const { blocks, cold, rowsPerBlock, elementsPerRow } = this.#held
    const source = cold[chunk]
    for (let row = 0; row < CHUNK_SLOTS; row += rowsPerBlock) {
      if (source === undefined || cold[chunk] !== source) return
      const place = (chunk * CHUNK_SLOTS + row) / rowsPerBlock
      if (blocks[place] !== undefined) continue
      const block = this.#allocateBlock(chunk, rowsPerBlock * elementsPerRow)
      source.read(row, new Uint8Array(block.buffer, block.byteOffset, block.byteLength))
      blocks[place] = block
      if (row + rowsPerBlock < CHUNK_SLOTS) yield
    }
    cold[chunk] = undefined
  }

  /** Where the rows of a chunk are read from, if it is cold. */
  coldChunk(chunk: number): ColdRows | undefined {
    return this.#held.cold[chunk]
  }

  /** The first element of a row. Throws `RangeError` for a row that is not there, or not any more. */
  elementAt(row: number): number {
    const block = blockOf(this.#held, row)
    if (block === undefined) return this.borrowRun(row, 1).elements[0]!
    return block[(row % this.rowsPerBlock) * this.#held.elementsPerRow]!
  }

  /** Writes the elements of a row from `at` on. Throws `RangeError` for a row that is not there, or not any more. */
  copyRow(row: number, target: Block, at: number): void {
    const block = blockOf(this.#held, row)
    if (block === undefined) {
      this.#copyCold(row, target, at)
      return
    }
    const { elementsPerRow } = this.#held
    const from = (row % this.rowsPerBlock) * elementsPerRow
    // A view costs more than copying a short row.
    if (elementsPerRow > MOST_COPIED_ONE_BY_ONE) target.set(block.subarray(from, from + elementsPerRow), at)
    else for (let index = 0; index < elementsPerRow; index++) target[at + index] = block[from + index]!
  }

  /**
   * A view of up to `maxRows` rows from `row` on; it ends at the end of the block. Throws `RangeError` for a first row that
   * is not there, or not any more. Rows that are cold are read into what `allocate` gives.
   */
  borrowRun(row: number, maxRows: number, allocate?: (elements: number) => Block): RowRun<Block> {
    return runOf(this.#held, row, maxRows, allocate)
  }

  /** Frees the rows from `from` up to `end`: whole blocks, all of their rows filled. Captures and borrowed runs keep theirs. */
  free(from: number, end: number): void {
    const { blocks, cold, rows } = this.#held
    this.#checkBlocks(from, end, rows)
    blocks.fill(undefined, from / this.rowsPerBlock, end / this.rowsPerBlock)
    cold.fill(undefined, Math.floor(from / CHUNK_SLOTS), Math.ceil(end / CHUNK_SLOTS))
  }

  /** The rows as they are now, at the cost of a reference a block. */
  capture(): RowsCapture<Block> {
    // Nothing of `this` goes into the capture: it would keep alive what is appended later.
    const { blocks, cold } = this.#held
    const held = { ...this.#held, blocks: blocks.slice(), cold: cold.slice() }
    return { rows: held.rows, borrowRun: (row, maxRows, allocate) => runOf(held, row, maxRows, allocate) }
  }

  /** Bytes of all blocks in memory. The arrays of references to them (8 bytes a block) are left out. */
  memoryBytes(): number {
    return this.#held.blocks.reduce((sum, block) => sum + (block?.byteLength ?? 0), 0)
  }

  #copyCold(row: number, target: Block, at: number): void {
    const offset = target.byteOffset + at * target.BYTES_PER_ELEMENT
    coldOf(this.#held, row).read(row % CHUNK_SLOTS, new Uint8Array(target.buffer, offset, this.rowBytes))
  }

  #checkBlocks(from: number, end: number, rows: number): void {
    if (from % this.rowsPerBlock !== 0 || end % this.rowsPerBlock !== 0 || from < 0 || end > rows) {
      throw new RangeError(`rows ${from} to ${end} of ${rows} are not whole blocks of ${this.rowsPerBlock}`)
    }
  }

  /** The last block, with room for `rows` rows in all. */
  #blockWithRoom(rows: number): Block {
    const { blocks, elementsPerRow } = this.#held
    const index = Math.floor(this.#held.rows / this.rowsPerBlock)
    const current = blocks[index]
    if (current !== undefined && current.length >= rows * elementsPerRow) return current
    let capacityRows = index === 0 ? FIRST_ROWS : this.rowsPerBlock
    while (capacityRows < rows) capacityRows *= 2
    const isWhole = capacityRows >= this.rowsPerBlock
    const block = isWhole
      ? this.#allocateBlock(Math.floor(this.#held.rows / CHUNK_SLOTS), this.rowsPerBlock * elementsPerRow)
      : this.#held.allocate(capacityRows * elementsPerRow)
    if (current !== undefined) block.set(current)
    blocks[index] = block
    return block
  }
}

/** The block of a row; `undefined` where it was freed or is cold. */
function blockOf<Block>({ blocks, rows, rowsPerBlock }: Held<Block>, row: number): Block | undefined {
  if (!(Number.isInteger(row) && row >= 0 && row < rows)) throw new RangeError(`no row ${row} of ${rows}`)
  return blocks[Math.floor(row / rowsPerBlock)]
}

function coldOf<Block>({ cold }: Held<Block>, row: number): ColdRows {
  const source = cold[Math.floor(row / CHUNK_SLOTS)]
  if (source === undefined) throw new RangeError(`row ${row} was freed by a compaction`)
  return source
}

function runOf<Block extends Elements>(
  held: Held<Block>,
  row: number,
  maxRows: number,
  allocate = held.allocate,
): RowRun<Block> {
  const block = blockOf(held, row)
  const { elementsPerRow, rowsPerBlock } = held
  const rowInBlock = row % rowsPerBlock
  const rows = Math.min(maxRows, rowsPerBlock - rowInBlock, held.rows - row)
  if (block === undefined) {
    const source = coldOf(held, row)
    const elements = allocate(rows * elementsPerRow)
    source.read(row % CHUNK_SLOTS, new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength))
    return { elements, rows }
  }
  const from = rowInBlock * elementsPerRow
  return { elements: block.subarray(from, from + rows * elementsPerRow) as Block, rows }
}

function rowsOfBlock(rowBytes: number): number {
  let rows = 1
  while (rows < CHUNK_SLOTS && rows * 2 * rowBytes <= BLOCK_BYTES) rows *= 2
  return rows
}
