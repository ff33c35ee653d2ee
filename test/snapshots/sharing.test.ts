import { describe, expect, test, vi } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore } from '../../src/snapshots/capture.ts'
import { CODES, DOCUMENTS, EDGES, IDS, NODES, ORIGINALS, SLOTS, TOMBSTONES } from '../../src/snapshots/format.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { partFileBytes } from '../../src/snapshots/part.ts'
import { type WrittenSnapshot, writeSnapshot } from '../../src/snapshots/writer.ts'
import { noYield, textBytes } from '../engine/engine-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { OTHER_STORE_ID, open, SnapshotFixture, writeOptions } from './snapshot-fixture.ts'

vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

/** A collection of 100 entries, the first 80 with a document and in the graph. */
async function filled() {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('c', 4, 'cosine')
  store.startIndexes()
  const rows = (first: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`e${first + i}`, [first + i, 1, i % 7, -1]]))
  store.add(collection, rows(0, 80), Array(80).fill(textBytes('a document')))
  store.flush(collection, 'bulk')
  store.add(collection, rows(80, 20))
  await collection.index.settled()
  const files = new CrashableFiles()
  const first = await store.write(files)
  return { store, collection, files, first, rows }
}

/** What a snapshot wrote for itself, as kind.chunk. */
function newParts({ manifest }: WrittenSnapshot): string[] {
  return manifest.parts.filter(({ lsn }) => lsn === manifest.position.lsn).map(({ kind, chunk }) => `${kind}.${chunk}`)
}

describe('a second snapshot', () => {
  test('names every file of the first if nothing has changed', async () => {
    const { store, collection, files, first } = await filled()
    store.delete(collection, 'no such entry')
    const second = await store.write(files, { previous: first.manifest })
    expect([second.writtenParts, second.writtenBytes]).toEqual([0, 0])
    expect(second.manifest.parts).toEqual(first.manifest.parts)
    const sizes = first.manifest.parts.map(partFileBytes)
    expect(first.writtenBytes).toBe(sizes.reduce((sum, bytes) => sum + bytes))
    expect(second.sharedBytes).toBe(first.writtenBytes)
    for (const part of first.manifest.parts) {
      expect(files.readWhole(partPath(part)).byteLength).toBe(partFileBytes(part))
    }
    expect((await open(files, store.state.lsn)).manifest).toEqual(second.manifest)
  })

  test('writes what has changed and no more', async () => {
    const { store, collection, files, first, rows } = await filled()
    store.add(collection, rows(100, 2))
    store.update(collection, 'e17', textBytes('another one'))
    store.delete(collection, 'e3')
    const second = await store.write(files, { previous: first.manifest })
    expect(newParts(second)).toEqual([`${ORIGINALS}.6`, `${IDS}.6`, `${DOCUMENTS}.1`, `${TOMBSTONES}.0`])
    const third = await (async () => {
      store.flush(collection, 'insert')
      return store.write(files, { previous: second.manifest })
    })()
    expect(newParts(third)).toEqual([`${TOMBSTONES}.0`, `${NODES}.0`, `${CODES}.0`, `${EDGES}.0`, `${SLOTS}.0`])
    const digests = await store.digests()
    expect(await new SnapshotFixture((await open(files, store.state.lsn)).state).digests()).toEqual(digests)
  })

  test('writes a chunk anew that has become full', async () => {
    const { store, collection, files, first, rows } = await filled()
    store.add(collection, rows(100, 20))
    const second = await store.write(files, { previous: first.manifest })
    expect(newParts(second)).toEqual([
      ...[6, 7].map((chunk) => `${ORIGINALS}.${chunk}`),
      ...[6, 7].map((chunk) => `${IDS}.${chunk}`),
      `${TOMBSTONES}.0`,
    ])
    const digests = await store.digests()
    expect(await new SnapshotFixture((await open(files, store.state.lsn)).state).digests()).toEqual(digests)
  })

  test('leaves out documents of a chunk that has none any more', async () => {
    const { store, collection, files, first } = await filled()
    for (let entry = 16; entry < 32; entry++) store.update(collection, `e${entry}`, undefined)
    const second = await store.write(files, { previous: first.manifest })
    const chunks = second.manifest.parts.filter(({ kind }) => kind === DOCUMENTS).map(({ chunk }) => chunk)
    expect(chunks).toEqual([0, 2, 3, 4])
    expect(second.writtenParts).toBe(0)
  })

  test('writes a shared file anew if it is missing or was cut', async () => {
    const { store, collection, files, first } = await filled()
    const [originals, ids] = [ORIGINALS, IDS].map((kind) => first.manifest.parts.find((part) => part.kind === kind)!)
    await files.remove(partPath(originals!))
    files.cut(partPath(ids!), 20)
    store.delete(collection, 'no such entry')
    const second = await store.write(files, { previous: first.manifest })
    expect(newParts(second)).toEqual([`${ORIGINALS}.0`, `${IDS}.0`])
    expect(await new SnapshotFixture((await open(files, store.state.lsn)).state).digests()).toEqual(
      await store.digests(),
    )
  })

  test('shares nothing with another store, a later snapshot, or a collection of the same name', async () => {
    const { store, collection, files, first } = await filled()
    store.delete(collection, 'no such entry')
    const other = await store.write(new CrashableFiles(), { previous: first.manifest, storeId: OTHER_STORE_ID })
    expect(other.sharedParts).toBe(0)
    const position = { ...first.manifest.position, lsn: store.state.lsn + 1 }
    const later = await store.write(new CrashableFiles(), { previous: { ...first.manifest, position } })
    expect(later.sharedParts).toBe(0)
    store.drop(collection)
    store.create('c', 4, 'cosine')
    store.startIndexes()
    const anew = await store.write(files, { previous: first.manifest })
    expect([newParts(anew), anew.sharedParts]).toEqual([[`${TOMBSTONES}.0`], 0])
  })

  test('at the same LSN replaces the first, whatever became of it', async () => {
    const { store, files, first } = await filled()
    files.flipBit(partPath(first.manifest.parts[0]!), 800)
    const second = await store.write(files)
    expect(newParts(second)).toHaveLength(first.manifest.parts.length)
    expect(second.manifest.parts.map(({ number }) => number)[0]).toBe(first.manifest.parts.length + 1)
    const { state } = await open(files, store.state.lsn)
    expect(await new SnapshotFixture(state).digests()).toEqual(await store.digests())
  })
})

test('looking for documents lets others have their turn after each chunk that has none', async () => {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('c', 1)
  store.startIndexes()
  store.add(collection, Object.fromEntries(Array.from({ length: 160 }, (_, row) => [`e${row}`, [row]])))
  const capture = await captureStore(store.state, noYield)
  const { documents } = capture.collections[0]!.content
  const looked = vi.spyOn(documents, 'lengthOf')
  let before = 0
  let most = 0
  const yieldToEventLoop = async () => {
    most = Math.max(most, looked.mock.calls.length - before)
    before = looked.mock.calls.length
  }
  await writeSnapshot(new CrashableFiles(), capture, writeOptions(store.state.lsn, { yieldToEventLoop }))
  expect([looked.mock.calls.length, most]).toEqual([160, 16])
})
