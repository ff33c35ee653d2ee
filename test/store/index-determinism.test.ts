import { describe, expect, test } from 'vitest'
import type { OpenOptions } from '../../src/store/options.ts'
import type { Digest, VectorStore } from '../../src/store/vector-store.ts'
import { scanLog } from '../../src/wal/log-scan.ts'
import { rowsOf } from '../engine/graph/graph-fixture.ts'
import { checksum, filesOf, ReplayFixture } from '../replay/replay-fixture.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { FIXED_LOG_DIGEST, fixedLog } from './support/fixed-log.ts'
import { emptyCollectionFor, entriesOf, gloveSet, ON_DEMAND } from './support/index-fixture.ts'
import { StoreFixture } from './support/store-fixture.ts'

const THREADS = [0, 1, 2, 4]
const SET = gloveSet(2000)

/** What a store with so many threads makes of a log. It logs nothing by itself. */
async function digestOf(files: CrashableFiles, options: OpenOptions) {
  const { store } = await StoreFixture.open({ ...ON_DEMAND, ...options }, files)
  const digest = await store.digest()
  const stats = await statsOf(store)
  await store.close()
  return { digest, stats }
}

/** What a log makes up to, and with, one of its records. */
async function digestThrough(files: CrashableFiles, lsn: number): Promise<Digest> {
  const payloads: Uint8Array[] = []
  const onRecord = ({ payload }: { payload: Uint8Array }) => void payloads.push(payload.slice())
  await scanLog(files, { checksum, limitLsn: lsn, durableOnly: true, onRecord })
  return (await digestOf(filesOf(...payloads), { threads: 0 })).digest
}

async function statsOf(store: VectorStore) {
  const collections = await Promise.all(store.collections().map(({ name }) => store.collection(name)))
  return Object.fromEntries(
    collections.map((collection) => {
      const { indexed, waiting, nodes, deadNodes, unreachable, codes } = collection.stats().index
      return [collection.name, { indexed, waiting, nodes, deadNodes, unreachable, codes }]
    }),
  )
}

describe('the index of a fixed log', () => {
  test('is built of events that all fit', () => {
    const replay = new ReplayFixture()
    const outcomes = fixedLog().flatMap((payload) => replay.applyPayload(payload).outcomes)
    expect(outcomes.filter(({ code }) => code !== undefined)).toEqual([])
  })

  test.each(THREADS)('has the digest that it has everywhere, with %d threads', async (threads) => {
    const { digest, stats } = await digestOf(filesOf(...fixedLog()), { threads })
    const sound = { waiting: 0, deadNodes: 0, unreachable: 0 }
    expect(stats).toEqual({
      words: { ...sound, indexed: 3127, nodes: 3077, waiting: 100, codes: '4-bit' },
      places: { ...sound, indexed: 1240, nodes: 1240, codes: '8-bit' },
      products: { ...sound, indexed: 1900, nodes: 1708, codes: '4-bit' },
      points: { ...sound, indexed: 1290, nodes: 1287, codes: 'float32' },
      rebuilt: { ...sound, indexed: 1200, nodes: 1200, codes: '8-bit' },
      empty: { ...sound, indexed: 0, nodes: 0, codes: undefined },
    })
    expect(digest).toEqual(FIXED_LOG_DIGEST)
  })

  test('has that digest for one who only reads', async () => {
    const { digest } = await digestOf(filesOf(...fixedLog()), { threads: 1, readOnly: true })
    expect(digest).toEqual(FIXED_LOG_DIGEST)
  })
})

/** A store that is written to, its maintenance ordered at certain places of its log. */
async function writtenStore(options: OpenOptions) {
  const opened = await emptyCollectionFor(SET, options)
  const { vectors } = opened
  await vectors.addAll(entriesOf(SET, 0, 1200))
  await vectors.optimize()
  await vectors.addAll(entriesOf(SET, 1200, 1600))
  await vectors.flush()
  await vectors.delete(Array.from({ length: 300 }, (_, index) => `e${index * 4}`))
  await vectors.consolidate()
  await vectors.addAll(entriesOf(SET, 1600, 2000))
  await vectors.add(entriesOf(SET, 50, 90))
  await vectors.flush()
  return opened
}

describe('the index of a store that is written to', () => {
  test('is the same for any number of threads, live, reopened with another, and for a reader', async () => {
    const digests: Digest[] = []
    for (const [place, threads] of THREADS.entries()) {
      const { fixture, store } = await writtenStore({ threads })
      digests.push(await store.digest())
      const reader = await StoreFixture.open({ ...ON_DEMAND, readOnly: true, threads }, fixture.files)
      digests.push(await reader.store.digest())
      await reader.store.close()
      await store.close()
      digests.push((await digestOf(fixture.files, { threads: THREADS.at(place - 1)! })).digest)
    }
    expect(new Set(digests.map((digest) => JSON.stringify(digest))).size).toBe(1)
  })

  test.each(THREADS)('that maintains it when it will, is what its log says: %d threads', async (threads) => {
    const options = { threads, bufferEntries: 150, consolidateShare: 0.1, rebuildShare: 0.3 }
    const { fixture, store, vectors } = await emptyCollectionFor(SET, options)
    for (let at = 0; at < 2000; at += 100) {
      // Not awaited: what is built when depends on how fast everything is.
      void vectors.add(entriesOf(SET, at, at + 100))
      void vectors.delete([`e${at}`, `e${at >> 1}`, `e${at >> 2}`])
      if (at % 500 === 0) await vectors.search(rowsOf(SET)[at]!)
    }
    await vectors.delete(Array.from({ length: 400 }, (_, index) => `e${index * 3}`))
    const early = await store.digest()
    await vectors.settled()
    const live = await store.digest()
    expect(live.data).toBe(early.data)
    await store.close()
    for (const others of THREADS) expect((await digestOf(fixture.files, { threads: others })).digest).toEqual(live)
  })

  test('is as of the call, whatever is written and ordered meanwhile', async () => {
    const { fixture, store, vectors } = await emptyCollectionFor(SET, { threads: 1 })
    await vectors.addAll(entriesOf(SET, 0, 1000))
    void vectors.optimize()
    const taken: Digest[] = []
    for (let at = 1000; at < 1500; at += 100) {
      const digesting = store.digest()
      await vectors.add(entriesOf(SET, at, at + 100))
      void vectors.flush()
      taken.push(await digesting)
    }
    await vectors.settled()
    const { files } = fixture
    const last = await store.digest()
    await store.close()
    expect((await digestOf(files, { threads: 0 })).digest).toEqual(last)
    for (const digest of taken) expect(await digestThrough(files, digest.lsn)).toEqual(digest)
  })
})
