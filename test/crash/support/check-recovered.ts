import { expect } from 'vitest'
import { isStoreError } from '../../../src/base/errors.ts'
import type { VerifyProblem } from '../../../src/replay/verify-report.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { type CrashableFiles, everything, nothing } from '../../support/crashable-files.ts'
import { Random } from '../../support/random.ts'
import { expectSearches } from './check-searches.ts'
import { contentOf } from './content.ts'
import type { History } from './history.ts'
import { openStore, untilQuiet } from './open-store.ts'
import { handlesOf, startOperation } from './start-operation.ts'

/** Where a store came back. */
export interface CameBack {
  readonly lsn: number
  /** LSN of the snapshot that it was opened from, or 0. */
  readonly snapshotLsn: number
}

/** What is known of the LSN that a store must come back at. */
export interface Bounds {
  /** Everything up to here was acknowledged, so it must be there. */
  readonly floorLsn: number
  /** Nothing above was tried, or all of it was refused for certain. */
  readonly ceilingLsn: number
  /** A snapshot of this LSN, or a newer one, was taken, so it must be what is opened. */
  readonly snapshotLsn?: number
}

/** What else is done with a recovered store. */
export interface Checks {
  /**
   * When indexes, built from the log once more, must be those of the history, bit for bit: as soon as a store was opened and
   * when it has gone on; only then, so that it goes on while they are being built; or never, because it takes as long as the rest.
   */
  readonly indexes: 'atOnce' | 'later' | 'never'
  /** Power is lost once it is open: what it has served must be there again. */
  readonly served: boolean
  /** It is written on, verified and closed, with power losses on the way. */
  readonly goesOn: boolean
  /** A snapshot is taken of it. */
  readonly snapshot: boolean
  /** The newest snapshot is damaged first, in a copy. */
  readonly fallback: boolean
  /**
   * A failed sync may have left a manifest, or a segment of the log, that was removed: with the newest two snapshots and the log
   * behind them there is nothing amiss.
   */
  readonly hasStaleFiles?: boolean
}

export const ALL_CHECKS: Checks = { indexes: 'atOnce', served: true, goesOn: true, snapshot: false, fallback: false }

/** How many operations a recovered store is asked to go on with. */
const SEQUEL_OPERATIONS = 2

/**
 * Opens what a crash left and holds it to everything that recovery promises: an exact prefix of the history with all that was
 * acknowledged, which then stays, whatever crashes next, and can be written on. `files` are used up.
 */
export async function checkRecovered(
  files: CrashableFiles,
  bounds: Bounds,
  history: History,
  where: string,
  checks: Checks = ALL_CHECKS,
): Promise<CameBack> {
  const before = files.clone()
  const store = await openOrExplain(files, where)
  const came = cameBack(store)
  const { lsn } = came
  checkBounds(came, bounds, where)
  expect(store.readOnly, where).toBe(false)
  // No crash leaves a manifest without its parts, or one that the log contradicts.
  expect(store.stats().recovery.problems.filter(isOfSnapshot), where).toEqual([])
  await expectState(store, lsn, history, where)
  // Else it goes on while it builds, and this lets it build.
  if (checks.indexes !== 'later') await expectOriginals(store, came, history, where)
  if (checks.indexes === 'atOnce') {
    await expectIndexes(store, lsn, history, where)
    await expectSearches(store, `${where}, LSN ${lsn}`)
  }
  expectQuarantine(store, before, files, where)
  if (checks.fallback) await expectFallback(before, lsn, history, where)
  if (checks.served) await expectStateOf(files.crashImage(nothing), lsn, history, `${where}, served, then power lost`)
  let endLsn = lsn
  if (checks.goesOn) {
    endLsn = await goOn(store, lsn, history, where)
    if (checks.indexes !== 'never') await expectIndexes(store, endLsn, history, `${where}, gone on`)
    await expectStateOf(files.crashImage(nothing), endLsn, history, `${where}, gone on, then power lost`)
  }
  if (checks.snapshot) await expectSnapshot(store, files, endLsn, history, where)
  if (!checks.goesOn) return came
  await expectVerified(store, checks, where)
  await store.close()
  await expectStateOf(files.crashImage(nothing), endLsn, history, `${where}, closed, then power lost`)
  return came
}

