import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { MemoryLedger } from '../../src/engine/memory-ledger.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const MOST_COLLECTIONS = 100

const DIMENSIONS = 64
/** Two full chunks, so that vectors have memory of their own, and some more. */
const ENTRIES = 2 * 16_384 + 100
const VECTOR_BYTES = ENTRIES * DIMENSIONS * 4

function* entries() {
  for (let place = 0; place < ENTRIES; place++) {
    const vector = Float32Array.from({ length: DIMENSIONS }, (_, at) => ((place * (at + 3) * 7919) % 1009) - 504)
    yield { id: `e${place}`, vector }
  }
}

/** Collects until nothing waits for it any more. */
async function collected(store: VectorStore): Promise<MemoryLedger> {
  for (let round = 0; round < MOST_COLLECTIONS; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    collect()
    const ledger = store.memoryUsage()
    if (ledger.components.awaitingCollection === undefined) return ledger
  }
  throw new Error(`${store.memoryUsage().components.awaitingCollection} bytes are held by somebody`)
}

for (const threads of [0, 1]) {
  test(`memory that a rebuild, a mode or a drop frees is really free: ${threads} threads`, async () => {
    const store = await VectorStore.open(await directory(), { ...ON_DEMAND, ...NONE_UNASKED, threads })
    const vectors = await store.collection('vectors', { dimensions: DIMENSIONS, metric: 'euclidean' })
    await vectors.addAll(entries())
    await vectors.optimize()
    const { total: whole } = await collected(store)

    // What waits for the collector is told by the parts that have tests of their own: here it may have been found meanwhile.
    await vectors.optimize()
    expect((await collected(store)).total).toBeLessThan(whole * 1.02)

    await vectors.quantize('int8')
    expect((await collected(store)).total).toBeLessThan(whole - VECTOR_BYTES)

    await vectors.quantize('none')
    expect((await collected(store)).total).toBeGreaterThan(VECTOR_BYTES)

    await store.drop('vectors')
    const { total, components } = await collected(store)
    expect(components.workers).toBeUndefined()
    expect(total).toBeLessThan(4 * 2 ** 20)
    await store.close()
  }, 120_000)
}
