import { CHUNK_SLOTS } from '../../../src/base/limits.ts'
import { archiveDigests, type History } from './history.ts'
import {
  add,
  close,
  compact,
  consolidate,
  create,
  type EntryData,
  flush,
  remove,
  reopen,
  type Step,
  together,
  whileBuilding,
} from './operations.ts'
import { planWorkload } from './workload.ts'

const ALIVE = 200

const dot = (n: number): EntryData => ({ id: `d${n}`, vector: [n / 7], ...(n % 3 === 0 ? { metadata: { n } } : {}) })
const dots = (first: number, end: number) => Array.from({ length: end - first }, (_, index) => dot(first + index))
const idsOf = (entries: readonly EntryData[]) => entries.map(({ id }) => id)

/** A chunk and a little more, of which few entries are left, and what is left is in the index. */
const PREPARATION: Step[] = [
  together(create('dots', 1, 'euclidean')),
  together(add('dots', dots(0, CHUNK_SLOTS + 10))),
  together(remove('dots', ...idsOf(dots(ALIVE, CHUNK_SLOTS)))),
  together(flush('dots')),
]

/** Entries are moved, and those that were moved are deleted, replaced, linked to and moved in the graph meanwhile. */
const STEPS: Step[] = [
  whileBuilding(compact('dots'), add('dots', [dot(3), dot(50_000)]), remove('dots', 'd7')),
  together(add('dots', [dot(50_001), dot(8)]), remove('dots', 'd50000', 'd9')),
  reopen('kill', 'async'),
  whileBuilding(flush('dots'), add('dots', [dot(10)])),
  together(consolidate('dots')),
  // The chunk is free, and the next one is not full.
  together(compact('dots')),
  reopen('close', 'sync'),
  together(add('dots', [dot(50_002)]), remove('dots', 'd11')),
  close,
]

/** The history of a small workload in which a chunk is compacted; what is before `preparedLsn` is not its affair. */
export async function compactionHistory(): Promise<History & { readonly preparedLsn: number }> {
  const sequel = [add('dots', [dot(60_000)]), remove('dots', 'd60000')]
  const plan = planWorkload([...PREPARATION, ...STEPS], sequel)
  const preparedLsn = planWorkload(PREPARATION, []).endLsn
  return { ...plan, preparedLsn, digests: await archiveDigests(plan) }
}
