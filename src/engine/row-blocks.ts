import { CHUNK_SLOTS } from '../base/limits.ts'

/** Largest block of a column. Blocks are allocated whole, so this also bounds what a column holds beyond its rows. */
const BLOCK_BYTES = 1024 * 1024
const FIRST_ROWS = 4
const MOST_COPIED_ONE_BY_ONE = 256

type Elements = Float32Array | Float64Array

/** Where rows are in blocks. */
interface Layout {
  readonly elementsPerRow: number
  readonly rowsPerBlock: number
}

/** Consecutive rows within one block, borrowed. */
export interface RowRun<Block> {
  readonly elements: Block
  readonly rows: number
}

/** The rows of a column as they were at one moment, whatever is appended or freed later. */
export interface RowsCapture<Block extends Elements> {
  readonly rows: number
  /** As {@link RowBlocks.borrowRun}. */
  borrowRun(row: number, maxRows: number): RowRun<Block>
}

/**
 * Rows of one width, append-only, in blocks: what the fixed-width columns share. A row that is there never changes, and a
 * block never moves, so a borrowed run stays right for as long as it is held, also after its block was freed. The first
 * block starts at a few rows and doubles by copying (the smaller ones stay valid for who borrowed them); later blocks are
 * allocated whole.
 */
export class RowBlocks<Block extends Elements> {
  readonly rowBytes: number
  /** A power of two of at most `CHUNK_SLOTS`, so that a chunk is a whole number of blocks. */
  readonly rowsPerBlock: number
  readonly #layout: Layout
  readonly #allocate: (elements: number) => Block
  /** `undefined` where a block was freed. */
  readonly #blocks: (Block | undefined)[] = []
  #rows = 0

  constructor(elementsPerRow: number, bytesPerElement: number, allocate: (elements: number) => Block) {
    this.#allocate = allocate
    this.rowBytes = elementsPerRow * bytesPerElement
    this.rowsPerBlock = rowsOfBlock(this.rowBytes)
    this.#layout = { elementsPerRow, rowsPerBlock: this.rowsPerBlock }
  }

  get rows(): number {
    return this.#rows
  }

  /** Appends `bytes.byteLength / rowBytes` rows, in the byte order of the machine. */
  appendBytes(bytes: Uint8Array): void {
    if (bytes.byteLength % this.rowBytes !== 0) throw new RangeError(`not whole rows of ${this.rowBytes} bytes`)
    let rowsLeft = bytes.byteLength / this.rowBytes
    let offset = 0
    while (rowsLeft > 0) {
      const rowInBlock = this.#rows % this.rowsPerBlock
      const rows = Math.min(rowsLeft, this.rowsPerBlock - rowInBlock)
      const block = this.#blockWithRoom(rowInBlock + rows)
      const sizeBytes = rows * this.rowBytes
      const target = new Uint8Array(block.buffer, rowInBlock * this.rowBytes, sizeBytes)
      target.set(bytes.subarray(offset, offset + sizeBytes))
      offset += sizeBytes
      rowsLeft -= rows
      this.#rows += rows
    }
  }

  /** Appends one row of one element. */
  appendElement(value: number): void {
    const rowInBlock = this.#rows % this.rowsPerBlock
    this.#blockWithRoom(rowInBlock + 1)[rowInBlock] = value
    this.#rows += 1
  }

  /**
   * Appends at most `maxRows` rows, fewer where the block ends, and hands out their bytes to be filled by the caller, before
   * anybody reads them.
   */
  extend(maxRows: number): Uint8Array {
    const rowInBlock = this.#rows % this.rowsPerBlock
    const rows = Math.min(maxRows, this.rowsPerBlock - rowInBlock)
    const block = this.#blockWithRoom(rowInBlock + rows)
    this.#rows += rows
    return new Uint8Array(block.buffer, rowInBlock * this.rowBytes, rows * this.rowBytes)
  }

  /** Appends rows that were freed: whole blocks, behind whole blocks. */
  extendFreed(rows: number): void {
    const end = this.#rows + rows
    if (this.#rows % this.rowsPerBlock !== 0 || end % this.rowsPerBlock !== 0) {
      throw new RangeError(`${rows} rows behind ${this.#rows} are not whole blocks of ${this.rowsPerBlock}`)
    }
    this.#blocks.length = end / this.rowsPerBlock
    this.#blocks.fill(undefined, this.#rows / this.rowsPerBlock)
    this.#rows = end
  }

