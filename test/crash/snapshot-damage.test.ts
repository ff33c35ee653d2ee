import { describe, expect, test, vi } from 'vitest'
import { isStoreError, type StoreError } from '../../src/base/errors.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { expectState } from './support/check-recovered.ts'
import { isWithinBudget, report } from './support/crash-settings.ts'
import { openStore } from './support/open-store.ts'
import { droppedLog, type TwoSnapshots, wholeLog } from './support/two-snapshots.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const DROPPED = await droppedLog()
const STORES = [DROPPED, await wholeLog()]
/** The same operations with other contents, in the same store; and in another one. */
const DIVERGED = await droppedLog({ tag: 'elsewhere' })
const FOREIGN = await droppedLog({ idByte: 9 })
/** Bytes of the store whose log can make up for everything that are looked at: one in so many. */
const WHOLE_LOG_STRIDE = 8

const snapshotPaths = (files: CrashableFiles) => files.paths().filter((path) => path.startsWith('snapshots/'))
const manifestOf = (lsn: number) => `snapshots/${String(lsn).padStart(16, '0')}.manifest`

interface Opened {
  /** LSN of what was opened, or 0 for the log alone. */
  readonly snapshotLsn: number
  readonly problems: string
}

/** Opens damaged files: either it refuses with a typed error and changes no byte, or all that was ever written is there. */
async function openDamaged(
  files: CrashableFiles,
  { history }: TwoSnapshots,
  where: string,
): Promise<Opened | StoreError> {
  const before = files.contentHash()
  let store: Awaited<ReturnType<typeof openStore>>
  try {
    store = await openStore(files)
  } catch (error) {
    if (!isStoreError(error, 'ERR_LOG_CORRUPT')) throw new Error(`${where}: ${error}`, { cause: error })
    if (files.contentHash() !== before) throw new Error(`${where}: it refused, but changed the files`)
    return error
  }
  await expectState(store, history.endLsn, history, where)
  const { snapshotLsn = 0, problems } = store.stats().recovery
  await store.close()
  return { snapshotLsn, problems: problems.join('\n') }
}

/** The files of snapshots that opening reads. */
async function readBy(files: CrashableFiles): Promise<Set<string>> {
  const copy = files.clone()
  await (await openStore(copy)).close()
  const opened = copy.operations.flatMap((operation) => /^open (snapshots\/\S+) read$/.exec(operation)?.[1] ?? [])
  return new Set(opened.filter((path) => path.endsWith('.part')))
}

/** What each file is needed for, told by what is read without damage. */
async function needsOf({ files, newestLsn, olderLsn }: TwoSnapshots) {
  const newest = await readBy(files)
  const without = files.clone()
  without.cut(manifestOf(newestLsn), 0)
  const older = await readBy(without)
  newest.add(manifestOf(newestLsn))
  older.add(manifestOf(olderLsn))
  return { newest, older }
}

/** Damages a file in a copy, and demands just what follows from who needs it. */
async function expectDamage(
  store: TwoSnapshots,
  { newest, older }: { newest: ReadonlySet<string>; older: ReadonlySet<string> },
  path: string,
  damage: (files: CrashableFiles) => void | Promise<void>,
  where: string,
): Promise<'unread' | 'older' | 'log' | 'refused'> {
  const files = store.files.clone()
  await damage(files)
  const opened = await openDamaged(files, store, where)
  const isLost = newest.has(path) && older.has(path)
  if (isLost && !store.hasWholeLog) {
    if (!isStoreError(opened)) throw new Error(`${where}: it was not refused`)
    if (!opened.message.includes(manifestOf(store.newestLsn))) throw new Error(`${where}: ${opened.message}`)
    return 'refused'
  }
  if (isStoreError(opened)) throw new Error(`${where}: ${opened.message}`)
  const expectedLsn = isLost ? 0 : newest.has(path) ? store.olderLsn : store.newestLsn
  expect(opened.snapshotLsn, where).toBe(expectedLsn)
  if (!newest.has(path)) {
    expect(opened.problems, where).toBe('')
    return 'unread'
  }
  expect(opened.problems, where).toContain(`${manifestOf(store.newestLsn)} was passed over: ${path} is damaged`)
  return isLost ? 'log' : 'older'
}

