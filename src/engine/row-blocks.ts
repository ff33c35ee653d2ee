import { CHUNK_SLOTS } from '../base/limits.ts'

/** Largest block of a column. Blocks are allocated whole, so this also bounds what a column holds beyond its rows. */
const BLOCK_BYTES = 1024 * 1024
const FIRST_ROWS = 4

type Elements = Float32Array | Float64Array

/**
 * Rows of one width, append-only, in blocks: what the fixed-width columns share. A row that is there never changes, and a
 * block never moves, so a borrowed run stays right for as long as it is held. The first block starts at a few rows and
 * doubles by copying (the smaller ones stay valid for who borrowed them); later blocks are allocated whole.
 */
export class RowBlocks<Block extends Elements> {
  readonly rowBytes: number
  /** A power of two of at most `CHUNK_SLOTS`, so that a chunk is a whole number of blocks. */
  readonly rowsPerBlock: number
  readonly #elementsPerRow: number
  readonly #allocate: (elements: number) => Block
  readonly #blocks: Block[] = []
  #rows = 0

  constructor(elementsPerRow: number, bytesPerElement: number, allocate: (elements: number) => Block) {
    this.#elementsPerRow = elementsPerRow
    this.#allocate = allocate
    this.rowBytes = elementsPerRow * bytesPerElement
    this.rowsPerBlock = rowsOfBlock(this.rowBytes)
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

  /** The first element of a row. Throws `RangeError` beyond the last. */
  elementAt(row: number): number {
    this.#check(row)
    return this.#blocks[Math.floor(row / this.rowsPerBlock)]![(row % this.rowsPerBlock) * this.#elementsPerRow]!
  }

  /** A view of up to `maxRows` rows from `row` on; it ends at the end of the block. Throws `RangeError` beyond the last row. */
  borrowRun(row: number, maxRows: number): { elements: Block; rows: number } {
    this.#check(row)
    const block = this.#blocks[Math.floor(row / this.rowsPerBlock)]!
    const rowInBlock = row % this.rowsPerBlock
    const rows = Math.min(maxRows, this.rowsPerBlock - rowInBlock, this.#rows - row)
    const from = rowInBlock * this.#elementsPerRow
    return { elements: block.subarray(from, from + rows * this.#elementsPerRow) as Block, rows }
  }

  /** Bytes of all blocks. The array of references to them (8 bytes a block) is left out. */
  memoryBytes(): number {
    return this.#blocks.reduce((sum, block) => sum + block.byteLength, 0)
  }

  /** The last block, with room for `rows` rows in all. */
  #blockWithRoom(rows: number): Block {
    const index = Math.floor(this.#rows / this.rowsPerBlock)
    const current = this.#blocks[index]
    if (current !== undefined && current.length >= rows * this.#elementsPerRow) return current
    let capacityRows = index === 0 ? FIRST_ROWS : this.rowsPerBlock
    while (capacityRows < rows) capacityRows *= 2
    const block = this.#allocate(Math.min(capacityRows, this.rowsPerBlock) * this.#elementsPerRow)
    if (current !== undefined) block.set(current)
    this.#blocks[index] = block
    return block
  }

  #check(row: number): void {
    if (!(Number.isInteger(row) && row >= 0 && row < this.#rows)) throw new RangeError(`no row ${row} of ${this.#rows}`)
  }
}

function rowsOfBlock(rowBytes: number): number {
  let rows = 1
  while (rows < CHUNK_SLOTS && rows * 2 * rowBytes <= BLOCK_BYTES) rows *= 2
  return rows
}
