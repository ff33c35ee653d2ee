import { beforeAll, describe, expect, test } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { captureStore, type StoreCapture } from '../../src/snapshots/capture.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { newestValidSnapshot } from '../../src/snapshots/reader.ts'
import {
  listSnapshots,
  lsnsToKeep,
  planRetention,
  removeFiles,
  removeLeftovers,
} from '../../src/snapshots/snapshot-set.ts'
import { writeSnapshot } from '../../src/snapshots/writer.ts'
import { checksum, noYield, textBytes } from '../engine/engine-fixture.ts'
import { CrashableFiles, everything, nothing } from '../support/crashable-files.ts'
import { eachCrash, powerLosses } from '../support/each-crash.ts'
import { digestsOf, errorOf, SnapshotFixture, writeOptions } from './snapshot-fixture.ts'

const CODES = { EIO: 'ERR_IO', ENOSPC: 'ERR_DISK_FULL', EACCES: 'ERR_PERMISSION' }
const OPTIONS = { checksum, yieldToEventLoop: noYield }

/** Three states of one store, each a little later than the one before. */
const captures: StoreCapture[] = []
/** Files with the first two of them. */
let before: CrashableFiles
let manifests: SnapshotManifest[]
let digests: [bigint, bigint][]

beforeAll(async () => {
  const store = new SnapshotFixture(new StoreState())
  const collection = store.create('words', 2, 'cosine')
  store.startIndexes()
  digests = []
  for (let time = 0; time < 3; time++) {
    const rows = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`e${time}-${i}`, [i + 1, time]]))
    store.add(collection, rows, Array(6).fill(textBytes(`doc ${time}`)))
    store.flush(collection, time === 0 ? 'bulk' : 'insert', collection.slotCount - 2)
    captures.push(await captureStore(store.state, noYield))
    digests.push(await store.digests())
  }
  before = new CrashableFiles()
  manifests = []
  for (const capture of captures.slice(0, 2)) manifests.push(await write(before, capture, manifests.at(-1)))
  before = before.crashImage(nothing)
})

async function write(files: CrashableFiles, capture: StoreCapture, previous?: SnapshotManifest) {
  return (await writeSnapshot(files, capture, writeOptions(capture.lsn, { previous }))).manifest
}

/** Keeps the two newest, as a store does when it has written a new one. */
async function retain(files: CrashableFiles) {
  const listing = await listSnapshots(files, checksum)
  await removeFiles(files, planRetention(listing, lsnsToKeep(listing, { newest: 2 })))
}

async function newest(files: CrashableFiles, where: string) {
  const { opened, problems } = await newestValidSnapshot(files, OPTIONS)
  expect(opened, where).toBeDefined()
  const { manifest, state } = opened!
  const which = captures.findIndex(({ lsn }) => lsn === manifest.position.lsn)
  expect([manifest.dataDigest, manifest.indexDigest], where).toEqual(digests[which])
  return { which, state, problems }
}

/** What must hold whatever was interrupted: a sound newest snapshot, and a next run that clears up and succeeds. */
async function expectSound(files: CrashableFiles, where: string): Promise<number> {
  // Images are without anything pending, so what is seen is all there is of them.
  const hash = files.contentHash()
  const known = outcomes.get(hash)
  if (known !== undefined) return known
  const which = await checkImage(files, where)
  outcomes.set(hash, which)
  return which
}

const outcomes = new Map<string, number>()

async function checkImage(files: CrashableFiles, where: string): Promise<number> {
  const { which, problems } = await newest(files, where)
  expect(problems, where).toEqual([])
  const next = files.clone()
  await write(next, captures[2]!, manifests[1])
  await retain(next)
  const listing = await listSnapshots(next, checksum)
  expect([listing.orphans, listing.leftovers], where).toEqual([[], []])
  expect(
    listing.snapshots.map(({ lsn }) => lsn),
    where,
  ).toEqual([captures[2]!.lsn, captures[1]!.lsn])
  const named = new Set(
    listing.snapshots.flatMap(({ manifest }) => manifest!.parts.map(({ lsn, number }) => `${lsn}-${number}`)),
  )
  expect(next.paths(), where).toHaveLength(named.size + 2)
  expect((await newest(next.crashImage(nothing), where)).which, where).toBe(2)
  return which
}

