import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import type { EventOutcome, StoreEvent } from '../../src/engine/events.ts'
import type { DistanceMetric } from '../../src/engine/metric.ts'
import { componentsOf, type VectorType } from '../support/typed-vectors.ts'

export interface ModelCollection {
  readonly lsn: number
  readonly metric: DistanceMetric
  readonly dimensions: number
  readonly vectorType: VectorType
  readonly entries: Map<string, { slot: number; vector: number[]; document: Uint8Array | undefined }>
  slotCount: number
  readonly freedChunks: Set<number>
}

/** A store of plain maps: what the outcome of well-formed events should be. Vectors may hold anything. */
export class StoreModel {
  /** By name, in order of creation. */
  readonly collections = new Map<string, ModelCollection>()

  apply(event: StoreEvent, lsn: number): EventOutcome {
    const nothing = { added: 0, replaced: 0, removed: 0 }
    if (event.type === 'create') {
      if (this.collections.has(event.name)) return { ...nothing, code: 'ERR_COLLECTION_MISMATCH' }
      const { name, metric, dimensions, vectorType = 'float32' } = event
      const nothingYet = { entries: new Map(), slotCount: 0, freedChunks: new Set<number>() }
      this.collections.set(name, { lsn, metric, dimensions, vectorType, ...nothingYet })
      return nothing
    }
    const found = [...this.collections].find(([, collection]) => collection.lsn === event.collection)
    if (found === undefined) return { ...nothing, code: 'ERR_COLLECTION_NOT_FOUND' }
    const [name, collection] = found
    switch (event.type) {
      case 'drop':
        this.collections.delete(name)
        return { ...nothing, removed: collection.entries.size }
      case 'add': {
        const vectors = rowsOf(event.vectors, collection)
        for (const vector of vectors) {
          if (!vector.every(Number.isFinite)) return { ...nothing, code: 'ERR_VECTOR_NOT_FINITE' }
          const isZero = vector.every((component) => component === 0)
          if (isZero && collection.metric === 'cosine') return { ...nothing, code: 'ERR_VECTOR_ZERO' }
        }
        let replaced = 0
        let added = 0
        for (const [position, id] of event.ids.entries()) {
          if (event.ids.lastIndexOf(id) !== position) continue
          if (collection.entries.has(id)) replaced += 1
          else added += 1
          const slot = collection.slotCount++
          collection.entries.set(id, { slot, vector: vectors[position]!, document: event.documents?.[position] })
        }
        return { added, replaced, removed: 0 }
      }
      case 'update': {
        const entry = collection.entries.get(event.id)
        if (entry === undefined) return { ...nothing, code: 'ERR_ENTRY_NOT_FOUND' }
        entry.document = event.document
        return { ...nothing, replaced: 1 }
      }
      case 'delete':
        return { ...nothing, removed: event.ids.filter((id) => collection.entries.delete(id)).length }
      case 'compact':
        return compactModel(collection, event.chunk) === undefined
          ? { ...nothing, code: 'ERR_RECORD_INVALID' }
          : nothing
      default:
        throw new TypeError(`the model has no graph: ${event.type}`)
    }
  }
}

/** Moves what lives in a chunk, and returns pairs of old slot and new slot; `undefined` where that does not fit. */
export function compactModel(collection: ModelCollection, chunk: number): number[] | undefined {
  const { entries, freedChunks } = collection
  if (!Number.isInteger(chunk) || chunk < 0 || freedChunks.has(chunk)) return undefined
  if ((chunk + 1) * CHUNK_SLOTS > collection.slotCount) return undefined
  const moving = [...entries.values()]
    .filter(({ slot }) => Math.floor(slot / CHUNK_SLOTS) === chunk)
    .sort((left, right) => left.slot - right.slot)
  if (moving.length >= CHUNK_SLOTS / 2) return undefined
  freedChunks.add(chunk)
  return moving.flatMap((entry) => {
    const from = entry.slot
    entry.slot = collection.slotCount++
    return [from, entry.slot]
  })
}

function rowsOf(bytes: Uint8Array, { vectorType, dimensions }: ModelCollection): number[][] {
  const components = componentsOf(vectorType, bytes)
  return Array.from({ length: components.length / dimensions }, (_, row) =>
    components.slice(row * dimensions, (row + 1) * dimensions),
  )
}
