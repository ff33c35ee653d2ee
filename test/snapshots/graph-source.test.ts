import { describe, expect, test } from 'vitest'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore } from '../../src/snapshots/capture.ts'
import { CODES, NODES, ORIGINALS, VERSION_OFFSET } from '../../src/snapshots/format.ts'
import { GraphSource } from '../../src/snapshots/graph-source.ts'
import { holdsGraph } from '../../src/snapshots/held-graphs.ts'
import { digestGraphs } from '../../src/snapshots/index-digests.ts'
import { manifestPath, partPath } from '../../src/snapshots/names.ts'
import { PinnedParts } from '../../src/snapshots/pinned-parts.ts'
import { listSnapshots, planRetention, removeFiles, removeLeftovers } from '../../src/snapshots/snapshot-set.ts'
import { writeSnapshot } from '../../src/snapshots/writer.ts'
import { checksum, noYield } from '../engine/engine-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, open, SnapshotFixture, writeOptions } from './snapshot-fixture.ts'

const TOOLS = { checksum, yieldToEventLoop: noYield }

/** A collection whose 60 entries are in its graph, which is lean behind a snapshot. */
async function lean() {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('c', 40, 'euclidean') as CollectionState
  store.startIndexes()
  const row = (index: number) => Array.from({ length: 40 }, (_, at) => ((index + 3) * (at + 1) * 31) % 17)
  store.add(collection, Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`e${i}`, row(i)])))
  store.flush(collection, 'bulk')
  const files = new CrashableFiles()
  const { manifest } = await store.write(files)
  const digests = await store.digests()
  const pinned = new PinnedParts()
  const source = new GraphSource(files, manifest, collection.creationLsn, { ...TOOLS, pinned })
  expect(await collection.index.makeLean('walk', source)).toBe(true)
  const graphParts = manifest.parts.filter(({ kind }) => kind >= NODES)
  return { store, collection, files, manifest, digests, pinned, source, graphParts }
}

describe('a graph that is read from a snapshot', () => {
  test('is the one that became lean, and its files are pinned until it is whole', async () => {
    const { store, collection, digests, pinned, graphParts } = await lean()
    const version = collection.index.served.built!.version
    expect([pinned.size, pinned.has(partPath(graphParts[0]!))]).toEqual([graphParts.length, true])
    expect(await digestGraphs(store.state, TOOLS)).toBe(digests[1])
    expect(await store.digests()).toEqual(digests)
    expect(collection.index.served.built!.leanCodes).toBe('walk')
    expect(await collection.index.makeWhole()).toBe(true)
    const { built } = collection.index.served
    expect([built!.leanCodes, built!.version === version, pinned.size]).toEqual([undefined, true, 0])
    expect(built!.graph.checkInvariants()).toEqual([])
    expect(await store.digests()).toEqual(digests)
  })

  test('is left out of a snapshot behind that one, and read for one that cannot share it', async () => {
    const { store, collection, files, manifest, digests } = await lean()
    store.delete(collection, 'e3')
    const capture = await captureStore(store.state, noYield, manifest)
    expect(capture.collections[0]!.index.graph!.blocks).toBeUndefined()
    const second = await writeSnapshot(files, capture, writeOptions(store.state.lsn, { previous: manifest }))
    expect(second.manifest.parts.filter(({ kind }) => kind >= NODES).every(({ lsn }) => lsn < store.state.lsn)).toBe(
      true,
    )
    const { version } = collection.index.served.built!
    expect(holdsGraph(second.manifest, collection.creationLsn, version)).toBe(true)
    const other = new CrashableFiles()
    const alone = await writeSnapshot(other, await captureStore(store.state, noYield), writeOptions(store.state.lsn))
    expect([second.manifest.indexDigest, alone.manifest.indexDigest]).toEqual([digests[1], digests[1]])
    for (const place of [files, other]) {
      const reopened = new SnapshotFixture((await open(place, store.state.lsn)).state)
      expect((await reopened.digests())[1]).toBe(digests[1])
    }
    expect(collection.index.served.built!.leanCodes).toBe('walk')
  })

  test('whose file is gone is refused by name, and so is the snapshot that would need it', async () => {
    const { store, collection, files, manifest, source, graphParts } = await lean()
    const { path } = { path: partPath(graphParts.find(({ kind }) => kind === CODES)!) }
    await files.remove(path)
    const isDead = () => false
    const error = await errorOf(source.restore(isDead))
    expect([error.code, error.details.path]).toEqual(['ERR_SNAPSHOT_CORRUPT', path])
    expect(error.message).toMatch(
      /^the graph of 'c' cannot be read back from its snapshot: .*optimize\(\) makes a new one$/,
    )
    store.delete(collection, 'e3')
    const capture = await captureStore(store.state, noYield, manifest)
    const writing = writeSnapshot(files, capture, writeOptions(store.state.lsn, { previous: manifest }))
    expect((await errorOf(writing)).details.path).toBe(path)
  })

  test('keeps its files where nothing names them any more, and no longer than it needs them', async () => {
    const { files, manifest, collection, pinned, graphParts } = await lean()
    await files.remove(manifestPath(manifest.position.lsn))
    const paths = graphParts.map(partPath)
    expect((await removeLeftovers(files, checksum, pinned)).some((path) => paths.includes(path))).toBe(false)
    await removeFiles(files, planRetention(await listSnapshots(files, checksum), [], pinned))
    expect(files.paths().filter((path) => path.startsWith('snapshots/'))).toEqual(paths)
    await collection.index.makeWhole()
    expect(await removeLeftovers(files, checksum, pinned)).toEqual(paths)
  })
})

describe('a mode that is newer than the format', () => {
  test('makes a manifest that older releases refuse by name', async () => {
    for (const [mode, version] of [
      ['none', 1],
      ['int8', 1],
      ['binary', 2],
    ] as const) {
      const store = new SnapshotFixture(new StoreState())
      const collection = store.create('c', 4, 'euclidean')
      store.startIndexes()
      if (mode !== 'none') store.apply({ type: 'quantize', collection: collection.creationLsn, mode })
      const files = new CrashableFiles()
      await store.write(files)
      const bytes = files.readWhole(manifestPath(store.state.lsn))
      expect([mode, bytes[VERSION_OFFSET]]).toEqual([mode, version])
      expect((await open(files, store.state.lsn)).state.collections()[0]!.quantization).toBe(mode)
    }
  })
})

describe('pinned files', () => {
  test('stay pinned until everybody has let go, each once', () => {
    const pinned = new PinnedParts()
    const part = (number: number) => ({
      creationLsn: 1,
      kind: ORIGINALS,
      chunk: 0,
      lsn: 3,
      number,
      contentBytes: 1,
      checksum: 0n,
    })
    const [first, second] = [pinned.pin([part(1), part(2)]), pinned.pin([part(2)])]
    expect([pinned.size, pinned.has(partPath(part(2))), pinned.has(partPath(part(3)))]).toEqual([2, true, false])
    first()
    first()
    expect([pinned.size, pinned.has(partPath(part(1))), pinned.has(partPath(part(2)))]).toEqual([1, false, true])
    second()
    expect(pinned.size).toBe(0)
  })
})
