import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { VectorStore } from '../../src/store/vector-store.ts'
import { requireBuild, type Seen, StoreProcess } from './support/store-process.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const started: StoreProcess[] = []

beforeAll(requireBuild)

afterAll(async () => {
  for (const process of started) await process.kill()
})

/** What a process says, and how it ends by itself. */
async function run(verb: string, path: string, options: object): Promise<{ said: Seen; ending: unknown }> {
  const process = new StoreProcess(verb, path, options, 'index-process.mjs')
  started.push(process)
  const said = await process.hear()
  return { said, ending: await process.finish() }
}

describe.each([0, 1, 2])('a process with %d threads that never closes its store', (threads) => {
  test('ends by itself while an index is built, and while one is built from the log', async () => {
    const path = await directory()
    const options = { threads, bufferEntries: 5000 }
    const { said, ending } = await run('leave', path, options)
    expect([said, ending]).toEqual([{ indexed: 0, waiting: 8000, backlog: 1 }, 0])
    const again = await run('reopen', path, options)
    expect([again.said, again.ending]).toEqual([{ indexed: 0, waiting: 8000, backlog: 1 }, 0])
    const store = await VectorStore.open(path, { threads: 0 })
    const vectors = await store.collection('vectors')
    await vectors.settled()
    // What came while the graph was planned may be in it, or not yet.
    expect(vectors.stats().index.indexed).toBeGreaterThanOrEqual(5000)
    await vectors.flush()
    expect(vectors.stats().index).toMatchObject({ indexed: 8000, waiting: 0, unreachable: 0 })
    await store.close()
  })

  test.each<[string, object, unknown]>([
    ['settled', { bufferEntries: 3000 }, { indexed: expect.any(Number), waiting: expect.any(Number), backlog: 0 }],
    ['optimize', {}, { indexed: 8000, waiting: 0, backlog: 0 }],
    ['digest', { bufferEntries: 3000 }, 'string'],
    ['searchMany', {}, true],
    ['snapshot', { bufferEntries: 5000 }, { lsn: expect.any(Number), kept: 1, indexed: 8000 }],
    ['snapshotUnasked', { bufferEntries: 5000, snapshotRecords: 11 }, { lsn: 11, kept: 0, indexed: 0 }],
    ['full', { bufferEntries: 1000, maxUnindexedEntries: 1200 }, 8000],
  ])('lives until what it waits for is done, and no longer: %s', async (verb, options, said) => {
    expect(await run(verb, await directory(), { threads, ...options })).toEqual({ said, ending: 0 })
  })
})

test('a process whose workers have ended, because there was nothing to do, builds with new ones', async () => {
  const { said, ending } = await run('idle', await directory(), { threads: 1, bufferEntries: 3000 })
  expect([said, ending]).toEqual([{ indexed: 8000, waiting: 0, backlog: 0 }, 0])
})
