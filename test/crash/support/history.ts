import { CrashableFiles } from '../../support/crashable-files.ts'
import { SEED } from './crash-settings.ts'
import { openStore, resetTime } from './open-store.ts'
import { handlesOf, startOperation } from './start-operation.ts'
import { createSequel, createWorkload, type Plan, planWorkload } from './workload.ts'

/** What every recovered store is held to: contents by the model, digests by a run that nothing interrupted. */
export interface History extends Plan {
  /** `digest().data` after LSN n, at index n. */
  readonly digests: readonly string[]
}

/** The history of the suite's own workload. */
export async function workloadHistory(): Promise<History> {
  const plan = planWorkload(createWorkload(SEED), createSequel(SEED))
  return { ...plan, digests: await archiveDigests(plan) }
}

/** Runs the logged operations one at a time and notes the digest after each. */
export async function archiveDigests(plan: Plan): Promise<string[]> {
  resetTime()
  const store = await openStore(new CrashableFiles())
  const handles = await handlesOf(store)
  const digests = [(await store.digest()).data]
  for (const { operation, answer, lsn } of plan.logged) {
    const actual = await startOperation(store, handles, operation)
    if (actual !== answer) throw new Error(`LSN ${lsn}, ${operation.type}: answered ${actual}, not ${answer}`)
    digests.push((await store.digest()).data)
  }
  await store.close()
  return digests
}
