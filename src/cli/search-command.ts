import { type Collection, LIMITS, type SearchOptions, type SearchResult, type VectorType } from '../store/public.ts'
import { UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { countText, distanceText, durationText, quantityText } from './number-text.ts'
import { AT_OPTION, readingAccess } from './point-in-time.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { type Column, printable, tableLines } from './table.ts'
import { queryOf } from './typed-vector.ts'
import { openVectorFile } from './vector-file.ts'
import { parseVector } from './vector-text.ts'

const DEFAULT_K = 10

export const searchCommand: Command = {
  name: 'search',
  summary: 'find the nearest entries of a collection',
  positionals: ['dir', 'collection'],
  options: {
    id: { value: 'id', help: 'search near this entry' },
    vector: {
      value: 'numbers',
      help: 'search near this vector: "[0.1, -0.2]" or "0.1,-0.2"; of binary its bits: "0,1,1,…"',
    },
    queries: { value: 'file', help: 'search near each vector of an fvecs or bvecs file' },
    k: { value: 'n', help: `hits to return (otherwise ${DEFAULT_K})` },
    'list-size': { value: 'n', help: 'candidates that a walk through the index keeps: more are better and slower' },
    exact: { help: 'compare with every entry instead of walking through the index' },
    recall: {
      value: 'share',
      help: 'find this share of the true neighbours, such as 0.95, with as long a list as it takes',
    },
    'no-rescore': {
      help: 'take distances from the codes of the index, which are approximate, and read no vectors for them',
    },
    'max-distance': { value: 'd', help: 'no hits beyond this distance' },
    metadata: { help: 'print metadata' },
    ...AT_OPTION,
  },
  notes: [
    'Exactly one of --id, --vector and --queries is needed. A list that begins with a minus: --vector=-0.1,0.2',
    'Says whether the answer is exact, and how many vectors were compared. A store that was just opened compares all of',
    'them until its index is built, which goes on meanwhile. --recall first measures what list it takes, for seconds, on',
    'entries of the collection; a share of 1 compares all.',
  ],
  examples: [
    'annals search ./data words --id king --k 5',
    'annals search ./data sift --queries query.fvecs --recall 0.95 --json',
  ],
  run: runSearch,
}

async function runSearch(invocation: Invocation, context: CliContext): Promise<number> {
  const query = readQuery(invocation)
  const options = { ...readOptions(invocation), signal: context.out.signal }
  const access = readingAccess(invocation)
  await requireDirectory(invocation.positional(0))
  return withStore(invocation, context, access, async (store) => {
    const collection = await store.collection<object, VectorType>(invocation.positional(1))
    if ('queriesPath' in query) await searchEach(collection, query.queriesPath, options, invocation, context)
    else await searchOne(collection, query.near, options, invocation, context)
    return EXIT_OK
  })
}

type Query = { readonly near: Float32Array | { readonly id: string } } | { readonly queriesPath: string }

function readQuery(invocation: Invocation): Query {
  const given = ['id', 'vector', 'queries'].filter((name) => invocation.string(name) !== undefined)
  if (given.length !== 1) throw new UsageError('give exactly one of --id, --vector and --queries')
  const id = invocation.string('id')
  if (id !== undefined) return { near: { id } }
  const vector = invocation.string('vector')
  return vector === undefined ? { queriesPath: invocation.string('queries') as string } : { near: parseVector(vector) }
}

function readOptions(invocation: Invocation): SearchOptions {
  const maxDistance = invocation.number('max-distance')
  // The store takes no longer a list than it takes a k.
  const listSize = invocation.positiveInteger('list-size', LIMITS.k)
  const exact = invocation.flag('exact')
  const recall = invocation.share('recall')
  const rescore = !invocation.flag('no-rescore')
  if (exact && listSize !== undefined) throw new UsageError('--exact keeps no list: leave out --list-size')
  if (exact && !rescore) throw new UsageError('--exact compares vectors: leave out --no-rescore')
  if (recall !== undefined && (exact || listSize !== undefined || !rescore)) {
    throw new UsageError('--recall says how to search: leave out --list-size, --exact and --no-rescore')
  }
  return {
    k: invocation.positiveInteger('k', LIMITS.k) ?? DEFAULT_K,
    exact,
    rescore,
    includeMetadata: invocation.flag('metadata'),
    ...(recall === undefined ? {} : { recall }),
    ...(listSize === undefined ? {} : { listSize }),
    ...(maxDistance === undefined ? {} : { maxDistance }),
  }
}

async function searchOne(
  collection: Collection<object, VectorType>,
  near: Float32Array | { readonly id: string },
  options: SearchOptions,
  { json }: Invocation,
  { out }: CliContext,
): Promise<void> {
  const startMs = performance.now()
  const result = await collection.search(
    near instanceof Float32Array ? queryOf(near, collection.type, '--vector') : near,
    options,
  )
  const durationMs = performance.now() - startMs
  if (json) return out.json(resultJson(result))
  await out.line(hitLines(result, options.includeMetadata === true).join('\n'))
  await out.line(`${summaryOf(result)}, ${durationText(durationMs)}`)
}

async function searchEach(
  collection: Collection<object, VectorType>,
  path: string,
  options: SearchOptions,
  { json }: Invocation,
  { out }: CliContext,
): Promise<void> {
  const file = await openVectorFile(path, /\.bvecs$/i.test(path) ? 'bvecs' : 'fvecs')
  try {
    for await (const { id: row, vector, where } of file.records()) {
      if (out.signal.aborted) return
      const result = await collection.search(queryOf(vector, collection.type, where), options)
      const lines = hitLines(result, options.includeMetadata === true)
      if (json) await out.json({ query: Number(row), ...resultJson(result) })
      else await out.line([`query ${row}: ${summaryOf(result)}`, ...lines, ''].join('\n'))
    }
  } finally {
    await file.close()
  }
}

function resultJson({ hits, exact, rescored, visited }: SearchResult<object, VectorType>) {
  return { hits: hits.map(({ id, distance, metadata }) => ({ id, distance, metadata })), exact, rescored, visited }
}

function summaryOf({ hits, exact, rescored, visited }: SearchResult<object, VectorType>): string {
  const manner = exact ? 'exact' : `approximate${rescored ? '' : ', distances of codes'}`
  return `${quantityText(hits.length, 'hit')}, ${manner}, ${countText(visited)} visited`
}

function hitLines({ hits }: SearchResult<object, VectorType>, withMetadata: boolean): string[] {
  const columns: Column[] = [
    { title: 'rank', align: 'right' },
    { title: 'distance', align: 'right' },
    { title: 'id' },
    ...(withMetadata ? [{ title: 'metadata' }] : []),
  ]
  const rows = hits.map(({ id, distance, metadata }, index) => [
    String(index + 1),
    distanceText(distance),
    printable(id),
    metadata === undefined ? '' : printable(JSON.stringify(metadata)),
  ])
  return tableLines(columns, rows)
}
