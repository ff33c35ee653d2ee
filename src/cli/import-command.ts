import { type Collection, LIMITS, type Metric, StoreError, type VectorStore } from '../store/public.ts'
import { codeOf, UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import { EntryStream } from './entry-stream.ts'
import { ImportMeter } from './import-meter.ts'
import { type ImportReport, printImportReport } from './import-report.ts'
import type { Invocation } from './invocation.ts'
import { printError } from './print-error.ts'
import { createProgress } from './progress.ts'
import { withStore } from './store-access.ts'
import { formatOf, openVectorFile, VECTOR_FORMATS, type VectorFile, type VectorFormat } from './vector-file.ts'

const METRIC_NAMES: readonly Metric[] = ['cosine', 'euclidean', 'dot']
const DEFAULT_METRIC: Metric = 'cosine'

export const importCommand: Command = {
  name: 'import',
  summary: 'add the vectors of a file to a collection',
  positionals: ['dir', 'collection', 'file'],
  options: {
    format: { value: 'name', help: 'fvecs or jsonl (otherwise judged by the name of the file)' },
    ids: { value: 'file', help: 'ids for an fvecs file, one a line (otherwise row numbers from 0)' },
    metric: { value: 'name', help: 'cosine, euclidean or dot, for a new collection (otherwise cosine)' },
    batch: { value: 'n', help: 'entries to a record of the log' },
  },
  notes: [
    'Makes the store and the collection if they are not there; dimensions are those of the first vector.',
    'The import stops at the first malformed vector; everything before it is kept. An id that is there already gets',
    'the new vector, so the same import can be run again. Ctrl-C stops reading, writes what was read, and says how',
    'much is durable; a second Ctrl-C ends at once.',
  ],
  examples: [
    'annals import ./data words words.jsonl',
    'annals import ./data sift base.fvecs --ids names.txt --metric euclidean',
  ],
  run: runImport,
}

interface ImportOptions {
  readonly path: string
  readonly format: VectorFormat
  readonly metric: Metric | undefined
  readonly batchSize: number | undefined
  readonly idsPath: string | undefined
}

async function runImport(invocation: Invocation, context: CliContext): Promise<number> {
  const options = readOptions(invocation)
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  try {
    const report = await importPath(options, invocation, context, interruption.signal)
    await printImportReport(report, invocation, context)
    return await exitCodeOf(report, context)
  } catch (error) {
    if (codeOf(error) !== 'ERR_ABORTED') throw error
    await context.error.line('annals: interrupted before anything was imported')
    return EXIT_INTERRUPTED
  } finally {
    stopListening()
  }
}

function readOptions(invocation: Invocation): ImportOptions {
  const path = invocation.positional(2)
  const format = invocation.oneOf('format', VECTOR_FORMATS) ?? formatOf(path)
  const idsPath = invocation.string('ids')
  const ownIds = format === 'jsonl' && idsPath !== undefined
  if (ownIds) throw new UsageError('--ids is for fvecs; a jsonl file has its own ids')
  const metric = invocation.oneOf('metric', METRIC_NAMES)
  const batchSize = invocation.positiveInteger('batch', LIMITS.batchEntries)
  return { path, format, metric, batchSize, idsPath }
}

/** Reads the first vector before it opens the store, so that a file that is none makes no store. */
async function importPath(
  options: ImportOptions,
  invocation: Invocation,
  context: CliContext,
  signal: AbortSignal,
): Promise<ImportReport> {
  const file = await openVectorFile(options.path, options.format, options.idsPath)
  try {
    throwIfInterrupted(signal)
    return await withStore(invocation, context, { readOnly: false }, (store) => {
      throwIfInterrupted(signal)
      return importFile(store, file, options, invocation, context, signal)
    })
  } finally {
    await file.close()
  }
}

function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new StoreError('ERR_ABORTED', 'the import was interrupted')
}

async function importFile(
  store: VectorStore,
  file: VectorFile,
  { metric, batchSize }: ImportOptions,
  invocation: Invocation,
  context: CliContext,
  signal: AbortSignal,
): Promise<ImportReport> {
  const collection = await openCollection(store, invocation.positional(1), file.dimensions, metric)
  const stream = new EntryStream(file, collection.metric, signal)
  const progress = createProgress(context, { silent: invocation.json })
  const meter = new ImportMeter(store.stats().logBytes)
  const added = await collection
    .addAll(stream.entries(), {
      ...(batchSize === undefined ? {} : { batchSize }),
      onProgress: ({ done, durableBytes }) => {
        meter.advance(done, durableBytes ?? 0)
        progress.update(() => meter.describe(stream.estimatedTotal))
      },
    })
    .catch((problem: unknown) => ({ problem }))
    .finally(() => progress.finish())

  const { name, dimensions } = collection
  const { durableLsn, logBytes } = store.stats()
  const durationMs = meter.elapsedMs
  const common = { collection: name, dimensions, metric: collection.metric, durableLsn, logBytes, durationMs }
  if ('problem' in added) return { ...common, vectors: meter.done, interrupted: false, problem: added.problem }
  const { problem } = stream
  const interrupted = signal.aborted && problem === undefined
  return { ...common, vectors: stream.count, added: added.added, replaced: added.replaced, interrupted, problem }
}

/** A collection that is there keeps its metric; one that is made gets the default. */
function openCollection(
  store: VectorStore,
  name: string,
  dimensions: number,
  metric: Metric | undefined,
): Promise<Collection> {
  const existing = store.collections().find((collection) => collection.name === name)
  return store.collection(name, { dimensions, metric: metric ?? existing?.metric ?? DEFAULT_METRIC })
}

async function exitCodeOf({ problem, interrupted }: ImportReport, context: CliContext): Promise<number> {
  if (problem === undefined) return interrupted ? EXIT_INTERRUPTED : EXIT_OK
  await printError(problem, context)
  return EXIT_FAILURE
}
