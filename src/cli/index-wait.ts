import { StoreError } from '../store/public.ts'
import type { CliContext } from './command.ts'
import type { Invocation } from './invocation.ts'
import { countText, durationText, quantityText } from './number-text.ts'
import { createProgress, type ProgressState } from './progress.ts'

const POLL_MS = 100

interface IndexState {
  /** Entries that are in the index. */
  readonly indexed: number
  /** Entries that are not, which every search compares one by one. */
  readonly waiting: number
  /** Pieces of work that are ordered and not done. */
  readonly backlog: number
  /** How much of the one under way is done, from 0 to 1, where that is known. */
  readonly building?: number
  /** Codes that a walk reads, where there is an index. */
  readonly codes?: string
}

export interface IndexedCollection {
  settled(): Promise<void>
  stats(): { readonly index: IndexState }
}

/** The index as it was found, and as it was once it had caught up. */
export interface IndexReport extends Pick<IndexState, 'indexed' | 'waiting' | 'codes'> {
  /** Pieces of work that were ordered when the wait began. */
  readonly awaited: number
  readonly waitedMs: number
}

/** Waits until the index has caught up with the log, and shows how that goes. */
export async function awaitIndex(
  collection: IndexedCollection,
  { json }: Invocation,
  context: CliContext,
  signal: AbortSignal,
): Promise<IndexReport> {
  const startMs = performance.now()
  const awaited = collection.stats().index.backlog
  await whileIndexing(
    collection.settled(),
    { collections: [collection], label: 'indexing', silent: json, signal },
    context,
  )
  const waitedMs = performance.now() - startMs
  return { awaited, waitedMs, ...sizesOf(collection) }
}

export function sizesOf(collection: IndexedCollection): Pick<IndexState, 'indexed' | 'waiting' | 'codes'> {
  const { indexed, waiting, codes } = collection.stats().index
  return { indexed, waiting, ...(codes === undefined ? {} : { codes }) }
}

/** What is waited for, and how that is shown. */
interface Wait {
  /** Those whose indexes are worked on. */
  readonly collections: readonly Pick<IndexedCollection, 'stats'>[]
  readonly label: string
  readonly silent: boolean
  readonly signal?: AbortSignal
}

/**
 * Waits for work on indexes, and shows how far the piece is that is under way.
 * @throws StoreError `ERR_ABORTED`; the work itself then goes on until the store is closed.
 */
export async function whileIndexing<Result>(work: Promise<Result>, wait: Wait, context: CliContext): Promise<Result> {
  const { collections, label, silent, signal } = wait
  const startMs = performance.now()
  const progress = createProgress(context, { silent })
  const describe = (): ProgressState => {
    const states = collections.map((collection) => collection.stats().index)
    return { label, ...stateOf(states, performance.now() - startMs) }
  }
  const poll = setInterval(() => progress.update(describe), POLL_MS)
  try {
    return await (signal === undefined ? work : Promise.race([work, abortOf(signal)]))
  } finally {
    clearInterval(poll)
    progress.finish()
  }
}

/** Entries come into the index all at once when a piece of work ends, so the bar shows how far that is. */
function stateOf(states: readonly IndexState[], elapsedMs: number): Omit<ProgressState, 'label'> {
  const waiting = states.reduce((sum, state) => sum + state.waiting, 0)
  const backlog = states.reduce((sum, state) => sum + state.backlog, 0)
  const building = states.flatMap((state) => state.building ?? [])
  const details = [
    ...(waiting === 0 ? [] : [`${quantityText(waiting, 'entry', 'entries')} waiting`]),
    ...(backlog > 1 ? [`${countText(backlog)} pieces of work`] : []),
    durationText(elapsedMs),
  ]
  return { fraction: building.length === 0 ? undefined : Math.min(...building), details }
}

/** Such as `1,200 entries, 4-bit codes`. */
export function indexText({ indexed, waiting, codes }: Pick<IndexState, 'indexed' | 'waiting' | 'codes'>): string {
  if (codes === undefined) return `none, ${quantityText(waiting, 'entry', 'entries')} to compare with every query`
  const rest = waiting === 0 ? '' : `, ${countText(waiting)} more to compare with every query`
  return `${quantityText(indexed, 'entry', 'entries')}, ${codes} codes${rest}`
}

/** Never resolves. The store gives up its work when it is closed. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new StoreError('ERR_ABORTED', 'the wait for the index was interrupted'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
