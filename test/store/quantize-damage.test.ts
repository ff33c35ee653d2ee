import { afterEach, describe, expect, test, vi } from 'vitest'
import { CollectionRestorer } from '../../src/engine/collection-restorer.ts'
import { CollectionState } from '../../src/engine/collection-state.ts'
import { verifyFiles } from '../../src/replay/verify.ts'
import type { VerifyReport } from '../../src/replay/verify-report.ts'
import { ORIGINALS } from '../../src/snapshots/format.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { listSnapshots } from '../../src/snapshots/snapshot-set.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { checksum } from '../replay/replay-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { ALL_LOG_KEPT, damage, NONE_UNASKED } from './support/snapshot-files.ts'
import { endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'

// Chunks of 64 slots: what takes many thousands of entries else takes a few hundred.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 64,
}))

afterEach(() => vi.restoreAllMocks())

const CHUNK = 64
const ENTRIES = CHUNK * 3 + 10
const DIMENSIONS = 5
const ROW_BYTES = DIMENSIONS * 4

/** Three full chunks on disk and ten entries, two snapshots, and a record behind them. */
async function filled(options: OpenOptions = NONE_UNASKED, mode: 'int8' | 'none' = 'int8') {
  const fixture = await StoreFixture.open({ ...ON_DEMAND, ...options }, new CrashableFiles())
  const { store, files } = fixture
  const vectors = await store.collection('vectors', { dimensions: DIMENSIONS, metric: 'euclidean' })
  await vectors.add(someEntries(ENTRIES, DIMENSIONS))
  await vectors.flush()
  await vectors.quantize(mode)
  if (mode === 'none') await store.snapshot()
  await vectors.update('e1', { metadata: { first: true } })
  await store.snapshot()
  await vectors.update('e1', { metadata: { second: true } })
  expect(vectors.stats().originals.chunksOnDisk).toBe(mode === 'int8' ? 3 : 0)
  return { store, vectors, files }
}

function verify(files: CrashableFiles): Promise<VerifyReport> {
  return verifyFiles(files, { checksum, yieldToEventLoop: async () => {} }) as Promise<VerifyReport>
}

async function vectorPart(files: CrashableFiles): Promise<string> {
  const [newest] = (await listSnapshots(files, checksum)).snapshots
  return partPath(newest!.manifest!.parts.find(({ kind, chunk }) => kind === ORIGINALS && chunk === 1)!)
}

describe('verify of a store whose vectors are on disk', () => {
  test('has no full chunk of them in memory', async () => {
    const { store, files } = await filled()
    const { data } = await store.digest()
    await store.close()
    const extend = vi.spyOn(CollectionRestorer.prototype, 'extendVectors')
    const report = await verify(files)
    expect(report).toMatchObject({ ok: true, problems: [], digest: data })
    expect(report.snapshots.map(({ ok }) => ok)).toEqual([true, true])
    const sizes = extend.mock.results.map(({ value }) => (value as Uint8Array).byteLength)
    expect(new Set(sizes)).toEqual(new Set([10 * ROW_BYTES]))
  })

  test('lets go of what was replayed once a snapshot is found to hold it', async () => {
    const { store, files } = await filled(ALL_LOG_KEPT)
    await store.close()
    const evict = vi.spyOn(CollectionState.prototype, 'makeVectorsCold')
    const report = await verify(files)
    expect(report).toMatchObject({ ok: true, problems: [], reachable: [{ from: 0, to: report.lsn }] })
    expect(evict.mock.calls.map(([chunk]) => chunk)).toEqual([0, 1, 2])
  })

  test('names a damaged chunk, and goes on, whether the store is open or not', async () => {
    const { store, vectors, files } = await filled()
    const path = await vectorPart(files)
    damage(files, path)
    expect(await endingOf(() => vectors.get('e70'))).toBe('ERR_CHUNK_CORRUPT')
    expect(await endingOf(() => store.digest())).toBe('ERR_CHUNK_CORRUPT')
    const reports = [await store.verify(), await verify(files)]
    for (const { ok, problems, snapshots } of reports) {
      expect(ok).toBe(false)
      expect(problems[0]).toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT', path, effect: 'loss', snapshots: [5, 4] })
      expect(snapshots.map((snapshot) => snapshot.ok)).toEqual([false, false])
    }
    await store.close()
  })
})

describe('a switch', () => {
  test('takes nothing out of memory that its snapshot does not hold', async () => {
    const { store, vectors, files } = await filled(NONE_UNASKED, 'none')
    damage(files, await vectorPart(files))
    const { originals } = await vectors.quantize('int8')
    expect(originals).toMatchObject({ chunks: 3, chunksOnDisk: 2 })
    expect(originals.problem).toMatch(/could not leave memory: .*a checksum is wrong/)
    for (const entry of someEntries(ENTRIES, DIMENSIONS)) {
      expect([...(await vectors.get(entry.id))!.vector]).toEqual(entry.vector)
    }
    await store.close()
  })

  test('that is logged does not fail because searches cannot be measured', async () => {
    const { store, vectors, files } = await filled()
    const { lsn } = store.stats()
    const report = await vectors.quantize('int8', {
      onProgress: ({ phase, done, total }) => {
        const isMeasured = phase === 'measure' && done === total
        if (isMeasured) files.failWhen((operation) => operation.startsWith('readNow'), 'EIO', 1)
      },
    })
    expect(report.lsn).toBe(lsn + 1)
    expect(report.before.recall).toBe(1)
    expect([report.after.mode, report.after.recall, report.after.latencyMs]).toEqual(['int8', undefined, undefined])
    expect(vectors.stats().quantization).toBe('int8')
    await store.close()
  })

  test('that is not logged yet fails by it, and changes nothing', async () => {
    const { store, vectors, files } = await filled()
    const before = await store.digest()
    files.failWhen((operation) => operation.startsWith('readNow'), 'EIO', 1)
    expect(await endingOf(() => vectors.quantize('none'))).toBe('ERR_IO')
    expect(await store.digest()).toEqual(before)
    expect(vectors.stats().quantization).toBe('int8')
    await store.close()
  })
})
