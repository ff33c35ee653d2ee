import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { ORIGINALS, SMALL_PAGE_BYTES } from '../../src/snapshots/format.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { listSnapshots } from '../../src/snapshots/snapshot-set.ts'
import type { Collection } from '../../src/store/collection.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { checksum } from '../replay/replay-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf } from '../support/log-fixture.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { endingOf, StoreFixture, until } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const ON_DISK = { originals: 'disk', documents: 'disk' } as const
const ENTRIES = CHUNK_SLOTS * 2 + 50
const ROW_BYTES = 16

const vectorOf = (place: number) => [place % 128, Math.floor(place / 128), 1, -place]
const metadataOf = (place: number) => ({ place, text: `entry ${place}` })

/** Two full chunks and some entries, `e0`, `e1`, …, in a store on disk of which a snapshot was taken. */
async function filled(options: OpenOptions = {}, { failing = false } = {}) {
  const files = new CrashableFiles()
  const problems: unknown[] = []
  const opened = { ...ON_DEMAND, ...NONE_UNASKED, ...ON_DISK, onProblem: (problem: unknown) => problems.push(problem) }
  const fixture = await StoreFixture.open({ ...opened, ...options }, files)
  const { store } = fixture
  const vectors = await store.collection('vectors', { dimensions: 4, metric: 'euclidean' })
  await vectors.addAll(
    Array.from({ length: ENTRIES }, (_, place) => ({
      id: `e${place}`,
      vector: vectorOf(place),
      metadata: metadataOf(place),
    })),
  )
  const before = store.memoryUsage().components
  if (failing) failAfterPublishing(files)
  await store.snapshot()
  return { files, fixture, store, vectors, before, problems, options: { ...opened, ...options } }
}

/** Lets no part be opened once a snapshot has its name. */
function failAfterPublishing(files: CrashableFiles): void {
  let isPublished = false
  const isRefused = (operation: string) => {
    isPublished ||= operation.startsWith('rename snapshots/')
    return isPublished && operation.startsWith('open snapshots/') && operation.endsWith('.part read')
  }
  files.failWhen(isRefused, 'EACCES', 100)
}

/** Damages the vectors of some entries of the first chunk: the page with number 20. */
async function damagePage(files: CrashableFiles): Promise<{ first: number; last: number; path: string }> {
  const { snapshots } = await listSnapshots(files, checksum)
  const part = snapshots[0]!.manifest!.parts.find(({ kind }) => kind === ORIGINALS)!
  files.flipBit(partPath(part), (20 * SMALL_PAGE_BYTES + 77) * 8)
  const [first, last] = [(20 * 4088 - 64) / ROW_BYTES, (21 * 4088 - 64 - 1) / ROW_BYTES].map(Math.floor)
  return { first: first!, last: last!, path: partPath(part) }
}

async function expectEntries(vectors: Collection, places: readonly number[]): Promise<void> {
  for (const place of places) {
    const entry = await vectors.get(`e${place}`)
    expect([[...entry!.vector], entry!.metadata]).toEqual([vectorOf(place), metadataOf(place)])
  }
}

/** Parts that were opened and not closed again. */
function openParts({ operations }: CrashableFiles): number {
  const count = (name: string) =>
    operations.filter((operation) => operation.startsWith(`${name} snapshots/`) && operation.includes('.part')).length
  return count('open') - count('close')
}

