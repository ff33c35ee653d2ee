import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import type { Files } from '../../src/base/files.ts'
import { LevelFiles } from '../../src/base/level-files.ts'
import { NodeFiles } from '../../src/base/node-files.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore } from '../../src/snapshots/capture.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { manifestPath, partPath } from '../../src/snapshots/names.ts'
import { newestValidSnapshot, openSnapshot } from '../../src/snapshots/reader.ts'
import {
  listSnapshots,
  lsnsToKeep,
  planRetention,
  removeFiles,
  removeLeftovers,
  removeSnapshot,
} from '../../src/snapshots/snapshot-set.ts'
import { writeSnapshot } from '../../src/snapshots/writer.ts'
import { checksum, noYield } from '../engine/engine-fixture.ts'
import { turn } from '../engine/index/index-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, open, SnapshotFixture, STORE_ID, writeOptions } from './snapshot-fixture.ts'

/** A store with a snapshot after each of some adds. */
async function withSnapshots(files: Files, count: number) {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('c', 2)
  store.startIndexes()
  const manifests: SnapshotManifest[] = []
  for (let time = 0; time < count; time++) {
    store.add(collection, { [`e${time}`]: [time, 1], [`f${time}`]: [time, 2] })
    if (time === 0) store.flush(collection, 'bulk')
    manifests.push((await store.write(files, { previous: manifests.at(-1) })).manifest)
  }
  return { store, collection, manifests, lsns: manifests.map(({ position }) => position.lsn) }
}

describe('the set of snapshots', () => {
  test('is empty where there is none', async () => {
    const files = new CrashableFiles()
    expect(await listSnapshots(files, checksum)).toEqual({ snapshots: [], orphans: [], leftovers: [] })
    expect(await newestValidSnapshot(files, { checksum, yieldToEventLoop: noYield })).toEqual({
      opened: undefined,
      problems: [],
    })
    expect(await removeLeftovers(files, checksum)).toEqual([])
    expect((await errorOf(open(files, 7))).code).toBe('ERR_SNAPSHOT_CORRUPT')
  })

  test('lists the newest first, and what nobody needs', async () => {
    const files = new CrashableFiles()
    const { manifests, lsns } = await withSnapshots(files, 3)
    const strays = ['snapshots/0000000000000099-000001.part', `${manifestPath(7)}.tmp`]
    for (const path of [...strays, 'snapshots/notes.txt']) files.writeWhole(path, Uint8Array.of(1))
    const listing = await listSnapshots(files, checksum)
    expect(listing.snapshots).toEqual(lsns.map((lsn, i) => ({ lsn, manifest: manifests[i] })).reverse())
    expect(listing.leftovers).toEqual(strays)
    expect(await removeLeftovers(files, checksum)).toEqual(strays)
    expect(files.paths().filter((path) => strays.includes(path))).toEqual([])
    expect(files.paths()).toContain('snapshots/notes.txt')
  })

  test('keeps what a manifest that cannot be read may name', async () => {
    const files = new CrashableFiles()
    const { manifests, lsns } = await withSnapshots(files, 2)
    files.flipBit(manifestPath(lsns[1]!), 99)
    const own = manifests[1]!.parts.filter(({ lsn }) => lsn === lsns[1]).map(partPath)
    const listing = await listSnapshots(files, checksum)
    expect(listing.snapshots.map(({ lsn, manifest }) => [lsn, manifest === undefined])).toEqual([
      [lsns[1], true],
      [lsns[0], false],
    ])
    expect([listing.orphans, listing.leftovers]).toEqual([own, []])
    expect(planRetention(listing, lsns)).toEqual({ manifests: [], parts: [] })
    expect(planRetention(listing, [lsns[1]!]).parts).toEqual([])
    expect(planRetention(listing, [lsns[0]!])).toEqual({ manifests: [manifestPath(lsns[1]!)], parts: own })
  })

  test('keeps the newest, and what history needs', () => {
    const manifest = {} as never
    const snapshots = [{ lsn: 90, problem: new Error() }, ...[80, 60, 40, 20].map((lsn) => ({ lsn, manifest }))]
    expect(lsnsToKeep({ snapshots }, { newest: 2 })).toEqual([80, 60])
    expect(lsnsToKeep({ snapshots }, { newest: 2, boundLsn: 45 })).toEqual([80, 60, 40])
    expect(lsnsToKeep({ snapshots }, { newest: 2, boundLsn: 70 })).toEqual([80, 60])
    expect(lsnsToKeep({ snapshots }, { newest: 1, boundLsn: 10 })).toEqual([80])
  })

  test('loses a snapshot with the parts that nobody else names', async () => {
    const files = new CrashableFiles()
    const { lsns, manifests, store } = await withSnapshots(files, 3)
    await removeSnapshot(files, lsns[1]!, checksum)
    const left = manifests.filter((_, i) => i !== 1)
    const parts = new Set(left.flatMap((manifest) => manifest.parts.map(partPath)))
    expect(files.paths()).toEqual([...parts, ...left.map(({ position }) => manifestPath(position.lsn))].sort())
    for (const { position } of left) await open(files, position.lsn)
    expect(await new SnapshotFixture((await open(files, lsns[2]!)).state).digests()).toEqual(await store.digests())
    const listing = await listSnapshots(files, checksum)
    await removeFiles(files, planRetention(listing, []))
    expect(files.paths()).toEqual([])
  })
})

