import type { DistanceMetric as Metric } from '../../src/engine/metric.ts'
import type { VectorType } from './typed-vectors.ts'

export interface ModelEntry {
  /** The components, whatever they are kept as. */
  readonly vector: Float32Array
  readonly metadata?: object | undefined
}

export interface ModelHit {
  readonly id: string
  readonly distance: number
}

/** One collection: a Map in the order in which entries took their slots, and arithmetic that can be checked by eye. */
export class ModelCollection {
  readonly name: string
  readonly dimensions: number
  readonly metric: Metric
  readonly createdAtLsn: number
  readonly type: VectorType
  readonly entries = new Map<string, ModelEntry>()

  constructor(name: string, dimensions: number, metric: Metric, createdAtLsn: number, type: VectorType = 'float32') {
    this.name = name
    this.dimensions = dimensions
    this.metric = metric
    this.createdAtLsn = createdAtLsn
    this.type = type
  }

  add(entries: readonly (ModelEntry & { readonly id: string })[]): { added: number; replaced: number } {
    const before = new Set(this.entries.keys())
    const ids = new Set(entries.map(({ id }) => id))
    for (const { id, vector, metadata } of entries) {
      // Taken out first, so that a replaced entry stands where its new slot does.
      this.entries.delete(id)
      this.entries.set(id, { vector, metadata })
    }
    const replaced = [...ids].filter((id) => before.has(id)).length
    return { added: ids.size - replaced, replaced }
  }

  update(id: string, metadata: object | undefined): boolean {
    const entry = this.entries.get(id)
    if (entry === undefined) return false
    this.entries.set(id, { ...entry, metadata })
    return true
  }

  delete(ids: readonly string[]): number {
    return ids.filter((id) => this.entries.delete(id)).length
  }

  /** Every entry with its distance, nearest first. */
  ranking(query: Float32Array, excludedId?: string): ModelHit[] {
    const others = [...this.entries].filter(([id]) => id !== excludedId)
    const hits = others.map(([id, { vector }]) => ({ id, distance: distanceOf(this.metric, query, vector) }))
    // The order of equal distances is that of the slots, which a stable sort keeps.
    return hits.sort((left, right) => left.distance - right.distance)
  }
}

/** A store of plain maps: what the public calls should make of it. */
export class StoreModel {
  readonly collections = new Map<string, ModelCollection>()
  /** LSN of the last record that the calls so far have logged. */
  lsn = 0

  create(name: string, dimensions: number, metric: Metric, type: VectorType = 'float32'): ModelCollection {
    this.lsn += 1
    const collection = new ModelCollection(name, dimensions, metric, this.lsn, type)
    this.collections.set(name, collection)
    return collection
  }

  drop(name: string): boolean {
    const dropped = this.collections.delete(name)
    if (dropped) this.lsn += 1
    return dropped
  }
}

/** Plain float64 in order of the components. The kernel adds in another order, so the last digits may differ. */
export function distanceOf(metric: Metric, query: Float32Array, vector: Float32Array): number {
  if (metric === 'dot') return -dotOf(query, vector)
  if (metric === 'cosine') return 1 - dotOf(query, vector) / (lengthOf(query) * lengthOf(vector))
  let sum = 0
  for (const [index, component] of query.entries()) sum += (component - vector[index]!) ** 2
  return metric === 'hamming' ? sum : Math.sqrt(sum)
}

/** How far two correct ways of adding up may be apart: a small multiple of the rounding of the largest term. */
export function toleranceOf(metric: Metric, query: Float32Array, vector: Float32Array): number {
  const roundings = 4 * query.length * Number.EPSILON
  if (metric === 'hamming') return 0
  if (metric === 'cosine') return roundings
  if (metric === 'euclidean') return roundings * distanceOf(metric, query, vector)
  let magnitude = 0
  for (const [index, component] of query.entries()) magnitude += Math.abs(component * vector[index]!)
  return roundings * magnitude
}

function dotOf(left: Float32Array, right: Float32Array): number {
  let sum = 0
  for (const [index, component] of left.entries()) sum += component * right[index]!
  return sum
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(dotOf(vector, vector))
}
