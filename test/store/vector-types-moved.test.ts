import { describe, expect, test, vi } from 'vitest'
import { salvageStore, VectorStore, type VectorType } from '../../src/index.ts'
import type { Collection } from '../../src/store/collection.ts'
import { Random } from '../support/random.ts'
import {
  bytesGiven,
  bytesOfComponents,
  handedIn,
  METRICS_OF,
  randomComponent,
  VECTOR_TYPES,
} from '../support/typed-vectors.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

// Chunks of 256 slots: what takes many thousands of entries else takes a thousand.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 256,
}))

const directory = temporaryDirectories()
const CHUNK = 256
const DIMENSIONS = 264
const ENTRIES = CHUNK * 2 + 60
const OPTIONS = { ...ON_DEMAND, ...NONE_UNASKED }

type Typed = Collection<object, VectorType>

/** Two full chunks and some entries, all but the last few in the index. */
class TypedStore {
  readonly rows: Float32Array[]
  readonly type: VectorType
  readonly directory: string
  store!: VectorStore
  vectors!: Typed

  constructor(type: VectorType, at: string) {
    const random = new Random(11)
    const component = () => Math.max(-1e30, Math.min(1e30, randomComponent(type, random)))
    this.type = type
    this.directory = at
    this.rows = Array.from({ length: ENTRIES }, () =>
      Float32Array.from({ length: DIMENSIONS }, type === 'float32' ? () => random.nextUnit() - 0.5 : component).with(
        0,
        1,
      ),
    )
  }

  async fill(): Promise<void> {
    await this.open()
    const entries = this.rows.map((row, i) => ({ id: `e${i}`, vector: handedIn(this.type, [...row]) }))
    await this.vectors.addAll(entries.slice(0, -20))
    await this.vectors.optimize()
    await this.vectors.addAll(entries.slice(-20))
  }

  async open(): Promise<void> {
    this.store = await VectorStore.open(this.directory, OPTIONS)
    const settings = {
      dimensions: DIMENSIONS,
      type: this.type,
      metric: METRICS_OF[this.type].at(-2) ?? 'hamming',
    } as const
    this.vectors = await this.store.collection<object, VectorType>('vectors', settings)
  }

  async reopen(): Promise<void> {
    await this.store.close()
    await this.open()
  }

  async hits(exact: boolean) {
    const asked = [3, 300, 560].map((row) => ({ query: handedIn(this.type, [...this.rows[row]!]) as Float32Array }))
    const options = exact ? { exact } : { listSize: ENTRIES }
    return Promise.all(asked.map(async ({ query }) => (await this.vectors.search(query, { k: 12, ...options })).hits))
  }

  async expectEntries(vectors = this.vectors, gone: ReadonlySet<number> = new Set()): Promise<void> {
    const entries = await vectors.getMany(this.rows.map((_, i) => `e${i}`))
    for (const [i, entry] of entries.entries()) {
      const expected = gone.has(i) ? undefined : bytesOfComponents(this.type, [...this.rows[i]!])
      expect(bytesGiven(this.type, entry?.vector)).toEqual(expected)
    }
  }
}

describe('vectors of a type are themselves, and found,', () => {
  test.each(VECTOR_TYPES)('in every mode, from memory and from disk: %s', async (type) => {
    const typed = new TypedStore(type, await directory())
    await typed.fill()
    const [exact, walked] = [await typed.hits(true), await typed.hits(false)]
    expect(walked).toEqual(exact)
    for (const mode of ['int8', 'binary', 'none', 'int8'] as const) {
      const report = await typed.vectors.quantize(mode)
      expect(report.originals.chunksOnDisk).toBe(mode === 'none' ? 0 : 2)
      await typed.expectEntries()
      expect(await typed.hits(true)).toEqual(exact)
      expect(await typed.hits(false)).toEqual(exact)
      const { data } = await typed.store.digest()
      await typed.reopen()
      expect((await typed.store.digest()).data).toBe(data)
      await typed.expectEntries()
    }
    expect((await typed.store.verify()).problems).toEqual([])
    expect((await typed.vectors.search({ id: 'e7' }, { recall: 0.9 })).hits).toHaveLength(10)
    await typed.store.close()
  })

  test.each(VECTOR_TYPES)('moved by a compaction, copied, rescued, and as they were: %s', async (type) => {
    const typed = new TypedStore(type, await directory())
    await typed.fill()
    const { lsn } = typed.store.stats()
    const before = await typed.store.digest()
    await typed.store.snapshot()
    const gone = new Set(Array.from({ length: CHUNK - 50 }, (_, i) => i))
    await typed.vectors.delete([...gone].map((i) => `e${i}`))
    await typed.vectors.compact()
    expect(typed.vectors.stats().slots).toBeLessThan(ENTRIES)
    await typed.expectEntries(typed.vectors, gone)
    const { data } = await typed.store.digest()
    const [copy, rescued] = [await directory(), await directory()]
    await typed.store.backup(copy)
    await typed.store.close()
    await salvageStore(typed.directory, rescued)
    for (const place of [copy, rescued]) {
      const store = await VectorStore.open(place, { readOnly: true, threads: 0 })
      expect((await store.digest()).data).toBe(data)
      await typed.expectEntries(await store.collection<object, VectorType>('vectors'), gone)
      await store.close()
    }
    const past = await VectorStore.open(typed.directory, { at: lsn, threads: 0 })
    expect(await past.digest()).toEqual(before)
    await typed.expectEntries(await past.collection<object, VectorType>('vectors'))
    await past.close()
  })
})
