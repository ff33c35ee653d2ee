import { type CrashableFiles, type CrashChooser, CrashSignal, everything, nothing, random } from './crashable-files.ts'

/** Work that changes files until it is done or the files crash beneath it. */
export type Work = (files: CrashableFiles) => Promise<unknown>

export interface Crashed {
  readonly files: CrashableFiles
  /** For the messages of failed tests. */
  readonly where: string
}

/** Runs `work` again and again, each time to a crash at another mutating operation, before or after it took effect. */
export async function* eachCrash(start: () => CrashableFiles, work: Work): AsyncGenerator<Crashed> {
  const whole = start()
  await work(whole)
  for (let mutation = 1; mutation <= whole.mutations.length; mutation++) {
    for (const when of ['before', 'after'] as const) {
      const files = start()
      files.crashAt(mutation, when)
      await untilCrash(work(files))
      if (!files.isCrashed) throw new Error(`The work took another course: no mutation ${mutation}`)
      yield { files, where: `crash ${when} mutation ${mutation}, ${files.mutations.at(-1)}` }
    }
  }
}

/** What losing power may leave: nothing of what was not synced, everything, and `randomCount` subsets. */
export function powerLosses(randomCount = 16, firstSeed = 1): [name: string, choose: CrashChooser][] {
  const seeds = Array.from({ length: randomCount }, (_, index) => firstSeed + index)
  return [
    ['nothing', nothing],
    ['everything', everything],
    ...seeds.map((seed): [string, CrashChooser] => [`random ${seed}`, random(seed)]),
  ]
}

/** Waits for work that a crash, or what it makes of the crash, may end. */
async function untilCrash(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!comesOfCrash(error)) throw error
  }
}

function comesOfCrash(error: unknown): boolean {
  if (error instanceof CrashSignal) return true
  return error instanceof Error && error.cause !== undefined && comesOfCrash(error.cause)
}
