import { StoreError } from '../store/public.ts'
import type { CliContext } from './command.ts'
import type { Invocation } from './invocation.ts'
import { countText } from './number-text.ts'
import { createProgress, type ProgressState } from './progress.ts'

const POLL_MS = 100

interface IndexState {
  /** Entries that are in the index. */
  readonly indexed: number
  /** Entries that are not, which every search compares one by one. */
  readonly waiting: number
  /** `indexed` of all, from 0 to 1. */
  readonly share: number
  /** Pieces of work that are ordered and not done. */
  readonly backlog: number
  /** Codes that a walk reads, where there is an index. */
  readonly codes?: string
}

export interface IndexedCollection {
  settled(): Promise<void>
  stats(): { readonly index: IndexState }
}

/** The index as it was found, and as it was once it had caught up. */
export interface IndexReport extends Omit<IndexState, 'share' | 'backlog'> {
  /** Pieces of work that were waited for. */
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
  const progress = createProgress(context, { silent: json || awaited === 0 })
  const poll = setInterval(() => progress.update(() => stateOf(collection.stats().index)), POLL_MS)
  await Promise.race([collection.settled(), abortOf(signal)]).finally(() => {
    clearInterval(poll)
    progress.finish()
  })
  const { indexed, waiting, codes } = collection.stats().index
  const waitedMs = performance.now() - startMs
  return { awaited, waitedMs, indexed, waiting, ...(codes === undefined ? {} : { codes }) }
}

function stateOf({ indexed, waiting, share }: IndexState): ProgressState {
  const details = [`${countText(indexed)} of ${countText(indexed + waiting)} entries`]
  return { label: 'indexing', fraction: share, details }
}

/** Never resolves. The store gives up its work when it is closed. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new StoreError('ERR_ABORTED', 'the wait for the index was interrupted'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
