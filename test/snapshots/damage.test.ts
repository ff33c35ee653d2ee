import { beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/base/errors.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import * as format from '../../src/snapshots/format.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { manifestPath, partPath } from '../../src/snapshots/names.ts'
import { newestValidSnapshot } from '../../src/snapshots/reader.ts'
import { verifyParts } from '../../src/snapshots/verify-parts.ts'
import { checksum, noYield, textBytes } from '../engine/engine-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, OTHER_STORE_ID, open, SnapshotFixture, STORE_ID } from './snapshot-fixture.ts'

/** A small store with every kind of part. */
async function smallStore(): Promise<SnapshotFixture> {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('words', 2, 'euclidean')
  store.startIndexes()
  const entries = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`e${i}`, [i, (i * i) % 5]]))
  store.add(collection, entries, [textBytes('doc'), undefined, new Uint8Array(0), ...Array(6)])
  store.flush(collection, 'bulk', 8)
  store.delete(collection, 'e4')
  await collection.index.settled()
  return store
}

let whole: CrashableFiles
let lsn: number
let manifest: SnapshotManifest
let digests: [bigint, bigint]

beforeAll(async () => {
  const store = await smallStore()
  whole = new CrashableFiles()
  manifest = (await store.write(whole)).manifest
  lsn = store.state.lsn
  digests = await store.digests()
})

const paths = () => [manifestPath(lsn), ...manifest.parts.map(partPath)]

async function expectRefused(files: CrashableFiles, where: string, code: ErrorCode = 'ERR_SNAPSHOT_CORRUPT') {
  const error = await errorOf(open(files, lsn, STORE_ID))
  expect([error.code, typeof error.details.path], where).toEqual([code, 'string'])
}

/** The manifest with some bytes changed and a checksum that holds. */
function patched(change: (view: DataView) => void): CrashableFiles {
  const files = whole.clone()
  const bytes = files.readWhole(manifestPath(lsn))
  const view = new DataView(bytes.buffer)
  change(view)
  view.setBigUint64(bytes.byteLength - 8, checksum.xxh64(bytes.subarray(0, -8), 0n), true)
  files.writeWhole(manifestPath(lsn), bytes)
  return files
}

