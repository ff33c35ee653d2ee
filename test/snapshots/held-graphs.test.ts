import { describe, expect, test } from 'vitest'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore } from '../../src/snapshots/capture.ts'
import { CODES, EDGES, NODES, SLOTS } from '../../src/snapshots/format.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { type WrittenSnapshot, writeSnapshot } from '../../src/snapshots/writer.ts'
import { noYield } from '../engine/engine-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, open, SnapshotFixture, writeOptions } from './snapshot-fixture.ts'

const GRAPH_KINDS = [NODES, CODES, EDGES, SLOTS]

const row = (index: number) => [index % 17, 1, index % 7, -index]

function addRows(store: SnapshotFixture, collection: CollectionState, first: number, count: number): void {
  store.add(collection, Object.fromEntries(Array.from({ length: count }, (_, i) => [`e${first + i}`, row(first + i)])))
}

/** A collection whose 60 entries are in its graph, in a first snapshot. */
async function filled() {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('c', 4, 'euclidean')
  store.startIndexes()
  addRows(store, collection, 0, 60)
  store.flush(collection, 'bulk')
  const files = new CrashableFiles()
  const first = await store.write(files)
  return { store, collection, files, first }
}

/** Graphs that the previous snapshot holds are left out of the capture. */
async function writeBehind(store: SnapshotFixture, files: CrashableFiles, previous: SnapshotManifest) {
  const capture = await captureStore(store.state, noYield, previous)
  const written = await writeSnapshot(files, capture, writeOptions(store.state.lsn, { previous }))
  return { written, isLeftOut: capture.collections.map(({ index }) => index.graph && index.graph.blocks === undefined) }
}

function newGraphParts({ manifest }: WrittenSnapshot): number[] {
  const { lsn } = manifest.position
  return manifest.parts.filter((part) => part.lsn === lsn && GRAPH_KINDS.includes(part.kind)).map(({ kind }) => kind)
}

async function expectWhole(store: SnapshotFixture, files: CrashableFiles, { manifest }: WrittenSnapshot) {
  const digests = await store.digests()
  expect([manifest.dataDigest, manifest.indexDigest]).toEqual(digests)
  expect(await new SnapshotFixture((await open(files, store.state.lsn)).state).digests()).toEqual(digests)
}

describe('a graph that the previous snapshot holds', () => {
  test('is neither copied nor written while entries are added, deleted and documents change', async () => {
    const { store, collection, files, first } = await filled()
    addRows(store, collection, 60, 5)
    store.delete(collection, 'e3')
    store.update(collection, 'e4', Uint8Array.of(1))
    const { written, isLeftOut } = await writeBehind(store, files, first.manifest)
    expect([isLeftOut, newGraphParts(written)]).toEqual([[true], []])
    await expectWhole(store, files, written)
  })

  const changes: [string, (store: SnapshotFixture, collection: CollectionState) => void][] = [
    ['an insertion', (store, collection) => store.flush(collection, 'insert')],
    ['a new graph', (store, collection) => store.flush(collection, 'bulk')],
    [
      'a consolidation',
      (store, collection) => {
        for (let entry = 0; entry < 30; entry++) store.delete(collection, `e${entry}`)
        store.apply({ type: 'consolidate', collection: collection.creationLsn })
      },
    ],
  ]

  test.each(changes)('is written after %s, and shared from then on', async (_, change) => {
    const { store, collection, files, first } = await filled()
    addRows(store, collection, 60, 5)
    change(store, collection)
    const second = await writeBehind(store, files, first.manifest)
    expect(second.isLeftOut).toEqual([false])
    expect(newGraphParts(second.written)).toContain(EDGES)
    await expectWhole(store, files, second.written)
    store.delete(collection, 'e40')
    const third = await writeBehind(store, files, second.written.manifest)
    expect([third.isLeftOut, newGraphParts(third.written)]).toEqual([[true], []])
    await expectWhole(store, files, third.written)
  })

  test('is known again when the snapshot is opened, and not once the log behind it has changed it', async () => {
    const { store, files } = await filled()
    const opened = await open(files, store.state.lsn)
    const reopened = new SnapshotFixture(opened.state)
    const collection = opened.state.collections()[0]!
    reopened.delete(collection, 'e1')
    const second = await reopened.write(files, { previous: opened.manifest })
    expect(newGraphParts(second)).toEqual([])
    await expectWhole(reopened, files, second)
    addRows(reopened, collection, 60, 5)
    reopened.flush(collection, 'insert')
    const third = await reopened.write(files, { previous: second.manifest })
    expect(newGraphParts(third)).toEqual(GRAPH_KINDS)
    await expectWhole(reopened, files, third)
  })

  test('is copied after all where one of its files is gone, or no previous snapshot is given', async () => {
    const { store, collection, files, first } = await filled()
    store.delete(collection, 'e3')
    await files.remove(partPath(first.manifest.parts.find(({ kind }) => kind === CODES)!))
    const second = await writeBehind(store, files, first.manifest)
    expect([second.isLeftOut, newGraphParts(second.written)]).toEqual([[true], [CODES]])
    await expectWhole(store, files, second.written)
    const capture = await captureStore(store.state, noYield, second.written.manifest)
    const other = new CrashableFiles()
    const alone = await writeSnapshot(other, capture, writeOptions(store.state.lsn))
    expect(newGraphParts(alone)).toEqual(GRAPH_KINDS)
    await expectWhole(store, other, alone)
  })

  test('is not taken for another one that it has become', async () => {
    const { store, collection, files, first } = await filled()
    store.delete(collection, 'e3')
    const lsn = store.state.lsn
    const capture = await captureStore(store.state, noYield, first.manifest)
    await files.remove(partPath(first.manifest.parts.find(({ kind }) => kind === CODES)!))
    addRows(store, collection, 60, 5)
    store.flush(collection, 'insert')
    const writing = writeSnapshot(files, capture, writeOptions(lsn, { previous: first.manifest }))
    expect((await errorOf(writing)).code).toBe('ERR_SNAPSHOT_CORRUPT')
    const { written } = await writeBehind(store, files, first.manifest)
    await expectWhole(store, files, written)
  })
})
