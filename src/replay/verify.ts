import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { StoreState } from '../engine/store-state.ts'
import { ColdChunks } from '../snapshots/cold-chunks.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { partFileBytes } from '../snapshots/part.ts'
import { openSnapshot } from '../snapshots/reader.ts'
import { listSnapshots, type SnapshotListing } from '../snapshots/snapshot-set.ts'
import { type MarkReading, readMark } from '../wal/durable-mark.ts'
import { MARK_PATH } from '../wal/format.ts'
import { missingText } from '../wal/starting-point.ts'
import { type SurveyedSegment, surveySegments } from '../wal/survey.ts'
import { readBesideWriter } from './beside-writer.ts'
import { effectOf } from './verify-effect.ts'
import { type Base, type ReplayCheck, ReplayChecker } from './verify-log.ts'
import { type FoundProblem, problemOf, type VerifiedSnapshot, type VerifyReport } from './verify-report.ts'
import { type CheckedSnapshots, checkSnapshots } from './verify-snapshots.ts'

export interface VerifyOptions {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Replay no further than this. */
  readonly untilLsn?: number
}

/**
 * Walks everything there is, log, snapshots and their graphs, and reports what is damaged, where, what that comes to, and which
 * LSNs can still be opened. Changes nothing, needs no lock, and works where opening fails. Beside a writer it looks up to the
 * durable mark. Needs as much memory as two states; vectors that snapshots hold stay on disk where some collection has a mode.
 * @returns `undefined` where there is no store.
 * @throws StoreError `ERR_ABORTED`, or what listing files throws.
 */
export async function verifyFiles(files: Files, options: VerifyOptions): Promise<VerifyReport | undefined> {
  return readBesideWriter(
    files,
    () => verifyOnce(files, options),
    (report) => report?.ok === false,
  )
}

interface Tools extends VerifyOptions {
  readonly cold: ColdChunks | undefined
}

async function verifyOnce(files: Files, options: VerifyOptions): Promise<VerifyReport | undefined> {
  const { checksum } = options
  const problems: FoundProblem[] = []
  const mark = await readMarkFor(files, checksum, problems)
  const survey = await surveySegments(files, checksum)
  const listing = await listSnapshots(files, checksum)
  if (survey.length === 0 && !mark.exists && listing.snapshots.length === 0) return undefined
  const cold = coldChunksFor(files, listing, checksum)
  try {
    return await verifyFound(files, { mark, survey, listing, problems }, { ...options, cold })
  } finally {
    await cold?.close()
  }
}

interface Found {
  readonly mark: Pick<MarkReading, 'mark' | 'exists'>
  readonly survey: readonly SurveyedSegment[]
  readonly listing: SnapshotListing
  /** Of the mark. */
  readonly problems: readonly FoundProblem[]
}

/** A store that has its vectors on disk is checked by processes that have no memory for them either. */
function coldChunksFor(files: Files, { snapshots }: SnapshotListing, checksum: Checksum): ColdChunks | undefined {
  const hasMode = snapshots.some(({ manifest }) =>
    manifest?.collections.some(({ quantization }) => quantization !== 'none'),
  )
  if (!hasMode || files.readsNow !== true) return undefined
  return new ColdChunks(files, checksum, { originals: 'disk', documents: 'memory' })
}

async function verifyFound(files: Files, found: Found, options: Tools): Promise<VerifyReport> {
  const { mark, survey, listing } = found
  const problems = [...found.problems]
  const progress = new ByteCount(options, [...listing.snapshots].map(bytesOf), survey)
  const storeId = mark.mark?.storeId
  const checked = await checkSnapshots(files, listing, { ...options, storeId, onBytes: (bytes) => progress.add(bytes) })
  problems.push(...checked.problems)
  const replay = await checkReplay(files, survey, checked, options, (bytes) => progress.atLog(bytes))
  problems.push(...replay.problems)
  progress.finish()
  const durableLsn = mark.mark?.position.lsn
  problems.push(...surveyProblems(survey, durableLsn, problems))
  problems.push(...replay.below.filter(({ path }) => !problems.some((problem) => problem.path === path)))
  const snapshots = checked.snapshots.map(({ lsn, manifest, ok }) =>
    describeSnapshot(lsn, manifest, ok && !replay.contradicted.has(lsn)),
  )
  const openable = { ...replay, snapshots }
  return {
    ok: problems.length === 0,
    lsn: replay.lsn,
    durableLsn,
    records: replay.records,
    bytes: sumOf(survey),
    segments: survey.map(({ path, firstLsn, lastLsn, sizeBytes, sealed }) => ({
      path,
      firstLsn,
      lastLsn,
      sizeBytes,
      sealed,
    })),
    snapshots,
    log: { oldestLsn: survey[0]?.firstLsn, lsn: survey.at(-1)?.lastLsn ?? 0, durableLsn },
    reachable: replay.reachable,
    problems: problems.map((problem) => ({ ...problem, effect: effectOf(problem, openable) })),
    digest: replay.digest,
  }
}