  /** The first element of a row. Throws `RangeError` for a row that is not there, or not any more. */
  elementAt(row: number): number {
    const block = blockOf(this.#blocks, this.#layout, row, this.#rows)
    return block[(row % this.rowsPerBlock) * this.#layout.elementsPerRow]!
  }

  /** Writes the elements of a row from `at` on. Throws `RangeError` for a row that is not there, or not any more. */
  copyRow(row: number, target: Block, at: number): void {
    const block = blockOf(this.#blocks, this.#layout, row, this.#rows)
    const { elementsPerRow } = this.#layout
    const from = (row % this.rowsPerBlock) * elementsPerRow
    // A view costs more than copying a short row.
    if (elementsPerRow > MOST_COPIED_ONE_BY_ONE) target.set(block.subarray(from, from + elementsPerRow), at)
    else for (let index = 0; index < elementsPerRow; index++) target[at + index] = block[from + index]!
  }

  /**
   * A view of up to `maxRows` rows from `row` on; it ends at the end of the block. Throws `RangeError` for a first row that
   * is not there, or not any more.
   */
  borrowRun(row: number, maxRows: number): RowRun<Block> {
    return runOf(this.#blocks, this.#layout, row, maxRows, this.#rows)
  }

  /** Frees the rows from `from` up to `end`: whole blocks, all of their rows filled. Captures and borrowed runs keep theirs. */
  free(from: number, end: number): void {
    if (from % this.rowsPerBlock !== 0 || end % this.rowsPerBlock !== 0 || from < 0 || end > this.#rows) {
      throw new RangeError(`rows ${from} to ${end} of ${this.#rows} are not whole blocks of ${this.rowsPerBlock}`)
    }
    this.#blocks.fill(undefined, from / this.rowsPerBlock, end / this.rowsPerBlock)
  }

  /** The rows as they are now, at the cost of a reference a block. */
  capture(): RowsCapture<Block> {
    // Nothing of `this` goes into the capture: it would keep alive what is appended later.
    const blocks = this.#blocks.slice()
    const layout = this.#layout
    const rows = this.#rows
    return { rows, borrowRun: (row, maxRows) => runOf(blocks, layout, row, maxRows, rows) }
  }

  /** Bytes of all blocks that were not freed. The array of references to them (8 bytes a block) is left out. */
  memoryBytes(): number {
    return this.#blocks.reduce((sum, block) => sum + (block?.byteLength ?? 0), 0)
  }

  /** The last block, with room for `rows` rows in all. */
  #blockWithRoom(rows: number): Block {
    const index = Math.floor(this.#rows / this.rowsPerBlock)
    const current = this.#blocks[index]
    const { elementsPerRow } = this.#layout
    if (current !== undefined && current.length >= rows * elementsPerRow) return current
    let capacityRows = index === 0 ? FIRST_ROWS : this.rowsPerBlock
    while (capacityRows < rows) capacityRows *= 2
    const block = this.#allocate(Math.min(capacityRows, this.rowsPerBlock) * elementsPerRow)
    if (current !== undefined) block.set(current)
    this.#blocks[index] = block
    return block
  }
}

function blockOf<Block extends Elements>(
  blocks: readonly (Block | undefined)[],
  { rowsPerBlock }: Layout,
  row: number,
  rowCount: number,
): Block {
  if (!(Number.isInteger(row) && row >= 0 && row < rowCount)) throw new RangeError(`no row ${row} of ${rowCount}`)
  const block = blocks[Math.floor(row / rowsPerBlock)]
  if (block === undefined) throw new RangeError(`row ${row} was freed by a compaction`)
  return block
}

function runOf<Block extends Elements>(
  blocks: readonly (Block | undefined)[],
  layout: Layout,
  row: number,
  maxRows: number,
  rowCount: number,
): RowRun<Block> {
  const block = blockOf(blocks, layout, row, rowCount)
  const { elementsPerRow, rowsPerBlock } = layout
  const rowInBlock = row % rowsPerBlock
  const rows = Math.min(maxRows, rowsPerBlock - rowInBlock, rowCount - row)
  const from = rowInBlock * elementsPerRow
  return { elements: block.subarray(from, from + rows * elementsPerRow) as Block, rows }
}

function rowsOfBlock(rowBytes: number): number {
  let rows = 1
  while (rows < CHUNK_SLOTS && rows * 2 * rowBytes <= BLOCK_BYTES) rows *= 2
  return rows
}
