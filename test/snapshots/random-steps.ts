import { QUANTIZATION_MODES } from '../../src/engine/quantization.ts'
import { textBytes } from '../engine/engine-fixture.ts'
import type { Random } from '../support/random.ts'
import { bytesOfComponents, componentFor, METRICS_OF, VECTOR_TYPES } from '../support/typed-vectors.ts'
import type { SnapshotFixture } from './snapshot-fixture.ts'

/**
 * Takes a random step; the same on every state that the same steps were taken on. Collections stay small, so chunks are to be
 * made small where this is used.
 */
export function takeStep(store: SnapshotFixture, random: Random): void {
  const collections = store.state.collections()
  const kind = random.nextInt(20)
  if (collections.length === 0 || (kind === 0 && collections.length < 4)) {
    const vectorType = random.pick(VECTOR_TYPES)
    const dimensions = vectorType === 'binary' ? random.pick([8, 40]) : random.pick([1, 3, 40])
    const metric = random.pick(METRICS_OF[vectorType])
    store.apply({ type: 'create', name: `c${store.state.lsn}`, dimensions, metric, vectorType })
    store.startIndexes()
    return
  }
  const collection = random.pick(collections)
  const id = () => `id-${random.nextInt(60)}`
  const { dimensions, vectorType } = collection
  const component = () => componentFor(vectorType, random.pick([1, -1, 2, 0.5, -0, 3e38, 1e-45]))
  /** None is zero, which cosine could not compare. */
  const vector = () => Array.from({ length: dimensions }, component).map((x, i) => (i === 0 ? x || 1 : x))
  const document = () => (random.nextBoolean() ? textBytes('x'.repeat(random.nextInt(30))) : undefined)
  if (kind < 9) {
    const ids = [...new Set(Array.from({ length: 1 + random.nextInt(12) }, id))]
    const vectors = bytesOfComponents(vectorType, ids.flatMap(vector))
    const documents = random.nextBoolean() ? { documents: ids.map(document) } : {}
    store.apply({ type: 'add', collection: collection.creationLsn, ids, vectors, ...documents })
  } else if (kind === 9) store.update(collection, id(), document())
  else if (kind < 12) store.delete(collection, ...Array.from({ length: random.nextInt(10) }, id))
  else if (kind < 14) store.flush(collection, 'insert', Math.floor(collection.slotCount * random.pick([1, 1, 0.8])))
  else if (kind < 16) store.flush(collection, 'bulk', Math.floor(collection.slotCount * random.pick([1, 1, 0.5])))
  else if (kind < 17) store.apply({ type: 'consolidate', collection: collection.creationLsn })
  else if (kind < 19) store.apply({ type: 'compact', collection: collection.creationLsn, chunk: random.nextInt(6) })
  else {
    const rare = random.nextInt(5)
    if (rare === 0) store.drop(collection)
    const mode = random.pick(QUANTIZATION_MODES)
    if (rare > 2) store.apply({ type: 'quantize', collection: collection.creationLsn, mode })
  }
}
