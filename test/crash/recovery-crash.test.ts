import { describe, expect, test } from 'vitest'
import { everything, nothing, random } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { checkRecovered } from './support/check-recovered.ts'
import { budgeted, floorOf, report, SEED } from './support/crash-settings.ts'
import {
  afterKill,
  afterPowerLoss,
  boundsOf,
  type CrashedStore,
  crashRecovery,
  eachWorkloadCrash,
  recover,
} from './support/crashed-store.ts'
import { workloadHistory } from './support/history.ts'
import { ImageCheck } from './support/image-check.ts'

const history = await workloadHistory()

/** A crashed store, and how many mutating operations its recovery has. */
interface Recoverable {
  readonly crashed: CrashedStore
  readonly mutations: number
}

/**
 * Crashed stores of which no two are recovered by the same course of operations, numbers in them aside, and some more by
 * chance: the courses are few, and each has its own places to crash at.
 */
async function pickCrashes(source: Random): Promise<Recoverable[]> {
  const byCourse = new Map<string, Recoverable>()
  const others: Recoverable[] = []
  for await (const crashed of eachWorkloadCrash(history)) {
    for (const left of outcomes(crashed, source)) {
      const files = left.files.clone()
      await recover({ ...left, files }, history)
      const course = files.mutations.map((mutation) => mutation.replaceAll(/\d+/g, '#')).join('\n')
      const recoverable = { crashed: left, mutations: files.mutations.length }
      if (byCourse.has(course)) others.push(recoverable)
      else byCourse.set(course, recoverable)
    }
  }
  return [...byCourse.values(), ...source.shuffle(others).slice(0, budgeted(5))]
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
async function* eachRecoveryCrash({ crashed, mutations }: Recoverable): AsyncGenerator<CrashedStore> {
  for (let mutation = 1; mutation <= mutations; mutation++) {
    yield await crashRecovery(crashed, mutation, 'before', history)
  }
  yield await crashRecovery(crashed, mutations, 'after', history)
}

describe('a crash during recovery', { timeout: 3_600_000 }, () => {
  test('at every mutating operation, and again during the recovery from that: nothing is lost', async () => {
    const source = new Random(SEED)
    const images = new ImageCheck(history)
    const picked = await pickCrashes(source)
    let once = 0
    let twice = 0
    for (const recoverable of picked) {
      for await (const crashed of eachRecoveryCrash(recoverable)) {
        once += 1
        for (const left of outcomes(crashed, source)) await checkLeft(left, images)
        const left = source.pick(outcomes(crashed, source))
        const whole = { ...left, files: left.files.clone() }
        await recover(whole, history)
        const mutation = source.nextBetween(1, whole.files.mutations.length)
        const again = await crashRecovery(left, mutation, source.pick(['before', 'after'] as const), history)
        await checkLeft(source.pick(outcomes(again, source)), images)
        twice += 1
      }
    }
    report(
      `crash during ${picked.length} recoveries: ${once} points, ${twice} of them with a second crash in the recovery after, ` +
        `${images.distinct} distinct images, all recovered`,
    )
    expect(images.distinct).toBeGreaterThan(floorOf(700))
  })
})

/** A killed store has unsynced state that its content does not show, so it is checked even where it looks like another. */
async function checkLeft(left: CrashedStore, images: ImageCheck): Promise<void> {
  if (left.files.pendingSummary() === '') await images.check(left)
  else await checkRecovered(left.files.restartImage(), boundsOf(left), history, left.where)
}
