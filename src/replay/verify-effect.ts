import type { DamageEffect, FoundProblem, LsnRange, VerifiedSnapshot } from './verify-report.ts'

/** What of a store can be opened. */
export interface Openable {
  /** Ascending. */
  readonly reachable: readonly LsnRange[]
  /** Nothing is missing between what can be opened and the end of the log. */
  readonly reachesEnd: boolean
  readonly snapshots: readonly Pick<VerifiedSnapshot, 'lsn' | 'ok'>[]
}

/** What damage comes to, by where it is and by what makes up for it. */
export function effectOf({ code, snapshots, lsn }: FoundProblem, openable: Openable): DamageEffect {
  // What a newer release has written is not passed over.
  if (code === 'ERR_FORMAT_VERSION') return 'loss'
  const { reachable, reachesEnd } = openable
  const last = reachable.at(-1)
  if (last === undefined) return 'loss'
  if (snapshots !== undefined) return reachesEnd || snapshots.every((one) => one <= last.to) ? 'reserve' : 'loss'
  if (lsn === undefined) return 'reserve'
  const sound = openable.snapshots.filter((snapshot) => snapshot.ok && snapshot.lsn <= last.to)
  const isBehindAll = sound.every((snapshot) => snapshot.lsn < lsn)
  if (!reachesEnd && isBehindAll) return 'loss'
  return lsn > reachable[0]!.from ? 'reserve' : 'none'
}