describe('a crash', () => {
  test('while a snapshot is written leaves the new one whole or the old ones untouched', async () => {
    const seen = new Set<number>()
    const work = (files: CrashableFiles) => write(files, captures[2]!, manifests[1])
    for await (const { files, where } of eachCrash(() => before.clone(), work)) {
      for (const [name, choose] of powerLosses(6)) {
        seen.add(await expectSound(files.crashImage(choose), `${where}, ${name}`))
      }
    }
    expect([...seen].sort()).toEqual([1, 2])
  })

  test('while old ones are removed leaves the new one whole', async () => {
    const files = before.clone()
    await write(files, captures[2]!, manifests[1])
    const start = files.crashImage(nothing)
    for await (const { files, where } of eachCrash(() => start.clone(), retain)) {
      for (const [name, choose] of powerLosses(8)) {
        const image = files.crashImage(choose)
        expect(await expectSound(image, `${where}, ${name}`)).toBe(2)
        // Whatever manifest came back has all of its parts.
        const { snapshots } = await listSnapshots(image, checksum)
        for (const { lsn } of snapshots) {
          expect(
            (await newestValidSnapshot(image, { ...OPTIONS, throughLsn: lsn })).opened?.manifest.position.lsn,
          ).toBe(lsn)
        }
      }
    }
  })

  test('while the very first one is written leaves it whole, or nothing', async () => {
    const outcomes = new Set<boolean>()
    const work = (files: CrashableFiles) => write(files, captures[0]!)
    for await (const { files, where } of eachCrash(() => new CrashableFiles(), work)) {
      for (const [name, choose] of powerLosses(6)) {
        const image = files.crashImage(choose)
        const { opened, problems } = await newestValidSnapshot(image, OPTIONS)
        expect(problems, `${where}, ${name}`).toEqual([])
        outcomes.add(opened !== undefined)
        await removeLeftovers(image, checksum)
        expect((await listSnapshots(image, checksum)).leftovers).toEqual([])
        await write(image, captures[0]!)
        expect((await newest(image.crashImage(nothing), where)).which).toBe(0)
      }
    }
    expect(outcomes.size).toBe(2)
  })

  test('after it resolved changes nothing', async () => {
    const files = before.clone()
    await write(files, captures[2]!, manifests[1])
    for (const [name, choose] of powerLosses(8)) {
      expect(await expectSound(files.crashImage(choose), name)).toBe(2)
    }
  })
})

describe('an I/O error', () => {
  test.each(['EIO', 'ENOSPC', 'EACCES'] as const)(
    '%s at any operation fails the snapshot and leaves the old ones',
    async (fault) => {
      const whole = before.clone()
      await write(whole, captures[2]!, manifests[1])
      let failed = 0
      for (let number = 1; number <= whole.operations.length; number++) {
        const files = before.clone()
        files.failAt(number, fault)
        const where = `${fault} at ${number}, ${whole.operations[number - 1]}`
        const code = await write(files, captures[2]!, manifests[1]).then(
          () => undefined,
          (error) => error.code,
        )
        // What is asked of older snapshots and of leftovers may fail without harm.
        expect([undefined, CODES[fault]], where).toContain(code)
        if (code !== undefined) failed += 1
        files.clearFaults()
        expect((await newest(files, where)).which, where).toBe(code === undefined ? 2 : 1)
        for (const choose of [nothing, everything]) {
          expect(await expectSound(files.crashImage(choose), where)).toBeGreaterThan(0)
        }
      }
      expect(failed).toBeGreaterThan(60)
    },
  )

  test.each(['keep', 'drop', 'mixed'] as const)(
    'of a sync, with the cache %s, never loses the old ones',
    async (sync) => {
      const whole = before.clone()
      await write(whole, captures[2]!, manifests[1])
      for (const [index, operation] of whole.operations.entries()) {
        if (!operation.startsWith('sync')) continue
        const files = before.clone()
        files.failAt(index + 1, { sync, seed: index })
        expect((await errorOf(write(files, captures[2]!, manifests[1]))).code, operation).toBe('ERR_IO')
        files.clearFaults()
        for (const [name, choose] of powerLosses(8)) {
          const image = files.crashImage(choose)
          const { opened } = await newestValidSnapshot(image, OPTIONS)
          expect(opened?.manifest.position.lsn, `${operation}, ${name}`).toBeGreaterThanOrEqual(captures[1]!.lsn)
        }
        // A second attempt writes everything anew under names of its own.
        await write(files, captures[2]!, manifests[1])
        for (const [name, choose] of powerLosses(8)) {
          const { which } = await newest(files.crashImage(choose), `${operation}, ${name}`)
          expect(which, `${operation}, ${name}`).toBe(2)
        }
      }
    },
  )

  test('while reading is what opening rejects with', async () => {
    const counted = before.clone()
    await newestValidSnapshot(counted, OPTIONS)
    for (let number = 1; number <= counted.operations.length; number++) {
      const files = before.clone()
      files.failAt(number, 'EIO')
      const result = newestValidSnapshot(files, OPTIONS)
      if (counted.operations[number - 1]!.startsWith('list')) {
        expect((await errorOf(result)).code).toBe('ERR_IO')
        continue
      }
      const { opened } = await result
      expect([captures[0]!.lsn, captures[1]!.lsn]).toContain(opened?.manifest.position.lsn)
    }
  })

  test('in a short write is none', async () => {
    const files = before.clone()
    files.failWhen((operation) => operation.startsWith('write'), { shortWrite: 7 }, 50)
    await write(files, captures[2]!, manifests[1])
    const { which, state } = await newest(files, 'short writes')
    expect(which).toBe(2)
    expect(await digestsOf(new SnapshotFixture(state).state)).toEqual(digests[2])
  })
})
