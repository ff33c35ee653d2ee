import './support/forced-walks.ts'
import { describe, expect, test, vi } from 'vitest'
import { CODES, EDGES, IDS, NODES, SLOTS } from '../../src/snapshots/format.ts'
import { manifestPath } from '../../src/snapshots/names.ts'
import { listSnapshots } from '../../src/snapshots/snapshot-set.ts'
import type { Collection } from '../../src/store/collection.ts'
import { checksum } from '../replay/replay-fixture.ts'
import { entriesFrom, formOf, graphParts, indexed, openVectors, untilLean, vectorOf } from './support/lean-fixture.ts'
import { damage, snapshotLsns } from './support/snapshot-files.ts'
import { endingOf } from './support/store-fixture.ts'

// Chunks of 64 slots: what takes many thousands of entries else takes a few hundred.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 64,
}))

async function lean(options: Parameters<typeof indexed>[1] = {}) {
  const opened = await indexed(300, { quantization: 'binary', ...options })
  await opened.store.snapshot()
  await untilLean(opened.vectors)
  return opened
}

async function expectFound(vectors: Collection, places: readonly number[]): Promise<void> {
  for (const place of places) {
    const { hits } = await vectors.search(vectorOf(place), { k: 3, listSize: 600 })
    expect(hits[0]).toEqual({ id: `e${place}`, distance: 0 })
  }
}

const CANNOT =
  /^the graph of 'vectors' cannot be read back from its snapshot: snapshots\/.* is damaged: .*\. optimize\(\) makes a new one$/

describe('a lean graph whose files are damaged', () => {
  test.each([
    ['nodes', NODES],
    ['codes', CODES],
    ['edges', EDGES],
    ['slots', SLOTS],
  ])('in its %s is searched, cannot change, and is made anew', async (_, kind) => {
    const { store, vectors, files, problems } = await lean()
    damage(files, (await graphParts(files, [kind]))[0]!)
    await vectors.addAll(entriesFrom(300, 20))
    expect(await endingOf(() => vectors.flush())).toBe('ERR_SNAPSHOT_CORRUPT')
    expect(vectors.stats().index).toMatchObject({ form: 'lean', problem: expect.stringMatching(CANNOT) })
    expect(problems).toMatchObject([{ code: 'ERR_SNAPSHOT_CORRUPT' }])
    await expectFound(vectors, [0, 299, 310])
    expect(await endingOf(() => store.snapshot())).toBe('ERR_SNAPSHOT_CORRUPT')
    await vectors.optimize()
    expect(vectors.stats().index).toMatchObject({ form: 'whole', waiting: 0 })
    expect(vectors.stats().index.problem).toBeUndefined()
    await store.snapshot()
    await untilLean(vectors)
    await expectFound(vectors, [0, 299, 310])
    await store.close()
  })

  test('stays as it is where the mode is to be none, and says why', async () => {
    const { store, vectors, files, problems } = await lean()
    damage(files, (await graphParts(files, [EDGES]))[0]!)
    const { index, after } = await vectors.quantize('none')
    expect(index).toMatchObject({
      form: 'lean',
      formProblem: expect.stringMatching(/could not be brought into the form/),
    })
    expect([after.mode, problems.length]).toEqual(['none', 1])
    expect(vectors.stats().index.problem).toMatch(CANNOT)
    await expectFound(vectors, [0, 299])
    await vectors.optimize()
    expect(vectors.stats().index).toEqual(expect.not.objectContaining({ formProblem: expect.anything() }))
    expect([formOf(vectors), (await vectors.quantize('none')).index]).toEqual(['whole', { form: 'whole' }])
    await store.close()
  })

  test('is in no snapshot any more where one of them is gone, until it is made anew', async () => {
    const { store, vectors, files } = await lean()
    const digest = await store.digest()
    await files.remove((await graphParts(files, [CODES]))[0]!)
    await vectors.delete(['e5'])
    await expect(store.snapshot()).rejects.toMatchObject({
      code: 'ERR_SNAPSHOT_CORRUPT',
      message: expect.stringMatching(CANNOT),
    })
    expect(store.stats().lastSnapshotProblem).toMatch(/cannot be read back/)
    expect(vectors.stats().index.problem).toBeUndefined()
    expect((await store.digest()).index).toBe(digest.index)
    await expectFound(vectors, [0, 299])
    await vectors.optimize()
    await store.snapshot()
    await untilLean(vectors)
    await store.close()
    const again = await openVectors(files)
    expect(again.store.stats().recovery.problems).toEqual([])
    await expectFound(again.vectors, [0, 299])
    await again.store.close()
  })

  test('is read and written again where another file of the snapshot does not hold', async () => {
    const { store, vectors, files } = await lean()
    const { index } = await store.digest()
    const before = await graphParts(files)
    for (let round = 0; round < 3; round++) {
      await vectors.delete([`e${round}`])
      if (round === 2) damage(files, (await graphParts(files, [IDS]))[0]!)
      await store.snapshot()
    }
    expect(store.stats().lastSnapshotProblem).toMatch(/does not hold, so nothing of the log was removed/)
    const after = await graphParts(files)
    expect(after.filter((path) => before.includes(path))).toEqual([])
    expect((await store.digest()).index).toBe(index)
    await store.close()
    const again = await openVectors(files)
    expect([(await again.store.digest()).index, again.problems]).toEqual([index, []])
    await again.store.close()
  })
})

describe('the files of a lean graph', () => {
  test('stay for as long as it needs them, and go when it is gone', async () => {
    const { store, vectors, files } = await lean()
    const parts = await graphParts(files)
    const first = (await snapshotLsns(files))[0]!
    for (let round = 0; round < 4; round++) {
      await vectors.delete([`e${round}`])
      await store.snapshot()
    }
    expect((await snapshotLsns(files)).includes(first)).toBe(false)
    expect([await graphParts(files), formOf(vectors)]).toEqual([parts, 'lean'])
    // Whoever removes a manifest makes its files nobody's.
    for (const lsn of await snapshotLsns(files)) await files.remove(manifestPath(lsn))
    await vectors.delete(['e10'])
    await store.snapshot()
    expect(await graphParts(files)).toEqual(parts)
    await vectors.addAll(entriesFrom(300, 20))
    await vectors.flush()
    expect(formOf(vectors)).toBe('whole')
    for (let round = 0; round < 2; round++) {
      await vectors.delete([`e${20 + round}`])
      await store.snapshot()
    }
    const left = files.paths().filter((path) => parts.includes(path))
    expect([left, (await listSnapshots(files, checksum)).orphans]).toEqual([[], []])
    await untilLean(vectors)
    const own = await graphParts(files)
    await store.drop('vectors')
    const other = await store.collection('other', { dimensions: 2 })
    for (let round = 0; round < 3; round++) {
      await other.add([{ id: 'a', vector: [1, round] }])
      await store.snapshot()
    }
    expect(files.paths().filter((path) => own.includes(path))).toEqual([])
    await store.close()
  })
})
