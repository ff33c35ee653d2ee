import { everything, nothing, random } from '../../support/crashable-files.ts'
import type { Random } from '../../support/random.ts'
import { budgeted } from './crash-settings.ts'
import {
  afterKill,
  afterPowerLoss,
  type CrashedStore,
  crashRecovery,
  eachWorkloadCrash,
  recover,
} from './crashed-store.ts'
import type { History } from './history.ts'
import type { ImageCheck } from './image-check.ts'

/** A crashed store, and how many mutating operations its recovery has. */
interface Recoverable {
  readonly crashed: CrashedStore
  readonly mutations: number
}

export interface CrashedRecoveries {
  readonly recoveries: number
  /** Crashes in them. */
  readonly once: number
  /** Of these, those behind which the next recovery crashed too. */
  readonly twice: number
}

/** How many recoveries are crashed. */
export interface Picking {
  /** Of those that take different courses of operations, numbers in them aside. */
  readonly courses: number
  readonly others: number
  /** Crashes of the workload that are looked at: one in so many. */
  readonly stride: number
}

/** Crashes recoveries of a history at each of their mutating operations, and the recovery from each of those once more. */
export async function crashRecoveries(
  history: History,
  images: ImageCheck,
  source: Random,
  picking: Picking,
): Promise<CrashedRecoveries> {
  const picked = await pickCrashes(history, source, picking)
  const counts = { recoveries: picked.length, once: 0, twice: 0 }
  for (const recoverable of picked) {
    for await (const crashed of eachRecoveryCrash(recoverable, history)) {
      counts.once += 1
      for (const left of outcomes(crashed, source)) await images.check(left)
      const left = source.pick(outcomes(crashed, source))
      const whole = { ...left, files: left.files.clone() }
      await recover(whole, history)
      const mutation = source.nextBetween(1, whole.files.mutations.length)
      const again = await crashRecovery(left, mutation, source.pick(['before', 'after'] as const), history)
      await images.check(source.pick(outcomes(again, source)))
      counts.twice += 1
    }
  }
  return counts
}

/** The courses that recoveries take are few, and each has its own places to crash at; some more are taken by chance. */
async function pickCrashes(history: History, source: Random, picking: Picking): Promise<Recoverable[]> {
  const byCourse = new Map<string, Recoverable>()
  const others: Recoverable[] = []
  let crashes = 0
  for await (const crashed of eachWorkloadCrash(history)) {
    crashes += 1
    if (crashes % picking.stride !== 0) continue
    for (const left of outcomes(crashed, source)) {
      const files = left.files.clone()
      await recover({ ...left, files }, history)
      const course = files.mutations.map((mutation) => mutation.replaceAll(/\d+/g, '#')).join('\n')
      const recoverable = { crashed: left, mutations: files.mutations.length }
      if (byCourse.has(course)) others.push(recoverable)
      else byCourse.set(course, recoverable)
    }
  }
  const courses = [...byCourse.values()]
  const picked = courses.length > picking.courses ? source.shuffle(courses).slice(0, picking.courses) : courses
  return [...picked, ...source.shuffle(others).slice(0, picking.others === 0 ? 0 : budgeted(picking.others))]
}

/** A kill, and power losses. */
function outcomes(crashed: CrashedStore, source: Random): CrashedStore[] {
  const seed = source.nextInt(2 ** 31)
  return [
    afterKill(crashed),
    afterPowerLoss(crashed, 'nothing', nothing),
    afterPowerLoss(crashed, 'everything', everything),
    afterPowerLoss(crashed, `random ${seed}`, random(seed)),
  ]
}

/** Before each mutating operation, which finds the files as they are after the one before it, and after the last. */
async function* eachRecoveryCrash({ crashed, mutations }: Recoverable, history: History): AsyncGenerator<CrashedStore> {
  for (let mutation = 1; mutation <= mutations; mutation++) {
    yield await crashRecovery(crashed, mutation, 'before', history)
  }
  yield await crashRecovery(crashed, mutations, 'after', history)
}
