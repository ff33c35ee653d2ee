import { InputError } from './cli-errors.ts'
import type { TruthRow } from './eval-truth.ts'
import { IvecsWriter } from './ivecs-file.ts'
import type { SearchedCollection } from './recall-curve.ts'
import type { RowIds } from './row-ids.ts'
import type { QueryRecord } from './vector-record.ts'

interface TruthOptions {
  readonly k: number
  readonly signal: AbortSignal
  /** A new ivecs file for the rows of the neighbours; given up if the search fails. */
  readonly savePath: string | undefined
  readonly rowIds: RowIds
  readonly onProgress: (done: number) => void
}

/** Finds the true neighbours by comparing each query with every vector of the collection. */
export async function computeTruth(
  collection: SearchedCollection,
  queries: readonly QueryRecord[],
  { savePath, ...options }: TruthOptions,
): Promise<TruthRow[]> {
  if (savePath === undefined) return searchExactly(collection, queries, options, undefined)
  const writer = await IvecsWriter.create(savePath)
  try {
    const truth = await searchExactly(collection, queries, options, writer)
    await writer.close()
    return truth
  } catch (error) {
    await writer.discard()
    throw error
  }
}

async function searchExactly(
  collection: SearchedCollection,
  queries: readonly QueryRecord[],
  { k, signal, rowIds, onProgress }: Omit<TruthOptions, 'savePath'>,
  writer: IvecsWriter | undefined,
): Promise<TruthRow[]> {
  const truth: TruthRow[] = []
  for (const { vector, where } of queries) {
    const { hits } = await collection.search(vector, { k, exact: true, signal })
    const ids = hits.map(({ id }) => id)
    await writer?.write(ids.map((id) => rowOf(id, rowIds)))
    truth.push({ ids, where })
    onProgress(truth.length)
    // A terminal that interrupts has its turn here: searches alone may never let it.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return truth
}

function rowOf(id: string, rowIds: RowIds): number {
  const row = rowIds.rowOf(id)
  if (row !== undefined) return row
  throw new InputError(
    `no row is known for the id '${id}', so the truth cannot be saved: give the ids of the rows (--ids)`,
  )
}
