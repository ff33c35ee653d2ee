import type { EntryInput, Metric, VectorType } from '../store/public.ts'
import { InputError } from './cli-errors.ts'
import { typedVector } from './typed-vector.ts'
import type { VectorFile } from './vector-file.ts'
import type { VectorRecord } from './vector-record.ts'

/**
 * The entries of a file up to its end, its first defect, or an interruption. Each of the three ends the stream without an
 * error, so that everything before it is written and the command can say exactly how much is durable.
 */
export class EntryStream {
  readonly #file: VectorFile
  readonly #shape: { readonly metric: Metric; readonly type: VectorType }
  readonly #signal: AbortSignal
  #count = 0
  #problem: unknown
  #interrupted = false

  constructor(file: VectorFile, shape: { readonly metric: Metric; readonly type: VectorType }, signal: AbortSignal) {
    this.#file = file
    this.#shape = shape
    this.#signal = signal
  }

  /** Entries handed out so far. */
  get count(): number {
    return this.#count
  }

  /** What ended the stream early, unless it was an interruption. */
  get problem(): unknown {
    return this.#problem
  }

  /** Whether it ended before the file because of an interruption. */
  get interrupted(): boolean {
    return this.#interrupted
  }

  /** How many entries the whole file has, judged by what was read of it. */
  get estimatedTotal(): number | undefined {
    const { sizeBytes } = this.#file
    const consumedBytes = this.#file.consumedBytes()
    if (sizeBytes === undefined || consumedBytes === 0) return undefined
    return Math.max(this.#count, Math.round((this.#count * sizeBytes) / consumedBytes))
  }

  async *entries(): AsyncGenerator<EntryInput<object, VectorType>, void, undefined> {
    const { metric, type } = this.#shape
    try {
      for await (const record of this.#file.records()) {
        if (this.#signal.aborted) {
          this.#interrupted = true
          return
        }
        checkVector(record, metric)
        const vector = typedVector(record, type)
        this.#count++
        const { id, metadata } = record
        yield metadata === undefined ? { id, vector } : { id, vector, metadata }
      }
    } catch (error) {
      this.#problem = error
    }
  }
}

/** The store checks the same, but only the reader can say where in the file the vector stands. */
export function checkVector({ vector, where }: VectorRecord, metric: Metric): void {
  let zero = true
  for (let index = 0; index < vector.length; index++) {
    const value = vector[index] as number
    if (!Number.isFinite(value))
      throw new InputError(`${where}: element ${index} of the vector is not a finite float32`)
    if (value !== 0) zero = false
  }
  if (zero && metric === 'cosine') throw new InputError(`${where}: a zero vector has no direction, which cosine needs`)
}