describe('a snapshot', () => {
  test.each(['node', 'level', 'crashable'])('is written to and read from %s files', async (kind) => {
    const directory = await mkdtemp(join(tmpdir(), 'annals-snapshots-'))
    try {
      const files = await filesOf(kind, directory)
      const { store, lsns } = await withSnapshots(files, 3)
      for (const lsn of lsns) expect((await open(files, lsn, STORE_ID)).manifest.position.lsn).toBe(lsn)
      const { opened } = await newestValidSnapshot(files, { checksum, yieldToEventLoop: noYield })
      expect(await new SnapshotFixture(opened!.state).digests()).toEqual(await store.digests())
      await removeSnapshot(files, lsns[0]!, checksum)
      expect((await listSnapshots(files, checksum)).snapshots.map(({ lsn }) => lsn)).toEqual([lsns[2], lsns[1]])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  test('is not disturbed by what is written meanwhile, and disturbs nothing', async () => {
    const files = new CrashableFiles()
    const { store, collection } = await withSnapshots(files, 1)
    store.flush(collection, 'insert')
    const digests = await store.digests()
    const [lsn, capturing] = [store.state.lsn, captureStore(store.state, turn)]
    const change = (time: number) => {
      store.add(collection, { [`later${time}`]: [time, 9], e0: [time, 3] })
      store.update(collection, 'f0', Uint8Array.of(time))
      store.flush(collection, time % 3 === 0 ? 'bulk' : 'insert')
      store.apply({ type: 'consolidate', collection: collection.creationLsn })
    }
    for (let time = 0; time < 4; time++) change(time)
    const writing = writeSnapshot(files, await capturing, { ...writeOptions(lsn), yieldToEventLoop: turn })
    for (let time = 4; time < 20; time++) {
      change(time)
      await turn()
    }
    await collection.index.settled()
    const { manifest } = await writing
    expect([manifest.dataDigest, manifest.indexDigest]).toEqual(digests)
    expect(await new SnapshotFixture((await open(files, lsn)).state).digests()).toEqual(digests)
  })

  test('of a collection dropped before its graph was captured fails', async () => {
    const { store, collection } = await withSnapshots(new CrashableFiles(), 1)
    store.add(collection, { later: [5, 5] })
    store.flush(collection, 'insert')
    const capturing = captureStore(store.state, noYield)
    store.drop(collection)
    expect((await errorOf(capturing)).code).toBe('ERR_COLLECTION_NOT_FOUND')
    expect((await captureStore(store.state, noYield)).collections).toEqual([])
  })

  test('that is aborted leaves nothing', async () => {
    const files = new CrashableFiles()
    const { store, collection } = await withSnapshots(files, 1)
    const paths = files.paths()
    store.delete(collection, 'e0')
    const whole = files.clone()
    let calls = 0
    const count = async () => {
      calls += 1
    }
    const signal = { aborted: false }
    const capture = await captureStore(store.state, noYield)
    await writeSnapshot(whole, capture, { ...writeOptions(store.state.lsn), yieldToEventLoop: count })
    for (let last = 1; last < calls; last++) {
      let left = last
      signal.aborted = false
      const yieldToEventLoop = async () => {
        left -= 1
        if (left === 0) signal.aborted = true
      }
      const error = await errorOf(
        writeSnapshot(files, capture, { ...writeOptions(store.state.lsn), signal, yieldToEventLoop }),
      )
      expect([error.code, files.paths()], `${last}`).toEqual(['ERR_ABORTED', paths])
    }
    signal.aborted = true
    const options = { checksum, yieldToEventLoop: noYield, signal }
    expect((await errorOf(openSnapshot(whole, store.state.lsn, options))).code).toBe('ERR_ABORTED')
  })

  test('tells how far it is', async () => {
    const files = new CrashableFiles()
    const { store, collection } = await withSnapshots(files, 1)
    store.delete(collection, 'e0')
    const seen: number[][] = []
    const onProgress = (done: number, total: number) => seen.push([done, total])
    await store.write(files, { onProgress })
    const read: number[][] = []
    await openSnapshot(files, store.state.lsn, {
      checksum,
      yieldToEventLoop: noYield,
      onProgress: (done, total) => read.push([done, total]),
    })
    for (const progress of [seen, read]) {
      const [done, total] = progress.at(-1)!
      expect(done).toBe(total)
      expect(progress.every(([value], i) => i === 0 || value! >= progress[i - 1]![0]!)).toBe(true)
      expect(new Set(progress.map(([, of]) => of)).size).toBe(1)
    }
  })

  test('refuses a position that is not that of the state, and an id that is none', async () => {
    const store = new SnapshotFixture(new StoreState())
    const capture = await captureStore(store.state, noYield)
    await expect(writeSnapshot(new CrashableFiles(), capture, writeOptions(1))).rejects.toThrow(RangeError)
    const storeId = new Uint8Array(15)
    await expect(writeSnapshot(new CrashableFiles(), capture, writeOptions(0, { storeId }))).rejects.toThrow(RangeError)
  })

  test('of an empty store is one', async () => {
    const files = new CrashableFiles()
    const store = new SnapshotFixture(new StoreState())
    const { writtenParts } = await store.write(files)
    expect(writtenParts).toBe(0)
    const { state } = await open(files, 0)
    expect([state.lsn, state.collections()]).toEqual([0, []])
    expect(await new SnapshotFixture(state).digests()).toEqual(await store.digests())
  })
})

async function filesOf(kind: string, directory: string): Promise<Files> {
  if (kind === 'node') return new NodeFiles(directory)
  if (kind === 'crashable') return new CrashableFiles()
  return new LevelFiles(new MemoryLevel())
}
