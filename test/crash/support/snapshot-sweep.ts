import { budgeted, report, SEED } from './crash-settings.ts'
import { eachStateOfWorkload } from './crashed-store.ts'
import { ImageCheck } from './image-check.ts'
import { type ShortHistoryOptions, snapshotHistory } from './snapshot-workload.ts'

/** Random outcomes looked at for each crash. */
const OUTCOMES = 6

export interface Swept {
  readonly crashes: number
  readonly distinct: number
}

/** The seeds of so many short histories, which the budget multiplies; `part` tells files that share the work apart. */
export function seedsOf(part: number, count: number): number[] {
  return Array.from({ length: budgeted(count) }, (_, index) => SEED * 1_000_000 + part * 100_000 + index)
}

/** A crash at every mutating operation of short histories with snapshots, and what power losses make of each. */
export async function sweepSnapshots(part: number, count: number, options: ShortHistoryOptions = {}): Promise<Swept> {
  let crashes = 0
  let outcomes = 0
  let distinct = 0
  const seeds = seedsOf(part, count)
  for (const seed of seeds) {
    const history = await snapshotHistory(seed, options)
    const images = new ImageCheck(history, { isShort: true })
    for await (const crashed of eachStateOfWorkload(history)) {
      await images.checkPowerLosses({ ...crashed, where: `seed ${seed}, ${crashed.where}` }, OUTCOMES, seed + crashes)
      crashes += 1
    }
    outcomes += images.checks
    distinct += images.distinct
  }
  report(
    `power loss at ${crashes} points of ${seeds.length} short histories with snapshots: ${outcomes} outcomes, ${distinct} distinct images, all recovered`,
  )
  return { crashes, distinct }
}
