import { LIMITS, type VectorType } from '../store/public.ts'
import { codeOf, UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import { printEvalReport } from './eval-report.ts'
import { type EvalOptions, evaluate, readInputs } from './evaluation.ts'
import { asFloats } from './float-collection.ts'
import type { Invocation } from './invocation.ts'
import { WARM_UP_QUERIES } from './recall-curve.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { formatOf, VECTOR_FORMATS } from './vector-file.ts'

const DEFAULT_K = 10

export const evalCommand: Command = {
  name: 'eval',
  summary: 'measure recall and speed with your own queries',
  positionals: ['dir', 'collection'],
  options: {
    queries: { value: 'file', help: 'queries, in any format that import reads (needed)' },
    format: { value: 'name', help: `${VECTOR_FORMATS.join(' or ')} (otherwise judged by the name of the queries)` },
    truth: { value: 'file', help: 'ivecs: the rows of the true neighbours of each query, nearest first' },
    ids: { value: 'file', help: 'ids of the rows, one a line (otherwise the row number is the id)' },
    k: { value: 'n', help: `neighbours to find (otherwise ${DEFAULT_K})` },
    'list-sizes': { value: 'n,n,…', help: 'list sizes to search with (otherwise multiples of 2 k)' },
    recalls: { value: 'share,…', help: 'recall to ask for instead of list sizes, such as 0.9,0.95' },
    'no-rescore': {
      help: 'take distances from the codes of the index, which are approximate, and read no vectors for them',
    },
    passes: { value: 'n', help: 'how often all queries are timed with each list size (otherwise once)' },
    'save-truth': { value: 'file', help: 'keep the truth that was computed as a new ivecs file' },
  },
  notes: [
    'Prints a recall curve: for each list size recall@k, queries per second (one after the other), the median and the',
    `99th percentile of latency, and the vectors compared. ${WARM_UP_QUERIES} queries before each list size are not timed.`,
    'With --recalls it shows how much of what is asked for is found, and what that takes; measuring that is not timed.',
    'Without --truth the true neighbours are found by exact search. Rows of a truth count from 0 in the file that was',
    'imported: an import of fvecs without --ids makes row 7 the id "7"; otherwise give the --ids of the import.',
    'A hit that is no farther than the last true neighbour is right, whatever its id. Changes nothing in the store.',
  ],
  examples: [
    'annals eval ./data sift --queries query.fvecs --truth groundtruth.ivecs --k 10',
    'annals eval ./data words --queries q.jsonl --ids words.txt --save-truth truth.ivecs --list-sizes 20,80,320',
  ],
  run: runEval,
}

async function runEval(invocation: Invocation, context: CliContext): Promise<number> {
  const options = readOptions(invocation)
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  const signal = AbortSignal.any([interruption.signal, context.out.signal])
  try {
    await requireDirectory(invocation.positional(0))
    const inputs = await readInputs(options)
    const report = await withStore(invocation, context, { readOnly: true }, async (store) => {
      const collection = asFloats(await store.collection<object, VectorType>(invocation.positional(1)))
      return evaluate({ ...inputs, collection, options, signal, invocation, context })
    })
    await printEvalReport(report, invocation, context)
    return EXIT_OK
  } catch (error) {
    if (codeOf(error) !== 'ERR_ABORTED' || !interruption.signal.aborted) throw error
    await context.error.line('annals: interrupted before everything was measured')
    return EXIT_INTERRUPTED
  } finally {
    stopListening()
  }
}

function readOptions(invocation: Invocation): EvalOptions {
  const queriesPath = invocation.string('queries')
  if (queriesPath === undefined) throw new UsageError('--queries is missing')
  const truthPath = invocation.string('truth')
  const savePath = invocation.string('save-truth')
  const idsPath = invocation.string('ids')
  if (truthPath !== undefined && savePath !== undefined) {
    throw new UsageError('--save-truth keeps a truth that is computed; leave out --truth')
  }
  if (idsPath !== undefined && truthPath === undefined && savePath === undefined) {
    throw new UsageError('--ids tells the rows of a truth; give --truth or --save-truth')
  }
  // The store takes no longer a list than it takes a k.
  const listSizes = invocation.positiveIntegers('list-sizes', LIMITS.k)
  const recalls = invocation.shares('recalls')
  const rescore = !invocation.flag('no-rescore')
  if (recalls !== undefined && (listSizes !== undefined || !rescore)) {
    throw new UsageError('--recalls say how to search: leave out --list-sizes and --no-rescore')
  }
  return {
    queriesPath,
    format: invocation.oneOf('format', VECTOR_FORMATS) ?? formatOf(queriesPath),
    truthPath,
    savePath,
    idsPath,
    k: invocation.positiveInteger('k', LIMITS.k) ?? DEFAULT_K,
    listSizes,
    recalls,
    rescore,
    passes: invocation.positiveInteger('passes') ?? 1,
  }
}
