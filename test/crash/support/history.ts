import type { Digest, VectorStore } from '../../../src/store/vector-store.ts'
import { CrashableFiles } from '../../support/crashable-files.ts'
import { SEED } from './crash-settings.ts'
import { openStore, resetTime } from './open-store.ts'
import { handlesOf, startOperation } from './start-operation.ts'
import { createSequel, createWorkload, type Plan, planWorkload } from './workload.ts'

type Digests = Required<Pick<Digest, 'data' | 'index'>>

/** What every recovered store is held to: contents by the model, digests by a run that nothing interrupted. */
export interface History extends Plan {
  /** After LSN n, at index n. */
  readonly digests: readonly Digests[]
}

/** The history of the suite's own workload. */
export async function workloadHistory(): Promise<History> {
  const plan = planWorkload(createWorkload(SEED), createSequel(SEED))
  return { ...plan, digests: await archiveDigests(plan) }
}

/** Runs the logged operations one at a time, each built to its end, and notes the digests after each. */
export async function archiveDigests(plan: Plan): Promise<Digests[]> {
  resetTime()
  const store = await openStore(new CrashableFiles())
  const handles = await handlesOf(store)
  const digests = [await digestsAt(0, store)]
  for (const { operation, answer } of plan.logged) {
    const lsn = digests.length
    const actual = await startOperation(store, handles, operation)
    if (actual !== answer) throw new Error(`LSN ${lsn}, ${operation.type}: answered ${actual}, not ${answer}`)
    digests.push(await digestsAt(lsn, store))
  }
  await store.close()
  return digests
}

async function digestsAt(lsn: number, store: VectorStore): Promise<Digests> {
  const { data, index = '', ...digest } = await store.digest()
  if (digest.lsn !== lsn) throw new Error(`An operation of LSN ${lsn} left the store at LSN ${digest.lsn}`)
  return { data, index }
}
