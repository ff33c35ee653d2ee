import type { DamageEffect, FoundProblem, LsnRange, VerifiedSnapshot } from './verify-report.ts'

/** What of a store can be opened. */
export interface Openable {
  /** Ascending. */
  readonly reachable: readonly LsnRange[]
  /** Up to where the log is known to be on disk; `undefined` where nothing is known. */
  readonly durableLsn: number | undefined
  readonly snapshots: readonly Pick<VerifiedSnapshot, 'lsn' | 'ok'>[]
  readonly hasLog: boolean
}

/** What damage comes to, by where it is and by what makes up for it. */
export function effectOf(problem: FoundProblem, openable: Openable): DamageEffect {
  const { code, snapshots, lsn } = problem
  // What a newer release has written is not passed over.
  if (code === 'ERR_FORMAT_VERSION') return 'loss'
  const end = openable.reachable.at(-1)?.to ?? -1
  if (snapshots !== undefined)
    return end >= endOfStore(openable) || snapshots.every((one) => one <= end) ? 'reserve' : 'loss'
  if (lsn === undefined) return openable.hasLog || openable.durableLsn !== undefined ? 'reserve' : 'loss'
  const sound = openable.snapshots.filter(({ ok }) => ok).map((snapshot) => snapshot.lsn)
  const newest = Math.max(-1, ...sound.filter((one) => one <= end))
  if (lsn > newest) return 'loss'
  const oldest = openable.reachable[0]?.from ?? -1
  return lsn > oldest ? 'reserve' : 'none'
}

/** The last LSN that the store is known to have had. */
function endOfStore({ durableLsn, snapshots }: Openable): number {
  return Math.max(durableLsn ?? 0, ...snapshots.map(({ lsn }) => lsn))
}
