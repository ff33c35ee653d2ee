import type { Collection } from '../store/public.ts'
import { codeOf } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import { whileIndexing } from './index-wait.ts'
import type { Invocation } from './invocation.ts'
import { figuresBefore, figuresOf, type OptimizeReport, printOptimizeReport } from './optimize-report.ts'
import { NO_UPKEEP, requireStore, withStore } from './store-access.ts'

export const optimizeCommand: Command = {
  name: 'optimize',
  summary: 'give back the memory of deleted entries and build a new index',
  positionals: ['dir', 'collection'],
  options: {},
  notes: [
    'Waits for the index that the log has ordered, moves entries out of chunks that are less than half alive, and builds a',
    'new index of all entries. Prints what the collection has and costs before and after. Changes no entry. After Ctrl-C the',
    'old index is used, unless the new one is in the log already: then it is built when the store is opened again.',
  ],
  examples: ['annals optimize ./data words'],
  run: runOptimize,
}

async function runOptimize(invocation: Invocation, context: CliContext): Promise<number> {
  await requireStore(invocation.positional(0))
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  try {
    // Whatever is due is done by the new index, so nothing of it is ordered on the way there.
    const report = await withStore(invocation, context, { readOnly: false, ...NO_UPKEEP }, async (store) => {
      const collection = await store.collection(invocation.positional(1))
      return optimize(collection, invocation, context, interruption.signal)
    })
    await printOptimizeReport(report, invocation, context)
    return EXIT_OK
  } catch (error) {
    if (codeOf(error) !== 'ERR_ABORTED' || !interruption.signal.aborted) throw error
    await context.error.line('annals: interrupted before the new index was built; every entry is as it was')
    return EXIT_INTERRUPTED
  } finally {
    stopListening()
  }
}

async function optimize(
  collection: Collection,
  { json }: Invocation,
  context: CliContext,
  signal: AbortSignal,
): Promise<OptimizeReport> {
  const timed = async (label: string, work: () => Promise<void>): Promise<number> => {
    const startMs = performance.now()
    await whileIndexing(work(), { collections: [collection], label, silent: json, signal }, context)
    return performance.now() - startMs
  }
  const opened = figuresOf(collection)
  const catchUpMs = await timed('catching up', () => settledIfPossible(collection))
  const before = figuresBefore(opened, figuresOf(collection))
  const compactMs = await timed('compacting', () => collection.compact())
  const buildMs = await timed('indexing', () => collection.optimize())
  const { name, dimensions, metric } = collection
  const after = figuresOf(collection)
  return { collection: name, dimensions, metric, catchUpMs, compactMs, buildMs, before, after }
}

/** An index that could not be built is what a new one is for. */
async function settledIfPossible(collection: Collection): Promise<void> {
  await collection.settled().catch((error: unknown) => {
    if (collection.stats().index.problem === undefined) throw error
  })
}
