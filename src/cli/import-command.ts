import {
  type Collection,
  LIMITS,
  type Metric,
  StoreError,
  VECTOR_TYPES,
  type VectorStore,
  type VectorType,
} from '../store/public.ts'
import { codeOf, UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import { EntryStream } from './entry-stream.ts'
import { ImportMeter } from './import-meter.ts'
import { type ImportedIndex, type ImportReport, printImportReport } from './import-report.ts'
import { awaitIndex, sizesOf } from './index-wait.ts'
import type { Invocation } from './invocation.ts'
import { printError } from './print-error.ts'
import { createProgress, type Progress } from './progress.ts'
import { withStore } from './store-access.ts'
import { dimensionsFor } from './typed-vector.ts'
import { formatOf, openVectorFile, VECTOR_FORMATS, type VectorFile, type VectorFormat } from './vector-file.ts'
import type { VectorRecord } from './vector-record.ts'

const MIB = 1024 * 1024
const MOST_LIMIT_MIB = 2 ** 30
const METRIC_NAMES: readonly Metric[] = ['cosine', 'euclidean', 'dot', 'hamming']

export const importCommand: Command = {
  name: 'import',
  summary: 'add the vectors of a file to a collection',
  positionals: ['dir', 'collection', 'file'],
  options: {
    format: { value: 'name', help: 'fvecs, bvecs or jsonl (otherwise judged by the name of the file)' },
    ids: { value: 'file', help: 'ids for an fvecs or bvecs file, one a line (otherwise row numbers from 0)' },
    type: {
      value: 'name',
      help: 'float32, float16, int8, uint8 or binary, for a new collection (otherwise float32, of bvecs uint8)',
    },
    metric: {
      value: 'name',
      help: 'cosine, euclidean or dot, for a new collection (otherwise cosine; of binary hamming)',
    },
    batch: { value: 'n', help: 'entries to a record of the log' },
    'memory-limit': { value: 'MiB', help: 'memory that the store may take; at most so much is imported' },
    'no-index': { help: 'end when everything is durable, without waiting for the index' },
  },
  notes: [
    'Makes the store and the collection if they are not there; dimensions are those of the first vector. Numbers are rounded',
    'to float16; those for int8 and uint8 must be whole, and those for binary 0 or 1, or the packed bytes of bvecs.',
    'The import stops at the first malformed vector; everything before it is kept. An id that is there already gets',
    'the new vector, so the same import can be run again. Ctrl-C stops reading, writes what was read, and says how',
    'much is durable; a second Ctrl-C ends at once. Behind the last vector it waits until the index has caught up: Ctrl-C',
    'then ends the wait only, and building goes on when the store is opened for writing again.',
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
  readonly type: VectorType | undefined
  readonly batchSize: number | undefined
  readonly memoryLimitBytes: number
  readonly idsPath: string | undefined
  readonly isIndexAwaited: boolean
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
  if (ownIds) throw new UsageError('--ids is for fvecs and bvecs; a jsonl file has its own ids')
  const metric = invocation.oneOf('metric', METRIC_NAMES)
  const type = invocation.oneOf('type', VECTOR_TYPES)
  const batchSize = invocation.positiveInteger('batch', LIMITS.batchEntries)
  const limitMiB = invocation.positiveInteger('memory-limit', MOST_LIMIT_MIB)
  const memoryLimitBytes = limitMiB === undefined ? Number.POSITIVE_INFINITY : limitMiB * MIB
  const isIndexAwaited = !invocation.flag('no-index')
  return { path, format, metric, type, batchSize, memoryLimitBytes, idsPath, isIndexAwaited }
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
    return await withStore(
      invocation,
      context,
      { readOnly: false, memoryLimitBytes: options.memoryLimitBytes },
      (store) => {
        throwIfInterrupted(signal)
        return importFile(store, file, options, invocation, context, signal)
      },
    )
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
  { metric, type, batchSize, isIndexAwaited }: ImportOptions,
  invocation: Invocation,
  context: CliContext,
  signal: AbortSignal,
): Promise<ImportReport> {
  const collection = await openCollection(store, invocation.positional(1), file.first, { metric, type })
  const stream = new EntryStream(file, collection, signal)
  const meter = new ImportMeter(store.stats().logBytes)
  const added = await addAll(collection, stream, meter, batchSize, createProgress(context, { silent: invocation.json }))
  const isComplete = !added.interrupted && added.problem === undefined
  const index = isComplete && isIndexAwaited ? await indexAll(collection, invocation, context, signal) : undefined
  const { name, dimensions } = collection
  const { durableLsn, logBytes } = store.stats()
  const shape = { collection: name, dimensions, type: collection.type, metric: collection.metric }
  return { ...shape, ...added, durableLsn, logBytes, ...(index === undefined ? {} : { index }) }
}

type Added = Pick<ImportReport, 'vectors' | 'added' | 'replaced' | 'durationMs' | 'interrupted' | 'problem'>

async function addAll(
  collection: Collection<object, VectorType>,
  stream: EntryStream,
  meter: ImportMeter,
  batchSize: number | undefined,
  progress: Progress,
): Promise<Added> {
  try {
    const { added, replaced } = await collection.addAll(stream.entries(), {
      ...(batchSize === undefined ? {} : { batchSize }),
      onProgress: ({ done, durableBytes }) => {
        meter.advance(done, durableBytes ?? 0)
        progress.update(() => meter.describe(stream.estimatedTotal))
      },
    })
    const { count: vectors, interrupted, problem } = stream
    return { vectors, added, replaced, durationMs: meter.elapsedMs, interrupted, problem }
  } catch (problem) {
    return { vectors: meter.done, durationMs: meter.elapsedMs, interrupted: false, problem }
  } finally {
    progress.finish()
  }
}

/** The index is ordered while the store is open for writing: one that closes before has none. */
async function indexAll(
  collection: Collection<object, VectorType>,
  invocation: Invocation,
  context: CliContext,
  signal: AbortSignal,
): Promise<ImportedIndex> {
  const startMs = performance.now()
  const ended = await awaitIndex(collection, invocation, context, signal).catch((problem: unknown) => ({ problem }))
  const sizes = { ...sizesOf(collection), waitedMs: performance.now() - startMs }
  const problem = 'problem' in ended ? ended.problem : undefined
  if (codeOf(problem) !== 'ERR_ABORTED') return { ...sizes, interrupted: false, problem }
  return { ...sizes, interrupted: true, problem: undefined }
}

/** A collection that is there keeps its type and metric; one that is made gets the defaults. */
function openCollection(
  store: VectorStore,
  name: string,
  first: VectorRecord['vector'],
  given: { readonly metric: Metric | undefined; readonly type: VectorType | undefined },
): Promise<Collection<object, VectorType>> {
  const existing = store.collections().find((collection) => collection.name === name)
  const type = given.type ?? existing?.type ?? (first instanceof Uint8Array ? 'uint8' : 'float32')
  const metric = given.metric ?? existing?.metric
  const settings = { dimensions: dimensionsFor(type, first), type, ...(metric === undefined ? {} : { metric }) }
  return store.collection<object, VectorType>(name, settings)
}

async function exitCodeOf({ interrupted, index, ...report }: ImportReport, context: CliContext): Promise<number> {
  const problem = report.problem ?? index?.problem
  if (problem === undefined) return interrupted || index?.interrupted ? EXIT_INTERRUPTED : EXIT_OK
  await printError(problem, context)
  return EXIT_FAILURE
}
