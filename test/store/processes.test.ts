import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OpenOptions } from '../../src/store/options.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { endingOf, someEntries } from './support/store-fixture.ts'
import { requireBuild, type Seen, StoreProcess } from './support/store-process.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

const directory = temporaryDirectories()
const started: StoreProcess[] = []

beforeAll(requireBuild)

afterAll(async () => {
  for (const process of started) await process.kill()
})

function start(verb: string, path: string, options: OpenOptions = {}): StoreProcess {
  const process = new StoreProcess(verb, path, options)
  started.push(process)
  return process
}

/** What another process that opens the store gets to see. */
async function seenBy(path: string, options: OpenOptions = {}): Promise<Seen> {
  const process = start('look', path, options)
  const seen = await process.hear()
  await process.finish()
  return seen
}

describe('two processes', () => {
  test('cannot both write, by whatever path they come', async () => {
    const path = await directory()
    const link = join(await directory(), 'link')
    await symlink(path, link)
    const store = await VectorStore.open(path)
    await store.collection('vectors', { dimensions: 2 })
    expect(await seenBy(path)).toEqual({ code: 'ERR_STORE_LOCKED' })
    expect(await seenBy(link)).toEqual({ code: 'ERR_STORE_LOCKED' })
    expect(await seenBy(path, { durability: 'async' })).toEqual({ code: 'ERR_STORE_LOCKED' })
    await store.close()
    expect(await seenBy(link)).toMatchObject({ count: 0, lsn: 1 })
  })

  test('the other one holding it, the error says whose it is and what can be done', async () => {
    const path = await directory()
    const owner = start('hold', path)
    await owner.hear()
    await expect(VectorStore.open(path)).rejects.toThrow(
      /is open for writing in another process; open it with readOnly/,
    )
    await owner.kill()
  })

  test('can write again as soon as the owner is killed, and everything acknowledged is there', async () => {
    const path = await directory()
    const owner = start('hold', path)
    const held = await owner.hear()
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_STORE_LOCKED')
    await owner.kill()
    const store = await VectorStore.open(path)
    const { lsn, data } = await store.digest()
    expect({ count: (await store.collection('vectors')).count(), lsn, data }).toEqual(held)
    await store.close()
  })

  test('cannot both write though the lock is damaged while it is held', async () => {
    const path = await directory()
    const owner = start('hold', path)
    await owner.hear()
    for (const name of ['CURRENT', 'MANIFEST-000002']) await writeFile(join(path, 'lock', name), 'garbage')
    expect(await endingOf(() => VectorStore.open(path))).toBe('ERR_STORE_LOCKED')
    await owner.kill()
    await (await VectorStore.open(path)).close()
  })

  test('can both read, beside a writer, each its own moment', async () => {
    const path = await directory()
    const store = await VectorStore.open(path)
    const vectors = await store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(3))
    const watcher = start('watch', path, { readOnly: true })
    const first = await watcher.hear()
    expect(first).toEqual({ count: 3, lsn: 2, data: (await store.digest()).data })
    await vectors.add(someEntries(9))
    expect(await watcher.ask()).toEqual(first)
    expect(await seenBy(path, { readOnly: true })).toEqual({ count: 9, lsn: 3, data: (await store.digest()).data })
    await store.close()
    expect(await watcher.ask()).toEqual(first)
    expect(await watcher.finish()).toBe(0)
  })

  test('a reader sees nothing of what the writer has not got on disk', async () => {
    const path = await directory()
    const store = await VectorStore.open(path, { durability: 'async' })
    const vectors = await store.collection('vectors', { dimensions: 2 })
    await vectors.add(someEntries(3))
    await store.sync()
    await vectors.add(someEntries(9))
    expect(await seenBy(path, { readOnly: true })).toMatchObject({ count: 3, lsn: 2 })
    await store.close()
  })

  test('a reader of nothing finds nothing', async () => {
    expect(await seenBy(join(await directory(), 'missing'), { readOnly: true })).toEqual({
      code: 'ERR_STORE_NOT_FOUND',
    })
  })
})

describe('a process', () => {
  test('ends by itself when its store is closed', async () => {
    const process = start('close', await directory())
    expect(await process.hear()).toBe('closed')
    expect(await process.finish()).toBe(0)
  })

  test.each<OpenOptions>([{}, { durability: 'async' }])('ends by itself when it forgot to: %o', async (options) => {
    const path = await directory()
    const process = start('forget', path, options)
    const startedMs = Date.now()
    expect(await process.hear()).toBe(3)
    expect(await process.finish()).toBe(0)
    expect(Date.now() - startedMs).toBeLessThan(10_000)
    expect(await seenBy(path)).toMatchObject({ count: 3 })
  })
})
