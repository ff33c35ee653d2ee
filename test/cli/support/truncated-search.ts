import { distanceBetween } from '../../../src/cli/vector-distance.ts'
import type { Metric } from '../../../src/store/public.ts'

interface SearchCall {
  readonly k: number
  readonly listSize?: number
  readonly exact?: boolean
}

/** A collection whose approximate search sees only its first `listSize` vectors, so that its recall can be told beforehand. */
export class TruncatedSearch {
  readonly name = 'rows'
  readonly metric: Metric
  readonly calls: SearchCall[] = []
  readonly #entries: { readonly id: string; readonly vector: Float32Array }[]

  constructor(metric: Metric, vectors: readonly (readonly number[])[], idOf: (row: number) => string = String) {
    this.metric = metric
    this.#entries = vectors.map((vector, row) => ({ id: idOf(row), vector: Float32Array.from(vector) }))
  }

  async getMany(ids: readonly string[]) {
    return ids.map((id) => this.#entries.find((entry) => entry.id === id))
  }

  async search(query: Float32Array, options: SearchCall) {
    this.calls.push(options)
    const { k, listSize = this.#entries.length, exact = false } = options
    const seen = exact ? this.#entries : this.#entries.slice(0, listSize)
    const hits = seen
      .map(({ id, vector }) => ({ id, distance: distanceBetween(this.metric, query, vector) }))
      .sort((left, right) => left.distance - right.distance)
      .slice(0, k)
    return { hits, exact: exact || seen.length === this.#entries.length, visited: seen.length }
  }
}
