import { MemoryLevel } from 'memory-level'
import { expect } from 'vitest'
import { writeFully } from '../../src/base/files.ts'
import { LevelFiles } from '../../src/base/level-files.ts'
import type { StoreEvent } from '../../src/engine/events.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { encodeEvents } from '../../src/replay/event-codec.ts'
import { type AppliedPosition, Materializer } from '../../src/replay/materializer.ts'
import { type Recovered, recoverForReading, recoverForWriting } from '../../src/replay/recovery.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { listSnapshots, planRetention, removeFiles } from '../../src/snapshots/snapshot-set.ts'
import type { WriteOptions } from '../../src/snapshots/writer.ts'
import { scanLog } from '../../src/wal/log-scan.ts'
import { openLog } from '../../src/wal/open-log.ts'
import { noYield } from '../engine/engine-fixture.ts'
import { takeStep } from '../snapshots/random-steps.ts'
import { digestsOf, SnapshotFixture } from '../snapshots/snapshot-fixture.ts'
import { STORE_ID } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { checksum } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'

export const SEGMENT_BYTES = 1024
export const OPTIONS = {
  checksum,
  newStoreId: new Uint8Array(16).fill(7),
  segmentSizeBytes: SEGMENT_BYTES,
  yieldToEventLoop: noYield,
}

/** A store whose records are known. */
export interface History {
  /** Its log, closed, and nothing else. Not to be changed. */
  readonly log: CrashableFiles
  readonly payloads: readonly Uint8Array[]
  /** By LSN. At 0 is the empty store. */
  readonly points: readonly AppliedPosition[]
  /** Digests of data and index by LSN, of a replay from the first record. */
  readonly digests: readonly [data: bigint, index: bigint][]
  readonly lastLsn: number
}

class RecordedStore extends SnapshotFixture {
  readonly payloads: Uint8Array[] = []

  override apply(event: StoreEvent) {
    this.payloads.push(encodeEvents([event]))
    return super.apply(event)
  }
}

/** Every second record has the time of the one before. */
export function timeOf(lsn: number): number {
  return 1_000_000 + Math.ceil(lsn / 2) * 100
}

export async function randomHistory(seed: number, records: number): Promise<History> {
  const random = new Random(seed)
  const store = new RecordedStore(new StoreState())
  while (store.payloads.length < records) takeStep(store, random)
  return historyOf(store.payloads.slice(0, records))
}

export async function historyOf(payloads: readonly Uint8Array[]): Promise<History> {
  const files = new CrashableFiles()
  const { log } = await openLog(files, { ...OPTIONS, newStoreId: STORE_ID, deliver: () => {} })
  for (const [index, payload] of payloads.entries()) await log.append(payload, timeOf(index + 1), 'sync')
  await log.close()
  const points: AppliedPosition[] = [{ epoch: 1, lsn: 0, chain: 0n, timeMs: 0 }]
  const digests: [bigint, bigint][] = []
  const state = new StoreState()
  const store = new SnapshotFixture(state)
  const materializer = new Materializer(state)
  digests.push(await store.digests())
  await scanLog(files, {
    checksum,
    onRecord: async (record) => {
      materializer.apply(record)
      store.startIndexes()
      points.push(materializer.applied!)
      digests.push(await store.digests())
    },
  })
  return { log: settled(files), payloads, points, digests, lastLsn: payloads.length }
}

/** Copies of the log with snapshots at these LSNs, taken one after the other, sharing what they can. */
export async function withSnapshots(history: History, ...lsns: readonly number[]): Promise<CrashableFiles> {
  const files = settled(history.log)
  let previous: SnapshotManifest | undefined
  for (const lsn of lsns) previous = await addSnapshot(history, files, lsn, { previous })
  return settled(files)
}

export async function addSnapshot(
  history: History,
  files: CrashableFiles,
  lsn: number,
  options: Partial<WriteOptions> = {},
): Promise<SnapshotManifest> {
  const state = new StoreState()
  const materializer = new Materializer(state)
  for (const [index, payload] of history.payloads.slice(0, lsn).entries()) {
    materializer.apply({ ...history.points[index + 1]!, payload })
  }
  const { epoch, chain, timeMs } = history.points[lsn]!
  const position = { epoch, lsn, chain }
  return (await new SnapshotFixture(state).write(files, { storeId: STORE_ID, position, timeMs, ...options })).manifest
}

/** Drops the log below the oldest snapshot, as retention does, and all snapshots but those at `kept`. */
export async function retain(files: CrashableFiles, kept: readonly number[]): Promise<CrashableFiles> {
  await removeFiles(files, planRetention(await listSnapshots(files, checksum), kept))
  const { log } = await recoverForWriting(files, OPTIONS)
  await log!.dropBelow(Math.min(...kept) + 1)
  await log!.close()
  return settled(files)
}

export async function write(files: CrashableFiles): Promise<Recovered & { log: NonNullable<Recovered['log']> }> {
  const recovered = await recoverForWriting(files, OPTIONS)
  expect(recovered.log).toBeDefined()
  return recovered as never
}

export async function read(
  files: CrashableFiles,
  at?: { readonly lsn: number } | { readonly timeMs: number },
): Promise<Recovered> {
  return (await recoverForReading(files, { ...OPTIONS, at }))!
}

/** A recovered state must be that of an LSN, index included once it is built. */
export async function expectState(
  { state, applied }: Recovered,
  history: History,
  lsn: number,
  where = '',
): Promise<void> {
  expect(state.lsn, where).toBe(lsn)
  if (lsn > 0) expect(applied(), where).toEqual(history.points[lsn])
  new SnapshotFixture(state)
  expect(await digestsOf(state), where).toEqual(history.digests[lsn])
}

/** The same bytes with nothing pending and nothing counted. */
export function settled(files: CrashableFiles): CrashableFiles {
  const copy = new CrashableFiles()
  for (const path of files.paths()) copy.writeWhole(path, files.readWhole(path))
  return copy
}

export function segmentsOf(files: CrashableFiles): string[] {
  return files.paths().filter((path) => path.endsWith('.wal'))
}

export function manifestOf(lsn: number): string {
  return `snapshots/${String(lsn).padStart(16, '0')}.manifest`
}

/** Flips a bit in the middle of a file. */
export function damage(files: CrashableFiles, path: string, fraction = 0.5): void {
  files.flipBit(path, Math.floor(files.readWhole(path).byteLength * fraction) * 8)
}

export function newDatabase(): MemoryLevel<string, Uint8Array> {
  return new MemoryLevel({ keyEncoding: 'utf8', valueEncoding: 'view' })
}

/** The same files in a database. */
export async function inDatabase(files: CrashableFiles): Promise<LevelFiles> {
  const copy = new LevelFiles(newDatabase())
  for (const path of files.paths()) {
    if (path.includes('/')) await copy.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    const file = await copy.open(path, 'create')
    await writeFully(file, files.readWhole(path), 0)
    await file.close()
  }
  return copy
}