async function checkReplay(
  files: Files,
  survey: readonly SurveyedSegment[],
  { snapshots, oldest }: CheckedSnapshots,
  options: Tools,
  onBytes: (doneBytes: number) => void,
): Promise<ReplayCheck> {
  const manifests = snapshots.flatMap(({ manifest, ok }) => (ok && manifest !== undefined ? [manifest] : []))
  const firstLsn = survey[0]?.firstLsn
  const isInReach = ({ position }: SnapshotManifest) => position.lsn <= (options.untilLsn ?? Number.MAX_SAFE_INTEGER)
  const inReach = manifests.filter(isInReach)
  // A writer may have let go of everything up to there: then what there is now is checked.
  const isPast = inReach.length === 0 && firstLsn !== undefined && firstLsn > 1
  const untilLsn = isPast ? undefined : options.untilLsn
  const checker = new ReplayChecker(files, { ...options, untilLsn, manifests, onBytes })
  const bases: Base[] = (isPast ? manifests : inReach)
    .toReversed()
    .map((manifest) => baseOf(files, manifest, options, manifest === oldest?.manifest ? oldest.state : undefined))
  const isWhole = firstLsn === 1 || (firstLsn === undefined && bases.length === 0)
  if (isWhole) return checker.run([{ lsn: 0, manifest: undefined, state: async () => new StoreState() }, ...bases])
  if (firstLsn !== undefined && firstLsn <= (bases[0]?.lsn ?? firstLsn)) await checker.checkChain(bases[0]?.lsn)
  const replay = await checker.run(bases)
  if (bases.length > 0) return replay
  const message = `${missingText(1, firstLsn! - 1)}, and no snapshot makes up for that`
  const problem = { code: 'ERR_LOG_CORRUPT', message, path: survey[0]!.path, segment: survey[0]!.path, lsn: 1 }
  return { ...replay, problems: [problem, ...replay.problems] }
}

function baseOf(
  files: Files,
  manifest: SnapshotManifest,
  { checksum, yieldToEventLoop, signal, cold }: Tools,
  known: StoreState | undefined,
): Base {
  const { lsn } = manifest.position
  const reopen = async () => (await openSnapshot(files, lsn, { checksum, yieldToEventLoop, signal, cold })).state
  return { lsn, manifest, state: async () => known ?? reopen() }
}

/** What the survey has found and nothing else: walks stop at the first damage, and there may be more behind it. */
function surveyProblems(
  survey: readonly SurveyedSegment[],
  durableLsn: number | undefined,
  known: readonly FoundProblem[],
): FoundProblem[] {
  return survey
    .flatMap((segment, index) => segmentProblems(segment, survey[index + 1]))
    .filter(({ lsn }) => lsn <= (durableLsn ?? Number.MAX_SAFE_INTEGER))
    .filter(({ segment }) => !known.some((problem) => problem.segment === segment))
}

/** What is wrong with a segment by itself. */
function segmentProblems(
  { path, lastLsn, sizeBytes, problem }: SurveyedSegment,
  next: SurveyedSegment | undefined,
): (FoundProblem & { segment: string; lsn: number })[] {
  if (problem !== undefined) return [{ ...problem, path, segment: path }]
  if (next === undefined || lastLsn >= next.firstLsn - 1) return []
  const message = `${path} ends at LSN ${lastLsn}, but the next segment begins at LSN ${next.firstLsn}`
  return [{ code: 'ERR_LOG_CORRUPT', message, path, segment: path, offset: sizeBytes, lsn: lastLsn + 1 }]
}

async function readMarkFor(
  files: Files,
  checksum: Checksum,
  problems: FoundProblem[],
): Promise<Pick<MarkReading, 'mark' | 'exists'>> {
  try {
    const reading = await readMark(files, checksum)
    const { exists, damagedSlots } = reading
    if (exists && damagedSlots > 0) {
      const message = `${damagedSlots} of the two slots of ${MARK_PATH} do not hold`
      problems.push({ code: 'ERR_LOG_CORRUPT', message, path: MARK_PATH, segment: MARK_PATH })
    }
    return reading
  } catch (error) {
    problems.push(problemOf(error))
    return { mark: undefined, exists: true }
  }
}

function describeSnapshot(lsn: number, manifest: SnapshotManifest | undefined, ok: boolean): VerifiedSnapshot {
  const time = manifest === undefined ? {} : { time: new Date(manifest.timeMs) }
  return { lsn, ...time, ok, bytes: bytesOf({ manifest }), parts: manifest?.parts.length ?? 0 }
}

function bytesOf({ manifest }: { readonly manifest?: SnapshotManifest | undefined }): number {
  return manifest?.parts.reduce((sum, part) => sum + partFileBytes(part), 0) ?? 0
}

function sumOf(survey: readonly SurveyedSegment[]): number {
  return survey.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** Bytes read, of the snapshots and then of the log. */
class ByteCount {
  readonly #onProgress: VerifyOptions['onProgress']
  readonly #snapshotBytes: number
  readonly #totalBytes: number
  #doneBytes = 0

  constructor({ onProgress }: VerifyOptions, snapshots: readonly number[], survey: readonly SurveyedSegment[]) {
    this.#onProgress = onProgress
    this.#snapshotBytes = snapshots.reduce((sum, bytes) => sum + bytes, 0)
    this.#totalBytes = this.#snapshotBytes + sumOf(survey)
  }

  add(bytes: number): void {
    this.#report(this.#doneBytes + bytes)
  }

  /** Several walks may read one part of the log. */
  atLog(doneBytes: number): void {
    this.#report(Math.max(this.#doneBytes, this.#snapshotBytes + doneBytes))
  }

  finish(): void {
    this.#report(this.#totalBytes)
  }

  #report(doneBytes: number): void {
    this.#doneBytes = Math.min(doneBytes, this.#totalBytes)
    this.#onProgress?.(this.#doneBytes, this.#totalBytes)
  }
}
