import { expect } from 'vitest'
import { listSnapshots } from '../../../src/snapshots/snapshot-set.ts'
import type { OpenOptions } from '../../../src/store/options.ts'
import type { Digest } from '../../../src/store/vector-store.ts'
import { checksum } from '../../replay/replay-fixture.ts'
import { CrashableFiles } from '../../support/crashable-files.ts'
import { StoreFixture } from './store-fixture.ts'

/** A store that takes a snapshot only when it is asked for one. */
export const NONE_UNASKED: OpenOptions = {
  snapshotBytes: Number.POSITIVE_INFINITY,
  snapshotRecords: Number.POSITIVE_INFINITY,
}

/** One that does so and keeps its whole log. */
export const ALL_LOG_KEPT: OpenOptions = { ...NONE_UNASKED, history: { bytes: Number.POSITIVE_INFINITY } }

/** A copy of a store's files of which only some are there. */
export function filesOf(files: CrashableFiles, isWanted: (path: string) => boolean): CrashableFiles {
  const copy = new CrashableFiles()
  for (const path of files.paths().filter(isWanted)) copy.writeWhole(path, files.readWhole(path))
  return copy
}

/** What a full replay of the log, up to an LSN if one is given, comes to. */
export async function replayedDigest(files: CrashableFiles, at?: number): Promise<Digest> {
  const options = at === undefined ? { readOnly: true } : { at }
  const logOnly = filesOf(files, (path) => !path.startsWith('snapshots/'))
  const { store } = await StoreFixture.open({ threads: 0, ...options }, logOnly)
  expect(store.stats().recovery.snapshotLsn).toBeUndefined()
  const digest = await store.digest()
  await store.close()
  return digest
}

/** The digests that the manifest of a snapshot says it has, as a store writes them. */
export async function snapshotDigest(files: CrashableFiles, lsn: number): Promise<Digest> {
  const { snapshots } = await listSnapshots(files, checksum)
  const { manifest } = snapshots.find((snapshot) => snapshot.lsn === lsn)!
  const hex = (digest: bigint) => digest.toString(16).padStart(16, '0')
  return { lsn, data: hex(manifest!.dataDigest), index: hex(manifest!.indexDigest) }
}

/** LSNs of the snapshots on disk, newest first. */
export async function snapshotLsns(files: CrashableFiles): Promise<number[]> {
  return (await listSnapshots(files, checksum)).snapshots.map(({ lsn }) => lsn)
}

/** First LSNs of the segments on disk. */
export function segmentLsns(files: CrashableFiles): number[] {
  return files.paths().flatMap((path) => {
    const lsn = /^wal\/(\d{16})\.wal$/.exec(path)?.[1]
    return lsn === undefined ? [] : [Number(lsn)]
  })
}

/** Paths of the parts that were written for the snapshot at an LSN. */
export function partsOf(files: CrashableFiles, lsn: number): string[] {
  return files.paths().filter((path) => path.startsWith(`snapshots/${String(lsn).padStart(16, '0')}-`))
}

/** Damages a byte in the middle of a file, on disk too. */
export function damage(files: CrashableFiles, path: string): void {
  files.flipBit(path, (files.readWhole(path).byteLength >> 1) * 8 + 3)
}