describe('a damaged snapshot', () => {
  test('opens when it is not', async () => {
    expect(manifest.parts.map(({ kind }) => kind)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const { state } = await open(whole, lsn, STORE_ID)
    expect(await new SnapshotFixture(state).digests()).toEqual(digests)
  })

  test('is refused whichever byte is flipped', async () => {
    for (const path of paths()) {
      const bytes = whole.readWhole(path)
      const files = whole.clone()
      for (let index = 0; index < bytes.byteLength; index++) {
        const bit = index * 8 + ((index * 5) % 8)
        files.flipBit(path, bit)
        await expectRefused(files, `${path} bit ${bit}`)
        files.flipBit(path, bit)
      }
      await open(files, lsn)
    }
  })

  test('is refused wherever a file is cut, and when it is longer', async () => {
    for (const path of paths()) {
      const bytes = whole.readWhole(path)
      const files = whole.clone()
      for (let size = 0; size < bytes.byteLength; size++) {
        files.writeWhole(path, bytes.subarray(0, size))
        await expectRefused(files, `${path} cut at ${size}`)
      }
      files.writeWhole(path, new Uint8Array([...bytes, 0]))
      await expectRefused(files, `${path} longer`)
    }
  })

  test('is refused without any one of its files', async () => {
    for (const path of paths()) {
      const files = whole.clone()
      await files.remove(path)
      await expectRefused(files, path)
    }
  })

  test('is refused with any two of its parts exchanged, or one in the place of another', async () => {
    const names = manifest.parts.map(partPath)
    for (const one of names) {
      for (const other of names.filter((name) => name !== one)) {
        const files = whole.clone()
        files.writeWhole(one, whole.readWhole(other))
        await expectRefused(files, `${other} as ${one}`)
        files.writeWhole(other, whole.readWhole(one))
        await expectRefused(files, `${one} and ${other}`)
      }
    }
  })

  test('is refused with a part or manifest of another store, or of another LSN', async () => {
    const store = await smallStore()
    const [foreign, later] = [new CrashableFiles(), new CrashableFiles()]
    await store.write(foreign, { storeId: OTHER_STORE_ID })
    store.delete(store.state.collections()[0]!, 'no such entry')
    const laterManifest = (await store.write(later)).manifest
    for (const path of paths()) {
      const files = whole.clone()
      files.writeWhole(path, foreign.readWhole(path))
      await expectRefused(files, path)
    }
    for (const [index, part] of laterManifest.parts.entries()) {
      const files = whole.clone()
      files.writeWhole(partPath(manifest.parts[index]!), later.readWhole(partPath(part)))
      await expectRefused(files, partPath(part))
    }
    const files = whole.clone()
    files.writeWhole(manifestPath(lsn), later.readWhole(manifestPath(lsn + 1)))
    await expectRefused(files, 'a manifest under another name')
  })

  test('is found by reading it back, too', async () => {
    const tools = { checksum, yieldToEventLoop: noYield }
    await verifyParts(whole, manifest, tools)
    for (const part of manifest.parts) {
      const files = whole.clone()
      files.flipBit(partPath(part), 500)
      const error = await errorOf(verifyParts(files, manifest, tools))
      expect([error.code, error.details.path]).toEqual(['ERR_SNAPSHOT_CORRUPT', partPath(part)])
    }
  })

  test('is refused for every count that contradicts another, and nothing worse comes of any number', async () => {
    const bytes = whole.readWhole(manifestPath(lsn))
    const refused = new Set<number>()
    for (let offset = format.LENGTH_OFFSET; offset + 4 <= bytes.byteLength - 8; offset += 4) {
      for (const added of [1, 2 ** 31]) {
        const files = patched((view) => view.setUint32(offset, view.getUint32(offset, true) + added, true))
        const code = await open(files, lsn, STORE_ID).then(
          () => undefined,
          (error) => error.code,
        )
        expect([undefined, 'ERR_SNAPSHOT_CORRUPT'], `${offset}: ${code}`).toContain(code)
        if (code !== undefined && added === 1) refused.add(offset)
      }
    }
    const ofHeader = [
      format.LENGTH_OFFSET,
      format.STORE_ID_OFFSET,
      format.MANIFEST_LSN_OFFSET,
      format.MANIFEST_COLLECTIONS_OFFSET,
    ]
    const ofCollection = [
      format.COLLECTION_LENGTH_OFFSET,
      format.COLLECTION_METRIC_OFFSET,
      format.COLLECTION_DIMENSIONS_OFFSET,
      format.COLLECTION_SLOTS_OFFSET,
      format.COLLECTION_LIVE_OFFSET,
      format.COLLECTION_BUILT_OFFSET,
      format.COLLECTION_PLACED_OFFSET,
      format.COLLECTION_ADDED_OFFSET,
      format.GRAPH_NODES_OFFSET,
      format.GRAPH_LINKED_OFFSET,
      format.GRAPH_ENTRIES_OFFSET,
    ].map((offset) => format.MANIFEST_HEADER_BYTES + offset)
    const partsAt = bytes.byteLength - 8 - manifest.parts.length * format.PART_ENTRY_BYTES
    const ofParts = Array.from({ length: (bytes.byteLength - 8 - partsAt) / 4 }, (_, word) => partsAt + word * 4)
    // Beside the words of part entries that are reserved there are none.
    const unrefused = [...ofHeader, ...ofCollection, ...ofParts].filter((offset) => !refused.has(offset))
    expect(unrefused).toEqual([])
  })

  test('of a newer version is refused by name', async () => {
    await expectRefused(
      patched((view) => view.setUint32(format.VERSION_OFFSET, 3, true)),
      'version',
      'ERR_FORMAT_VERSION',
    )
    await expectRefused(
      patched((view) => view.setUint32(format.VERSION_OFFSET, 0, true)),
      'version 0',
    )
  })

  test('with graphs of other rules opens without them', async () => {
    const files = patched((view) => view.setUint32(format.MANIFEST_INDEX_VERSION_OFFSET, 2, true))
    const { state, hasKnownGraphs } = await open(files, lsn)
    expect(hasKnownGraphs).toBe(false)
    expect(await new SnapshotFixture(state).digests()).toEqual([digests[0], expect.any(BigInt)])
    const [{ index }] = state.collections() as [typeof state.collections extends () => readonly (infer C)[] ? C : never]
    expect([index.flushedThrough, index.served.built, index.served.builtThrough]).toEqual([0, undefined, 0])
  })

  test('that cannot be read is not called damaged, and is passed over for an older one', async () => {
    const store = await smallStore()
    const files = new CrashableFiles()
    const first = await store.write(files)
    store.delete(store.state.collections()[0]!, 'e1')
    const second = await store.write(files, { previous: first.manifest })
    const changed = second.manifest.parts.filter((part) => part.lsn === store.state.lsn)
    expect(changed).toHaveLength(1)
    files.failWhen((operation) => operation.startsWith(`read ${partPath(changed[0]!)}`), 'EIO')
    expect((await errorOf(open(files, store.state.lsn))).code).toBe('ERR_IO')
    files.clearFaults()
    files.flipBit(partPath(changed[0]!), 77)
    const options = { checksum, yieldToEventLoop: noYield }
    const { opened, problems } = await newestValidSnapshot(files, options)
    expect(opened?.manifest).toEqual(first.manifest)
    expect(problems).toEqual([
      { lsn: store.state.lsn, error: expect.objectContaining({ code: 'ERR_SNAPSHOT_CORRUPT' }) },
    ])
    files.flipBit(partPath(changed[0]!), 77)
    expect((await newestValidSnapshot(files, options)).opened?.manifest).toEqual(second.manifest)
    const throughLsn = store.state.lsn - 1
    expect((await newestValidSnapshot(files, { ...options, throughLsn })).opened?.manifest).toEqual(first.manifest)
    for (const part of first.manifest.parts) files.flipBit(partPath(part), 9)
    const none = await newestValidSnapshot(files, options)
    expect([none.opened, none.problems.length]).toEqual([undefined, 2])
  })
})