describe('vectors and metadata on disk', () => {
  test('leave memory with a snapshot, stay out of it at the next opening, and are closed with the store', async () => {
    const { files, fixture, store, vectors, before, problems, options } = await filled()
    const after = store.memoryUsage().components
    expect(before.originals! - after.originals!).toBe(2 * CHUNK_SLOTS * ROW_BYTES)
    expect(after.documents).toBeLessThan(before.documents! / 5)
    expect(after.pageWindow).toBe(128 * 1024)
    const places = [0, 1, CHUNK_SLOTS - 1, CHUNK_SLOTS, 20_000, ENTRIES - 1]
    await expectEntries(vectors, places)
    const digest = await store.digest()
    expect(openParts(files)).toBe(4)
    await store.close()
    expect(openParts(files)).toBe(0)

    const again = await StoreFixture.open(options, files)
    expect(again.store.memoryUsage().components.originals).toBe(after.originals)
    expect(again.store.memoryUsage().components.documents).toBeLessThanOrEqual(after.documents!)
    await expectEntries(await again.store.collection('vectors'), places)
    expect(await again.store.digest()).toEqual(digest)
    const reader = await again.openReader()
    expect(reader.store.memoryUsage().components.originals).toBe(before.originals)
    expect(reader.store.memoryUsage().components).not.toHaveProperty('pageWindow')
    expect(await reader.store.digest()).toEqual(digest)
    await reader.store.close()
    const past = await StoreFixture.open({ ...ON_DISK, threads: 0, at: digest.lsn }, files)
    expect(past.store.memoryUsage().components.originals).toBe(after.originals)
    await expectEntries(await past.store.collection('vectors'), places)
    expect(await past.store.digest()).toEqual(digest)
    await past.store.close()
    await again.store.close()
    expect([openParts(files), fixture.store, problems.length]).toEqual([0, store, 0])
  })

  test('damage costs the entries in its page and no other, until they are replaced', async () => {
    const { files, store, vectors } = await filled()
    await vectors.optimize()
    const { first, last, path } = await damagePage(files)
    const error = await errorOf(vectors.get(`e${first}`))
    expect([error.code, error.details]).toEqual([
      'ERR_CHUNK_CORRUPT',
      { path, offset: 20 * SMALL_PAGE_BYTES, reason: 'a checksum is wrong' },
    ])
    expect(error.message).toContain(`${path} is damaged at offset ${20 * SMALL_PAGE_BYTES}`)
    expect(await endingOf(() => vectors.get(`e${last}`))).toBe('ERR_CHUNK_CORRUPT')
    await expectEntries(vectors, [first - 1, last + 1, CHUNK_SLOTS + first])
    expect(await endingOf(() => vectors.search({ id: `e${first + 5}` }))).toBe('ERR_CHUNK_CORRUPT')
    expect(await endingOf(() => vectors.search(vectorOf(5), { exact: true }))).toBe('ERR_CHUNK_CORRUPT')
    expect(await endingOf(() => store.digest())).toBe('ERR_CHUNK_CORRUPT')
    await vectors.add([{ id: `e${first}`, vector: [1, 2, 3, 4] }])
    expect([...(await vectors.get(`e${first}`))!.vector]).toEqual([1, 2, 3, 4])
    // What nobody can read is in no snapshot, and its log stays.
    expect(await endingOf(() => store.snapshot())).toBe('ERR_CHUNK_CORRUPT')
    await store.close()
  })

  test('a chunk that cannot be read is not compacted, which is said once, and writing goes on', async () => {
    const { files, store, vectors, problems } = await filled()
    const { first } = await damagePage(files)
    const others = Array.from({ length: CHUNK_SLOTS }, (_, place) => place).filter(
      (place) => place % 3 > 0 && place !== first,
    )
    await vectors.delete(others.map((place) => `e${place}`))
    await until(() => problems.length > 0)
    expect(problems).toEqual([expect.objectContaining({ code: 'ERR_CHUNK_CORRUPT' })])
    await vectors.add([{ id: 'more', vector: [1, 1, 1, 1] }])
    await vectors.settled()
    expect(vectors.count()).toBe(ENTRIES - others.length + 1)
    expect(problems.length).toBe(1)
    await store.close()
  })

  test('a replay that needs what cannot be read goes back to an older snapshot, or to the log', async () => {
    const { files, store, vectors, options } = await filled()
    const gone = Array.from({ length: CHUNK_SLOTS }, (_, place) => `e${place}`).filter((_, place) => place % 3 > 0)
    await vectors.delete(gone)
    await vectors.settled()
    const digest = await store.digest()
    await store.close()
    const { path } = await damagePage(files)
    const again = await StoreFixture.open(options, files)
    const { recovery } = again.store.stats()
    expect(recovery.snapshotLsn).toBeUndefined()
    expect(recovery.problems[0]).toContain(`${path} is damaged at offset`)
    expect(await again.store.digest()).toEqual(digest)
    await expectEntries(await again.store.collection('vectors'), [0, 3, CHUNK_SLOTS, ENTRIES - 1])
    await again.store.close()
    expect(openParts(files)).toBe(0)
  })

  test('what cannot leave memory says so, stays, and leaves with the next snapshot', async () => {
    const { files, store, vectors, before, problems } = await filled({}, { failing: true })
    const [problem] = problems as { code: string; message: string }[]
    expect([problems.length, problem!.code]).toEqual([1, 'ERR_PERMISSION'])
    expect(problem!.message).toMatch(/^a chunk that is to be on disk could not leave memory, nor could 3 others: /)
    expect(store.stats().lastSnapshotProblem).toBe(problem!.message)
    expect(store.memoryUsage().components.originals).toBe(before.originals)
    files.clearFaults()
    await vectors.delete(['e5'])
    await store.snapshot()
    expect(before.originals! - store.memoryUsage().components.originals!).toBe(2 * CHUNK_SLOTS * ROW_BYTES)
    expect(store.stats()).not.toHaveProperty('lastSnapshotProblem')
    await expectEntries(vectors, [0, 6, CHUNK_SLOTS])
    await store.close()
    expect(problems.length).toBe(1)
  })
})

describe('the options originals and documents', () => {
  test.each([{ originals: 'ssd' }, { documents: true }, { originals: null }])('refuse %j', async (options) => {
    const open = VectorStore.open(await directory(), options as never)
    await expect(open).rejects.toThrow(TypeError)
  })

  test.each([{ originals: 'disk' }, { documents: 'disk' }] as const)(
    'refuse %j in a database, and say why',
    async (options) => {
      for (const open of [
        () => VectorStore.ephemeral(options),
        () => VectorStore.open(new MemoryLevel() as never, options),
      ]) {
        const error = await errorOf(open())
        expect([error.code, isStoreError(error)]).toEqual(['ERR_STORE_OPTIONS', true])
        expect(error.message).toContain('a database is read asynchronously')
      }
    },
  )

  test('are part of what a directory is shared by', async () => {
    const path = await directory()
    const store = await VectorStore.open(path, { originals: 'disk' })
    const same = await VectorStore.open(path, { originals: 'disk', documents: 'memory' })
    await same.close()
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_STORE_OPTIONS')
    await store.close()
    await (await VectorStore.open(path)).close()
  })
})