async function expectVerified(store: VectorStore, { hasStaleFiles }: Checks, where: string): Promise<void> {
  const { problems } = await store.verify()
  const [, older] = store.stats().snapshots
  const isStale = ({ snapshots, segment, lsn }: VerifyProblem) => {
    if (older === undefined) return false
    if (segment !== undefined) return lsn !== undefined && lsn <= older.lsn
    return snapshots !== undefined && snapshots.length > 0 && snapshots.every((one) => one < older.lsn)
  }
  expect(hasStaleFiles ? problems.filter((problem) => !isStale(problem)) : problems, where).toEqual([])
}

export function cameBack(store: VectorStore): CameBack {
  const { lsn, recovery } = store.stats()
  return { lsn, snapshotLsn: recovery.snapshotLsn ?? 0 }
}

export function checkBounds(came: CameBack, bounds: Bounds, where: string): void {
  const { lsn } = came
  const { floorLsn, ceilingLsn, snapshotLsn = 0 } = bounds
  if (lsn < floorLsn) throw new Error(`${where}: LSN ${floorLsn} was acknowledged, but it came back at LSN ${lsn}`)
  if (lsn > ceilingLsn)
    throw new Error(`${where}: it came back at LSN ${lsn}; nothing above ${ceilingLsn} should be there`)
  if (came.snapshotLsn < snapshotLsn)
    throw new Error(`${where}: a snapshot was taken at LSN ${snapshotLsn}, but LSN ${came.snapshotLsn} was opened`)
}

/** Takes a snapshot, which a power loss then leaves alone, with everything in it. */
async function expectSnapshot(
  store: VectorStore,
  files: CrashableFiles,
  lsn: number,
  history: History,
  where: string,
): Promise<void> {
  const taken = await store.snapshot()
  expect(taken.lsn, where).toBe(lsn)
  const lost = files.crashImage(nothing)
  await expectOpened(lost, lsn, lsn, history, `${where}, snapshot at LSN ${lsn}, then power lost`)
}

/**
 * Damages the newest snapshot that there is: the older one and the log behind it, or the whole log, must give the same, and say
 * so; and what the store does next puts a sound snapshot in the damaged one's place.
 */
export async function expectFallback(
  image: CrashableFiles,
  lsn: number,
  history: History,
  where: string,
): Promise<void> {
  const manifest = image.paths().findLast((path) => path.endsWith('.manifest'))
  if (manifest === undefined) return
  const source = new Random(Number.parseInt(image.contentHash().slice(0, 8), 16))
  // No other names the parts that were written for it.
  const own = image.paths().filter((path) => path.startsWith(manifest.replace('.manifest', '')))
  const path = source.pick(own.filter((one) => !one.endsWith('.tmp')))
  const files = image.crashImage(everything)
  const { byteLength } = files.readWhole(path)
  if (source.nextBoolean()) files.cut(path, source.nextInt(byteLength))
  else files.flipBit(path, source.nextInt(byteLength * 8))
  const what = `${where}, ${path} damaged`
  const store = await openOrExplain(files, what)
  if (await isColdDamage(store, path)) return
  await expectState(store, lsn, history, what)
  const { problems } = store.stats().recovery
  const isSaid = problems.some((problem) => problem.includes(`${manifest} was passed over`))
  // An orphan may have the number of a part that was shared instead: nobody reads it.
  if (!isSaid && (path === manifest || cameBack(store).snapshotLsn !== lsnOf(manifest)))
    throw new Error(`${what}: it opened without a word: ${problems.join('; ')}`)
  await expectSnapshot(store, files, lsn, history, what)
  await store.close()
}

/**
 * Whether damage is in vectors that were left on disk: it is met by who reads them, as damage of just that file, and by `verify`.
 * Then the store is closed.
 */
async function isColdDamage(store: VectorStore, path: string): Promise<boolean> {
  try {
    await store.digest({ index: false })
    return false
  } catch (error) {
    if (!isStoreError(error, 'ERR_CHUNK_CORRUPT')) throw error
    expect(error.details.path).toBe(path)
    expect((await store.verify()).problems.map((problem) => problem.path)).toContain(path)
    await store.close()
    return true
  }
}

function lsnOf(manifest: string): number {
  return Number(manifest.slice('snapshots/'.length, -'.manifest'.length))
}

function isOfSnapshot(problem: string): boolean {
  return problem.includes('was passed over')
}

/** Opens a copy of files at an LSN, from a snapshot of another LSN or a newer one, with nothing passed over. */
async function expectOpened(
  files: CrashableFiles,
  lsn: number,
  snapshotLsn: number,
  history: History,
  where: string,
): Promise<void> {
  const store = await openOrExplain(files, where)
  const came = cameBack(store)
  checkBounds(came, { floorLsn: lsn, ceilingLsn: lsn, snapshotLsn }, where)
  await expectState(store, lsn, history, where)
  await expectOriginals(store, came, history, where)
  await store.close()
}

