import { throwIfAborted } from '../base/abort.ts'
import { type Checksum, checksumText } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { hasBit } from '../engine/bitmap.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { digestState } from '../engine/digest.ts'
import { captureState } from '../engine/state-capture.ts'
import { StoreState, type StoreView } from '../engine/store-state.ts'
import { readMark } from '../wal/durable-mark.ts'
import { MARK_PATH } from '../wal/format.ts'
import { scanLog } from '../wal/log-scan.ts'
import { type SurveyedSegment, surveySegments } from '../wal/survey.ts'
import { Materializer } from './materializer.ts'

/** Something that is not as it should be. */
export interface VerifyProblem {
  readonly code: string
  readonly message: string
  readonly segment?: string
  readonly offset?: number
  readonly lsn?: number
}

/** One file of the log, checked by itself. */
export interface VerifiedSegment {
  readonly path: string
  readonly firstLsn: number
  /** The last record that holds. */
  readonly lastLsn: number
  readonly sizeBytes: number
  readonly sealed: boolean
}

export interface VerifyReport {
  readonly ok: boolean
  /** Every record up to here is whole and follows from the ones before it. */
  readonly lsn: number
  readonly durableLsn: number | undefined
  readonly records: number
  readonly bytes: number
  readonly segments: readonly VerifiedSegment[]
  readonly problems: readonly VerifyProblem[]
  /** Digest of the state that the log replays to at `lsn`. */
  readonly digest: string
}

export interface VerifyOptions {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Replay no further than this. */
  readonly untilLsn?: number
}

/**
 * Walks everything there is and reports what is damaged, where, and up to which LSN all is well. Changes nothing, needs no
 * lock, and works where opening fails. Beside a writer it looks up to the durable mark.
 * @returns `undefined` where there is no store.
 */
export async function verifyFiles(files: Files, options: VerifyOptions): Promise<VerifyReport | undefined> {
  const { checksum, signal } = options
  const problems: VerifyProblem[] = []
  const mark = await readMarkFor(files, checksum, problems)
  const survey = await surveySegments(files, checksum)
  if (survey.length === 0 && !mark.exists) return undefined
  const state = new StoreState()
  const materializer = new Materializer(state)
  try {
    await scanLog(files, {
      checksum,
      limitLsn: options.untilLsn,
      durableOnly: true,
      onProgress: options.onProgress,
      onRecord: (record) => {
        throwIfAborted(signal, 'verify')
        materializer.apply(record)
        return undefined
      },
    })
  } catch (error) {
    if (isStoreError(error, 'ERR_ABORTED')) throw error
    problems.push(problemOf(error))
  }
  problems.push(
    ...survey
      .flatMap((segment, index) => segmentProblems(segment, survey[index + 1]))
      .filter(
        (found) =>
          found.lsn <= (mark.lsn ?? Number.MAX_SAFE_INTEGER) &&
          !problems.some((known) => known.segment === found.segment),
      ),
  )
  for (const collection of state.collections()) problems.push(...(await checkCollection(collection, options)))
  return {
    ok: problems.length === 0,
    lsn: state.lsn,
    durableLsn: mark.lsn,
    records: materializer.counts.records,
    bytes: survey.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    segments: survey.map(({ path, firstLsn, lastLsn, sizeBytes, sealed }) => ({
      path,
      firstLsn,
      lastLsn,
      sizeBytes,
      sealed,
    })),
    problems,
    digest: await digestHex(state, options),
  }
}

/** What is wrong with a segment by itself. The walk stops at the first damage, and there may be more behind it. */
function segmentProblems(
  { path, lastLsn, sizeBytes, problem }: SurveyedSegment,
  next: SurveyedSegment | undefined,
): (VerifyProblem & { segment: string; lsn: number })[] {
  if (problem !== undefined) return [{ ...problem, segment: path }]
  if (next === undefined || lastLsn >= next.firstLsn - 1) return []
  const message = `${path} ends at LSN ${lastLsn}, but the next segment begins at LSN ${next.firstLsn}`
  return [{ code: 'ERR_LOG_CORRUPT', message, segment: path, offset: sizeBytes, lsn: lastLsn + 1 }]
}

/** The `data` digest of a state as of the call: 16 hexadecimal digits. */
export async function digestHex(
  state: StoreView,
  options: Pick<VerifyOptions, 'checksum' | 'yieldToEventLoop'>,
): Promise<string> {
  return checksumText(await digestState(captureState(state), options.checksum, options.yieldToEventLoop))
}

/** Entries checked between two turns of the event loop. */
const SLICE_SLOTS = 2048

/**
 * Every live slot is found under its id, and there are as many as the collection says; none of them is in a chunk that was
 * freed. Writes may go on meanwhile: entries are counted at the call, and each is judged as it is when it is come to, where
 * it was moved meanwhile at its new place.
 */
export async function checkCollection(
  collection: CollectionView,
  options: Pick<VerifyOptions, 'yieldToEventLoop'>,
): Promise<VerifyProblem[]> {
  const problems: VerifyProblem[] = []
  const problem = (message: string) =>
    problems.push({ code: 'ERR_RECORD_INVALID', message: `collection '${collection.name}': ${message}` })
  const live = countLive(collection)
  if (live !== collection.liveCount) problem(`${live} entries are live, ${collection.liveCount} are counted`)
  for (let slot = 0; slot < collection.slotCount; slot += 1) {
    if (slot % SLICE_SLOTS === SLICE_SLOTS - 1) await options.yieldToEventLoop()
    if (collection.isDead(slot)) continue
    if (collection.isFreed(slot)) {
      problem(`the entry in slot ${slot} is live, but its chunk was freed`)
      continue
    }
    const found = collection.slotOf(collection.idAt(slot))
    if (found !== slot) problem(`the entry in slot ${slot} is found in slot ${found}`)
  }
  return problems
}

function countLive(collection: CollectionView): number {
  const tombstones = collection.copyTombstones()
  let live = 0
  for (let slot = 0; slot < collection.slotCount; slot += 1) {
    if (!hasBit(tombstones, slot)) live += 1
  }
  return live
}

async function readMarkFor(
  files: Files,
  checksum: Checksum,
  problems: VerifyProblem[],
): Promise<{ lsn: number | undefined; exists: boolean }> {
  try {
    const { mark, exists, damagedSlots } = await readMark(files, checksum)
    if (exists && damagedSlots > 0) {
      const message = `${damagedSlots} of the two slots of ${MARK_PATH} do not hold`
      problems.push({ code: 'ERR_LOG_CORRUPT', message, segment: MARK_PATH })
    }
    return { lsn: mark?.position.lsn, exists }
  } catch (error) {
    problems.push(problemOf(error))
    return { lsn: undefined, exists: true }
  }
}

function problemOf(error: unknown): VerifyProblem {
  if (!isStoreError(error)) throw error
  const { segment, offset, lsn } = error.details
  return {
    code: error.code,
    message: error.message,
    ...(typeof segment === 'string' ? { segment } : {}),
    ...(typeof offset === 'number' ? { offset } : {}),
    ...(typeof lsn === 'number' ? { lsn } : {}),
  }
}
