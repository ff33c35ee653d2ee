import { CrashableFiles, everything } from '../../support/crashable-files.ts'
import { DrivenStore } from './driven-store.ts'
import { archiveDigests, type History } from './history.ts'
import {
  add,
  create,
  type EntryData,
  flush,
  remove,
  reopen,
  type SessionSnapshots,
  type Step,
  snapshot,
  together,
  update,
} from './operations.ts'
import { planWorkload } from './workload.ts'

/** A store with two snapshots, small enough to have every byte of them damaged. */
export interface TwoSnapshots {
  readonly name: string
  readonly files: CrashableFiles
  readonly history: History
  /** LSN of the newest snapshot, and of the one before. */
  readonly newestLsn: number
  readonly olderLsn: number
  /** Whether the log reaches back to LSN 1. */
  readonly hasWholeLog: boolean
}

const entry = (id: string, first: number, metadata?: object): EntryData => {
  return { id, vector: [first, 0.5], ...(metadata === undefined ? {} : { metadata }) }
}

/** More entries than a chunk has, so that the second snapshot shares parts with the first. */
const CHUNK: EntryData[] = Array.from({ length: 18 }, (_, n) => entry(`c${n}`, n, n % 2 === 0 ? { n } : undefined))

/** Another `tag` makes other contents in the same places, and another `idByte` another store. */
interface Variant {
  readonly tag?: string
  readonly idByte?: number
}

const KEEPING = { history: { bytes: Number.POSITIVE_INFINITY } }

function stepsOf(tag: string, snapshots: SessionSnapshots): Step[] {
  return [
    together(create('words', 2, 'euclidean')),
    together(add('words', CHUNK)),
    together(flush('words')),
    snapshot(),
    reopen('close', 'sync', snapshots),
    together(add('words', [entry('d', tag.length, { tag }), entry('e', 21)]), remove('words', 'c3')),
    together(flush('words')),
    snapshot(),
    reopen('kill', 'sync', snapshots),
    together(update('words', 'e', { tag }), add('words', [entry('f', 22)])),
  ]
}

/** The log reaches back to LSN 1, because the history is promised. */
export function wholeLog(): Promise<TwoSnapshots> {
  return run('two snapshots and the whole log', KEEPING, {})
}

/** The log begins behind the older snapshot. */
export function droppedLog(variant: Variant = {}): Promise<TwoSnapshots> {
  return run('two snapshots and the log behind them', {}, variant)
}

async function run(
  name: string,
  snapshots: SessionSnapshots,
  { tag = 'first', idByte }: Variant,
): Promise<TwoSnapshots> {
  const sequel = [add('words', [entry('later', 6, { tag })]), remove('words', 'c1')]
  const plan = planWorkload(stepsOf(tag, snapshots), sequel, snapshots)
  const running = new CrashableFiles()
  await new DrivenStore(running, { idByte }).run(plan)
  const files = running.crashImage(everything)
  const manifests = files.paths().filter((path) => path.endsWith('.manifest'))
  const [olderLsn, newestLsn] = manifests.map((path) => Number(/(\d+)\.manifest$/.exec(path)![1]))
  const history = { ...plan, digests: await archiveDigests(plan) }
  const hasWholeLog = files.paths().includes('wal/0000000000000001.wal')
  return { name, files, history, newestLsn: newestLsn!, olderLsn: olderLsn!, hasWholeLog }
}
