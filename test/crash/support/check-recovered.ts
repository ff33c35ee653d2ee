import { expect } from 'vitest'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { type CrashableFiles, nothing } from '../../support/crashable-files.ts'
import { expectSearches } from './check-searches.ts'
import { contentOf } from './content.ts'
import type { History } from './history.ts'
import { openStore } from './open-store.ts'
import { handlesOf, startOperation } from './start-operation.ts'

/** What is known of the LSN that a store must come back at. */
export interface Bounds {
  /** Everything up to here was acknowledged, so it must be there. */
  readonly floorLsn: number
  /** Nothing above was tried, or all of it was refused for certain. */
  readonly ceilingLsn: number
}

/**
 * When indexes, built from the log once more, must be those of the history, bit for bit: as soon as a store was opened and when
 * it has gone on; only then, so that it goes on while they are being built; or never, because it takes as long as the rest.
 */
export type IndexCheck = 'atOnce' | 'later' | 'never'

/** How many operations a recovered store is asked to go on with. */
const SEQUEL_OPERATIONS = 2

/**
 * Opens what a crash left and holds it to everything that recovery promises: an exact prefix of the history with all that was
 * acknowledged, which then stays, whatever crashes next, and can be written on. `files` are used up.
 * @returns the LSN that it came back at.
 */
export async function checkRecovered(
  files: CrashableFiles,
  bounds: Bounds,
  history: History,
  where: string,
  indexes: IndexCheck = 'atOnce',
): Promise<number> {
  const before = files.clone()
  const store = await openOrExplain(files, where)
  const { lsn } = store.stats()
  checkBounds(lsn, bounds, where)
  expect(store.readOnly, where).toBe(false)
  await expectState(store, lsn, history, where)
  if (indexes === 'atOnce') {
    await expectIndexes(store, lsn, history, where)
    await expectSearches(store, `${where}, LSN ${lsn}`)
  }
  expectQuarantine(store, before, files, where)
  await expectStateOf(files.crashImage(nothing), lsn, history, `${where}, served, then power lost`)
  const goneOn = await goOn(store, lsn, history, where)
  if (indexes !== 'never') await expectIndexes(store, goneOn, history, `${where}, gone on`)
  await expectStateOf(files.crashImage(nothing), goneOn, history, `${where}, gone on, then power lost`)
  expect((await store.verify()).problems, where).toEqual([])
  await store.close()
  await expectStateOf(files.crashImage(nothing), goneOn, history, `${where}, closed, then power lost`)
  return lsn
}

export function checkBounds(lsn: number, { floorLsn, ceilingLsn }: Bounds, where: string): void {
  if (lsn < floorLsn) throw new Error(`${where}: LSN ${floorLsn} was acknowledged, but it came back at LSN ${lsn}`)
  if (lsn > ceilingLsn)
    throw new Error(`${where}: it came back at LSN ${lsn}; nothing above ${ceilingLsn} should be there`)
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
