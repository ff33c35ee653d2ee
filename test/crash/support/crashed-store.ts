import { CrashableFiles, type CrashChooser, CrashSignal } from '../../support/crashable-files.ts'
import { type Bounds, cameBack, checkBounds } from './check-recovered.ts'
import { DrivenStore } from './driven-store.ts'
import type { History } from './history.ts'
import { resetTime } from './open-store.ts'
import type { Plan } from './workload.ts'

type Books = Pick<DrivenStore, 'durableLsn' | 'acknowledgedLsn' | 'triedLsn' | 'snapshotLsn'>

/** Files as a crash left them, and what the books say of the store in them. */
export interface CrashedStore extends Readonly<Books> {
  readonly files: CrashableFiles
  readonly where: string
}

/**
 * The workload, crashed at each mutating operation, before and after it takes effect. One run shows all of these: a crash
 * leaves the files as they are at that moment, and as acknowledged what was by then.
 */
export async function* eachWorkloadCrash(plan: Plan): AsyncGenerator<CrashedStore> {
  const files = new CrashableFiles()
  const driven = new DrivenStore(files)
  const crashes: CrashedStore[] = []
  const note = (when: 'before' | 'after', what: string, books: Books) => {
    crashes.push({ ...books, files: files.clone(), where: `crash ${when} ${what}` })
  }
  let noteAfter = () => {}
  files.watchMutations((mutation, text) => {
    // Nothing has changed since the mutation before this one, of which nobody had heard when it was made.
    noteAfter()
    const books = booksOf(driven)
    const what = `mutation ${mutation}, ${text}`
    note('before', what, books)
    noteAfter = () => note('after', what, books)
  })
  await driven.run(plan)
  noteAfter()
  yield* crashes
}

export function booksOf({ durableLsn, acknowledgedLsn, triedLsn, snapshotLsn }: Books): Books {
  return { durableLsn, acknowledgedLsn, triedLsn, snapshotLsn }
}

/**
 * The crashes before each operation, and after the last. After an operation the files are as they are before the next one, of
 * which more was acknowledged.
 */
export async function* eachStateOfWorkload(plan: Plan): AsyncGenerator<CrashedStore> {
  let last: CrashedStore | undefined
  for await (const crashed of eachWorkloadCrash(plan)) {
    if (crashed.where.startsWith('crash before')) yield crashed
    last = crashed
  }
  if (last !== undefined) yield last
}

/** What a power loss makes of it. */
export function afterPowerLoss(crashed: CrashedStore, name: string, choose: CrashChooser): CrashedStore {
  const files = crashed.files.crashImage(choose)
  return { ...crashed, files, acknowledgedLsn: crashed.durableLsn, where: `${crashed.where}, ${name}` }
}

/** Everything is as it was before it was changed last: what was written and then taken back is there. */
export const allButLatest: CrashChooser = {
  sector: (candidateCount) => Math.max(0, candidateCount - 2),
  size: (candidates) => Math.max(0, candidates.length - 2),
  entry: (candidateCount) => Math.max(0, candidateCount - 2),
}

/** What the kill of the process makes of it: what was written is seen, and still unsynced. */
export function afterKill(crashed: CrashedStore): CrashedStore {
  return { ...crashed, files: crashed.files.restartImage(), where: `${crashed.where}, killed` }
}

export function boundsOf({ acknowledgedLsn, triedLsn, snapshotLsn }: CrashedStore): Bounds {
  return { floorLsn: acknowledgedLsn, ceilingLsn: triedLsn, snapshotLsn }
}

/** How many operations a recovery goes on with before the next crash. */
const OPERATIONS = 2

/**
 * Recovers, and goes on for a little, with a snapshot where the history has some; the files may crash meanwhile. What a store
 * served once must stay.
 */
export async function recover(crashed: CrashedStore, history: History): Promise<CrashedStore> {
  const { files } = crashed
  const driven = new DrivenStore(files)
  driven.durableLsn = crashed.durableLsn
  driven.acknowledgedLsn = crashed.acknowledgedLsn
  driven.triedLsn = crashed.triedLsn
  driven.snapshotLsn = crashed.snapshotLsn
  resetTime()
  try {
    await driven.open('sync', history.snapshots)
    const came = cameBack(driven.store)
    checkBounds(came, boundsOf(crashed), crashed.where)
    driven.settle(came.lsn)
    for (const planned of history.logged.slice(came.lsn, came.lsn + OPERATIONS)) {
      for (const { error } of await driven.performTogether([planned])) throw error
    }
    if (history.snapshots !== undefined) for (const { error } of await driven.takeSnapshot([])) throw error
  } catch (error) {
    if (!files.isCrashed || !comesOfCrash(error)) throw error
  }
  await driven.kill()
  return { ...booksOf(driven), files, where: crashed.where }
}

/** The recovery of a copy, crashed at one of its mutating operations. */
export async function crashRecovery(
  crashed: CrashedStore,
  mutation: number,
  when: 'before' | 'after',
  history: History,
): Promise<CrashedStore> {
  const files = crashed.files.clone()
  files.crashAt(mutation, when)
  const again = await recover({ ...crashed, files }, history)
  return {
    ...again,
    where: `${crashed.where}; recovery crashed ${when} mutation ${mutation}, ${files.mutations.at(-1)}`,
  }
}

function comesOfCrash(error: unknown): boolean {
  if (error instanceof CrashSignal) return true
  return error instanceof Error && error.cause !== undefined && comesOfCrash(error.cause)
}
