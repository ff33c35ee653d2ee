import { CrashableFiles, everything } from '../../support/crashable-files.ts'
import { DrivenStore } from './driven-store.ts'
import { archiveDigests, type History } from './history.ts'
import { add, close, create, type EntryData, remove, reopen, type Step, sync, together, update } from './operations.ts'
import { planWorkload } from './workload.ts'

/** A store whose files are small enough to have every bit flipped, and what each of their bytes is. */
export interface ThreeSegments {
  readonly name: string
  readonly files: CrashableFiles
  readonly history: History
  /** The LSN at which the durable mark stands. */
  readonly markLsn: number
  /** For each segment, how many of its bytes vouch for records at or below the mark. */
  readonly coveredBytes: ReadonlyMap<string, number>
}

const SEAL_BYTES = 72

const entry = (id: string, first: number, metadata?: object): EntryData => {
  return { id, vector: [first, -0, 1e-45, 0.1], ...(metadata === undefined ? {} : { metadata }) }
}

/** Three sessions, each of which begins a segment. */
const SESSIONS: Step[] = [
  together(create('words', 4, 'cosine')),
  together(add('words', [entry('a', 1, { tag: 'first' }), entry('b', 2)])),
  reopen('close', 'sync'),
  together(add('words', [entry('c', 3)]), remove('words', 'a')),
  together(update('words', 'b', { tag: 'second' })),
  reopen('close', 'async'),
  together(add('words', [entry('b', 4)])),
  together(create('notes', 4, 'dot')),
  sync,
]

/** The last session was closed: all three segments are sealed. */
export async function closedStore(): Promise<ThreeSegments> {
  const { files, history } = await runSessions([...SESSIONS, close])
  const coveredBytes = new Map(segmentSizes(files).map(([path, size]) => [path, size - SEAL_BYTES]))
  for (const path of [...coveredBytes.keys()].slice(0, -1)) coveredBytes.set(path, files.readWhole(path).byteLength)
  return { name: 'a closed store', files, history, markLsn: history.endLsn, coveredBytes }
}

/** The process was killed behind two writes that nothing had synced: the third segment has a tail above the mark. */
export async function killedStore(): Promise<ThreeSegments> {
  const tail = [together(add('notes', [entry('n', 5)])), together(remove('words', 'b'))]
  const synced = await runSessions(SESSIONS)
  const { files, history } = await runSessions([...SESSIONS, ...tail])
  const markLsn = synced.history.endLsn
  return { name: 'a killed store', files, history, markLsn, coveredBytes: new Map(segmentSizes(synced.files)) }
}

async function runSessions(steps: readonly Step[]): Promise<{ files: CrashableFiles; history: History }> {
  const plan = planWorkload(steps, [add('words', [entry('later', 6)])])
  const running = new CrashableFiles()
  await new DrivenStore(running).run(plan)
  return { files: running.crashImage(everything), history: { ...plan, digests: await archiveDigests(plan) } }
}

function segmentSizes(files: CrashableFiles): [path: string, size: number][] {
  return files
    .paths()
    .filter((path) => path.endsWith('.wal'))
    .map((path) => [path, files.readWhole(path).byteLength])
}