/**
 * Opens files without changing them for the caller, and compares all that they hold with the history at `lsn`. They are those
 * of a store that was served and lost nothing but what it never made durable, so its durable mark is sound, too.
 */
export async function expectStateOf(
  files: CrashableFiles,
  lsn: number,
  history: History,
  where: string,
): Promise<void> {
  const store = await openOrExplain(files.clone(), where)
  await expectState(store, lsn, history, where)
  expect(
    store.stats().recovery.problems.filter((problem) => problem.includes('wal/durable')),
    where,
  ).toEqual([])
  await store.close()
}

/** Compares an open store with the history at `lsn`, by digest and by content. What it builds is not waited for. */
export async function expectState(store: VectorStore, lsn: number, history: History, where: string): Promise<void> {
  const digest = await store.digest({ index: false })
  if (digest.lsn !== lsn) throw new Error(`${where}: it is at LSN ${digest.lsn}, not ${lsn}`)
  const content = await contentOf(store)
  if (content !== history.contents[lsn]) expect(content, `${where}, LSN ${lsn}`).toBe(history.contents[lsn])
  const expected = history.digests[lsn]?.data
  if (digest.data !== expected) expect(digest.data, `${where}, digest at LSN ${lsn}`).toBe(expected)
}

/** The mode of a collection says which of its full chunks are on disk: those that the snapshot has, or none. */
async function expectOriginals(store: VectorStore, came: CameBack, history: History, where: string): Promise<void> {
  await untilQuiet()
  for (const { name, createdAtLsn, quantization } of store.collections()) {
    const { chunks, chunksOnDisk, problem } = (await store.collection(name)).stats().originals
    const { full, freed } = history.chunks[came.lsn]!.get(createdAtLsn)!
    const held = history.chunks[came.snapshotLsn]!.get(createdAtLsn)?.full ?? 0
    const live = (count: number) =>
      Array.from({ length: count }, (_, chunk) => chunk).filter((chunk) => !freed.has(chunk))
    const wanted = { chunks: live(full).length, chunksOnDisk: quantization === 'none' ? 0 : live(held).length }
    expect({ chunks, chunksOnDisk, problem }, `${where}, chunks of '${name}' at LSN ${came.lsn}`).toEqual(wanted)
  }
}

/** Compares the indexes of an open store, once they are built, with those of the history at `lsn`, bit for bit. */
async function expectIndexes(store: VectorStore, lsn: number, history: History, where: string): Promise<void> {
  const { index } = await store.digest()
  const expected = history.digests[lsn]?.index
  if (index !== expected) expect(index, `${where}, digest of the indexes at LSN ${lsn}`).toBe(expected)
}

/** Goes on with what the history has next. */
export async function goOn(store: VectorStore, fromLsn: number, history: History, where: string): Promise<number> {
  const handles = await handlesOf(store)
  const next = history.logged.slice(fromLsn, fromLsn + SEQUEL_OPERATIONS)
  for (const { operation, answer, lsn: at } of next) {
    const actual = await startOperation(store, handles, operation)
    if (actual !== answer) throw new Error(`${where}: LSN ${at}, ${operation.type}, answered ${actual}, not ${answer}`)
  }
  const lsn = fromLsn + next.length
  await expectState(store, lsn, history, `${where}, gone on`)
  return lsn
}

/** Whatever was cut from the end of the log is kept, byte for byte, and as safe as the log. */
function expectQuarantine(store: VectorStore, before: CrashableFiles, files: CrashableFiles, where: string): void {
  const { quarantined } = store.stats().recovery
  if (quarantined === undefined) return
  const [, segment, offset] = /^quarantine\/(\d{16}\.wal)\.(\d+)(?:\.\d+)?$/.exec(quarantined) ?? []
  const cut = before.readWhole(`wal/${segment}`).subarray(Number(offset))
  const kept = files.crashImage(nothing).readWhole(quarantined)
  if (Buffer.compare(cut, kept) !== 0) throw new Error(`${where}: ${quarantined} is not what was cut`)
}

async function openOrExplain(files: CrashableFiles, where: string): Promise<VectorStore> {
  try {
    return await openStore(files)
  } catch (error) {
    throw new Error(`${where}: it does not open: ${error}`, { cause: error })
  }
}
