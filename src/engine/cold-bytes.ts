import type { BytesChunkCapture } from './bytes-chunk.ts'
import type { ColdValues } from './cold-sources.ts'

/** What an entry of a map takes beside its bytes, roughly. */
const ENTRY_BYTES = 100

/** Values of a cold chunk that were replaced since, by row. */
type Changes = ReadonlyMap<number, Uint8Array | undefined>

/**
 * A full chunk of a bytes column whose values are read when they are asked for, but those that were replaced since it became
 * cold. Replacing a value reads nothing, so it cannot fail.
 */
export class ColdBytes {
  readonly source: ColdValues
  readonly #rows: number
  /** Never changed once a capture has it. */
  #changes = new Map<number, Uint8Array | undefined>()
  #captured = false

  constructor(source: ColdValues, rows: number) {
    this.source = source
    this.#rows = rows
  }

  replace(row: number, value: Uint8Array | undefined): void {
    if (this.#captured) {
      this.#changes = new Map(this.#changes)
      this.#captured = false
    }
    // Not `slice`, which gives a view when the value is a Buffer.
    this.#changes.set(row, value && new Uint8Array(value))
  }

  /** As {@link BytesChunk.borrow}; in memory of its own where it is read. */
  borrow(row: number): Uint8Array | undefined {
    return borrowValue(this.source, this.#changes, row)
  }

  capture(): BytesChunkCapture {
    this.#captured = true
    const [source, changes, rows] = [this.source, this.#changes, this.#rows]
    return {
      rows,
      version: changes,
      coldSource: changes.size === 0 ? source : undefined,
      borrow: (row) => (row < rows ? borrowValue(source, changes, row) : undefined),
      lengthOf: (row) => (changes.has(row) ? changes.get(row)?.byteLength : source.lengthOf(row)),
    }
  }

  /** As {@link BytesChunk.isAsIn}. */
  isAsIn({ version }: BytesChunkCapture): boolean {
    return this.#changes === version
  }

  memoryBytes(): number {
    let bytes = this.source.memoryBytes()
    for (const value of this.#changes.values()) bytes += ENTRY_BYTES + (value?.byteLength ?? 0)
    return bytes
  }
}

function borrowValue(source: ColdValues, changes: Changes, row: number): Uint8Array | undefined {
  return changes.has(row) ? changes.get(row) : source.read(row)
}
