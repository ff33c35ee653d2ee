import type { StoreEvent } from '../../../src/engine/events.ts'
import { encodeEvents } from '../../../src/replay/event-codec.ts'
import { rowsOf, type VectorSet } from '../../engine/graph/graph-fixture.ts'
import { clusterSet, logNormalSet, normalSet, repeatedSet, scaledSet } from '../../engine/graph/vector-sets.ts'
import { gloveSet } from './index-fixture.ts'

const VERSION = 1

/**
 * What the fixed log makes, on any machine, any release of Node and any number of threads. `data` changes with the digest's
 * layout alone; `index` with it, and with INDEX_VERSION, which must change where a graph comes out differently.
 */
export const FIXED_LOG_DIGEST = { lsn: 47, data: 'b27bc65343693161', index: 'fed9ba78a3df3a6a' }

/** Makes the events of one collection, and counts the slots that they fill. */
class CollectionEvents {
  readonly #collection: number
  #slotCount = 0

  /** `collection` is the LSN of the record that creates it. */
  constructor(collection: number) {
    this.#collection = collection
  }

  /** Slots that are filled. */
  get slots(): number {
    return this.#slotCount
  }

  /** Rows of a set under the ids `<prefix><row>`, all of them different. */
  add(set: VectorSet, from: number, end: number, prefix = 'e'): StoreEvent {
    const rows = rowsOf(set).slice(from, end)
    this.#slotCount += rows.length
    const vectors = new Uint8Array(Float32Array.from(rows.flatMap((row) => [...row])).buffer)
    const ids = rows.map((_, row) => `${prefix}${from + row}`)
    return { type: 'add', collection: this.#collection, ids, vectors }
  }

  /** Those of the rows from `from` up to, not including, `end` that `dies` picks. */
  delete(from: number, end: number, dies: (row: number) => boolean): StoreEvent {
    const rows = Array.from({ length: end - from }, (_, row) => from + row).filter(dies)
    return { type: 'delete', collection: this.#collection, ids: rows.map((row) => `e${row}`) }
  }

  insert(throughSlot = this.#slotCount): StoreEvent {
    return { type: 'flush', method: 'insert', throughSlot, ...this.#fields() }
  }

  bulk(walkCodes: 'narrow' | 'wide', frame: { scale?: number; centre?: Uint8Array } = {}, back = 0): StoreEvent {
    const throughSlot = this.#slotCount - back
    return { type: 'flush', method: 'bulk', throughSlot, walkCodes, scale: 1, ...frame, ...this.#fields() }
  }

  rebuild(walkCodes: 'narrow' | 'wide', back = 0): StoreEvent {
    return { type: 'rebuild', throughSlot: this.#slotCount - back, walkCodes, scale: 1, ...this.#fields() }
  }

  consolidate(): StoreEvent {
    return { type: 'consolidate', collection: this.#collection }
  }

  /** Says, too, how many entries it moves. */
  compact(chunk: number, moved: number): StoreEvent {
    this.#slotCount += moved
    return { type: 'compact', collection: this.#collection, chunk }
  }

  #fields() {
    return { collection: this.#collection, indexVersion: VERSION }
  }
}

/**
 * The payloads of a log with every kind of event, one to a record: words that come, go and come back by codes of both kinds,
 * clusters far from zero, products of very different lengths, equal vectors, a chunk that is compacted, and a graph anew.
 */
export function fixedLog(): Uint8Array[] {
  const creates: StoreEvent[] = [
    { type: 'create', name: 'words', dimensions: 100, metric: 'cosine' },
    { type: 'create', name: 'places', dimensions: 40, metric: 'euclidean' },
    { type: 'create', name: 'products', dimensions: 36, metric: 'dot' },
    { type: 'create', name: 'points', dimensions: 3, metric: 'euclidean' },
    { type: 'create', name: 'rebuilt', dimensions: 48, metric: 'cosine' },
    { type: 'create', name: 'empty', dimensions: 2, metric: 'cosine' },
  ]
  const events = [
    ...creates,
    ...wordEvents(),
    ...placeEvents(),
    ...productEvents(),
    ...pointEvents(),
    ...rebuiltEvents(),
  ]
  return events.map((event) => encodeEvents([event]))
}

function wordEvents(): StoreEvent[] {
  const set = gloveSet(4100)
  const words = new CollectionEvents(1)
  return [
    words.add(set, 0, 3000),
    words.bulk('narrow'),
    words.add(set, 3000, 3600),
    // Other vectors under ids that are there, and equal vectors under other ids.
    words.add(set, 100, 150, 'e1'),
    words.add(set, 0, 60, 'twin '),
    words.insert(),
    words.delete(0, 3600, (row) => row % 6 === 0),
    words.consolidate(),
    words.add(set, 3600, 4100),
    words.insert(words.slots - 100),
    words.delete(1000, 1400, () => true),
    words.consolidate(),
  ]
}

function rebuiltEvents(): StoreEvent[] {
  const set = normalSet('cosine', 1500, 48)
  const rebuilt = new CollectionEvents(5)
  return [
    rebuilt.add(set, 0, 600),
    rebuilt.bulk('narrow', {}, 100),
    rebuilt.insert(),
    rebuilt.delete(0, 600, (row) => row % 2 === 0),
    rebuilt.add(set, 600, 1200),
    rebuilt.rebuild('wide', 50),
    rebuilt.add(set, 1200, 1500),
    rebuilt.insert(),
  ]
}

function placeEvents(): StoreEvent[] {
  const clusters = clusterSet('euclidean', 1600, 40, 40, 0.02, true)
  const set = scaledSet(clusters, () => 1, 100)
  const centre = new Uint8Array(new Float32Array(40).fill(100).buffer)
  const places = new CollectionEvents(2)
  return [
    places.add(set, 0, 1200),
    places.bulk('wide', { centre, scale: 2 ** -3 }),
    places.add(set, 1200, 1600),
    places.insert(),
    places.delete(0, 1600, (row) => row % 40 < 9),
    places.consolidate(),
  ]
}

function productEvents(): StoreEvent[] {
  const set = logNormalSet(1500, 36)
  const repeated = { ...repeatedSet(400, 36, 0.5), metric: 'dot' as const }
  const products = new CollectionEvents(3)
  return [
    products.add(set, 0, 1000),
    products.bulk('narrow', { scale: 2 }),
    products.add(set, 1000, 1500),
    products.add(repeated, 0, 400, 'repeated '),
    products.insert(),
  ]
}

function pointEvents(): StoreEvent[] {
  const set = normalSet('euclidean', 17_000, 3)
  const points = new CollectionEvents(4)
  const isKept = (row: number) => row % 20 === 0
  return [
    points.add(set, 0, 16_000),
    points.delete(0, 16_000, (row) => !isKept(row)),
    points.bulk('wide'),
    points.add(set, 16_000, 17_000),
    // Of the first 16,384 slots, 800 of the first 16,000 live, and 384 behind them.
    points.compact(0, 800 + 384),
    points.add(set, 0, 90, 'late '),
    points.insert(points.slots - 200),
    points.delete(0, 17_000, (row) => row % 3 === 0),
    points.consolidate(),
    points.insert(),
  ]
}