describe.each(STORES)('damage to $name', { timeout: 3_600_000 }, (store) => {
  const { files, name, hasWholeLog, newestLsn, olderLsn } = store
  const paths = snapshotPaths(files)
  const stride = hasWholeLog ? WHOLE_LOG_STRIDE : 1

  test('has parts that are shared and parts that are not', async () => {
    const { newest, older } = await needsOf(store)
    const shared = paths.filter((path) => newest.has(path) && older.has(path))
    expect(shared.length).toBeGreaterThan(2)
    expect(newest.size).toBeGreaterThan(shared.length + 3)
    expect(older.size).toBeGreaterThan(shared.length + 3)
    expect(newest.size + older.size - shared.length).toBe(paths.length)
    expect(files.paths().includes('wal/0000000000000001.wal')).toBe(hasWholeLog)
    expect(olderLsn).toBeLessThan(newestLsn)
  })

  test('every byte changed, and every length', async () => {
    const needs = await needsOf(store)
    const outcomes = { unread: 0, older: 0, log: 0, refused: 0 }
    let cases = 0
    for (const path of paths) {
      const { byteLength } = files.readWhole(path)
      for (let byte = 0; byte < byteLength; byte++) {
        if (byte % stride !== 0) continue
        cases += 1
        if (!isWithinBudget(cases)) continue
        // Another bit from byte to byte: each bit of a field of eight bytes has its turn.
        const bit = byte * 8 + ((byte * 5 + Math.floor(byte / 8)) % 8)
        const flip = (damaged: CrashableFiles) => damaged.flipBit(path, bit)
        outcomes[await expectDamage(store, needs, path, flip, `bit ${bit} of ${path}`)] += 1
        const cut = (damaged: CrashableFiles) => damaged.cut(path, byte)
        outcomes[await expectDamage(store, needs, path, cut, `${path} cut to ${byte} bytes`)] += 1
      }
    }
    const text = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`)
    report(`${name}: ${cases} bytes and lengths of snapshots damaged: ${text.join(', ')}`)
    expect(outcomes.older).toBeGreaterThan(0)
    expect(outcomes[hasWholeLog ? 'log' : 'refused']).toBeGreaterThan(0)
  })

  test('a file that is missing, longer, or all zeros', async () => {
    const needs = await needsOf(store)
    for (const path of paths) {
      const bytes = files.readWhole(path)
      const zeros = (damaged: CrashableFiles) => damaged.writeWhole(path, new Uint8Array(bytes.byteLength))
      await expectDamage(store, needs, path, zeros, `${path} zeroed`)
      const longer = (damaged: CrashableFiles) => damaged.writeWhole(path, Uint8Array.of(...bytes, 0))
      await expectDamage(store, needs, path, longer, `${path} with a byte more`)
      // Without its manifest nobody knows that there was a snapshot.
      const gone = files.clone()
      await gone.remove(path)
      const opened = await openDamaged(gone, store, `${path} missing`)
      if (path !== manifestOf(newestLsn)) {
        await expectDamage(store, needs, path, (damaged) => damaged.remove(path), `${path} missing`)
      } else expect(opened).toEqual({ snapshotLsn: olderLsn, problems: '' })
    }
  })

  test('any file under the name of another', async () => {
    const needs = await needsOf(store)
    let cases = 0
    for (const path of paths) {
      for (const other of paths) {
        const bytes = files.readWhole(other)
        if (Buffer.compare(bytes, files.readWhole(path)) === 0) continue
        cases += 1
        if (!isWithinBudget(cases)) continue
        const replace = (damaged: CrashableFiles) => damaged.writeWhole(path, bytes)
        await expectDamage(store, needs, path, replace, `${path} is a copy of ${other}`)
      }
    }
    expect(cases).toBeGreaterThan(400)
  })

  test('files that nobody wrote: copies of manifests, parts and temporary files', async () => {
    const manifest = files.readWhole(manifestOf(newestLsn))
    for (const lsn of [1, newestLsn + 1, 99]) {
      const copied = files.clone()
      copied.writeWhole(manifestOf(lsn), manifest)
      const opened = await openDamaged(copied, store, `a manifest copied to LSN ${lsn}`)
      expect(opened).toMatchObject({ snapshotLsn: newestLsn })
      const said = `${manifestOf(lsn)} is damaged: it is the manifest of LSN ${newestLsn}`
      if (lsn > newestLsn) expect((opened as Opened).problems).toContain(said)
    }
    const left = files.clone()
    for (const path of paths) left.writeWhole(path.replace(/\d{16}/, '0000000000000099'), files.readWhole(path))
    left.cut(manifestOf(99), 100)
    left.writeWhole(`${manifestOf(100)}.tmp`, manifest)
    expect(await openDamaged(left, store, 'leftovers')).toMatchObject({ snapshotLsn: newestLsn })
  })
})

test('a part that the disk did not keep as it was written is never published', async () => {
  const { history, newestLsn } = DROPPED
  const parts = DROPPED.files.paths().filter((path) => path.startsWith('snapshots/') && path.endsWith('.part'))
  for (let index = 0; index < parts.length; index++) {
    const files = DROPPED.files.clone()
    const store = await openStore(files)
    let damaged: string | undefined
    files.watchMutations((_, text) => {
      const written = files.paths().filter((path) => path.endsWith('.part') && !parts.includes(path))
      if (!text.startsWith('write snapshots/') || !text.includes('.manifest.tmp')) return
      damaged ??= written[index]
      if (damaged !== undefined) files.flipBit(damaged, 8 * Math.floor(files.readWhole(damaged).byteLength / 2))
    })
    const outcome = await store.snapshot().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (damaged === undefined) {
      expect(outcome).toBeUndefined()
      await store.close()
      continue
    }
    expect(isStoreError(outcome, 'ERR_SNAPSHOT_CORRUPT'), `${damaged}: ${outcome}`).toBe(true)
    expect(
      files
        .paths()
        .filter((path) => path.endsWith('.manifest'))
        .at(-1),
    ).toBe(manifestOf(newestLsn))
    await store.close()
    const opened = await openDamaged(files, DROPPED, damaged)
    expect(opened).toEqual({ snapshotLsn: newestLsn, problems: '' })
    expect(history.endLsn).toBeGreaterThan(newestLsn)
  }
})

describe.each([
  { from: 'the same store with another history', other: DIVERGED },
  { from: 'another store', other: FOREIGN },
])('files of $from', { timeout: 3_600_000 }, ({ other }) => {
  test('have the same names, and other bytes', () => {
    expect(other.files.paths()).toEqual(DROPPED.files.paths())
    expect(other.files.contentHash()).not.toBe(DROPPED.files.contentHash())
  })

  test('are never taken for their own, one at a time', async () => {
    const needs = await needsOf(DROPPED)
    let cases = 0
    for (const path of snapshotPaths(DROPPED.files)) {
      const bytes = other.files.readWhole(path)
      if (Buffer.compare(bytes, DROPPED.files.readWhole(path)) === 0) continue
      cases += 1
      const files = DROPPED.files.clone()
      files.writeWhole(path, bytes)
      const opened = await openDamaged(files, DROPPED, `${path} of ${other.name}`)
      if (needs.newest.has(path)) {
        if (!isStoreError(opened)) expect(opened.snapshotLsn, path).toBe(DROPPED.olderLsn)
        expect(isStoreError(opened), path).toBe(needs.older.has(path))
      }
    }
    expect(cases).toBeGreaterThan(3)
  })

  test('are never taken for their own, a snapshot or all of them', async () => {
    const own = (lsn: number) =>
      snapshotPaths(DROPPED.files).filter((path) => path.startsWith(manifestOf(lsn).replace('.manifest', '')))
    const whole = DROPPED.files.clone()
    for (const path of own(DROPPED.newestLsn)) whole.writeWhole(path, other.files.readWhole(path))
    expect(await openDamaged(whole, DROPPED, 'the newest replaced')).toMatchObject({ snapshotLsn: DROPPED.olderLsn })
    const all = DROPPED.files.clone()
    for (const path of snapshotPaths(other.files)) all.writeWhole(path, other.files.readWhole(path))
    const refused = await openDamaged(all, DROPPED, 'all replaced')
    // Where both histories are one up to the older snapshot, that one is their own.
    if (isStoreError(refused)) expect(refused.message).toContain(manifestOf(DROPPED.newestLsn))
    else expect(refused.snapshotLsn).toBe(DROPPED.olderLsn)
    expect(isStoreError(refused)).toBe(other === FOREIGN)
  })
})
