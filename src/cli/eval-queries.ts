import type { Metric } from '../store/public.ts'
import { InputError } from './cli-errors.ts'
import { checkVector } from './entry-stream.ts'
import { countText } from './number-text.ts'
import { openVectorFile, type VectorFormat } from './vector-file.ts'
import type { QueryRecord } from './vector-record.ts'

/** Reads all queries of a file. */
export async function readQueries(path: string, format: VectorFormat): Promise<QueryRecord[]> {
  const file = await openVectorFile(path, format)
  try {
    const queries: QueryRecord[] = []
    for await (const query of file.records()) queries.push({ ...query, vector: Float32Array.from(query.vector) })
    return queries
  } finally {
    await file.close()
  }
}

/** Says which query of the file does not fit, which the store could not. */
export function checkQueries(
  queries: readonly QueryRecord[],
  { name, dimensions, metric }: { readonly name: string; readonly dimensions: number; readonly metric: Metric },
): void {
  for (const query of queries) {
    const found = query.vector.length
    if (found !== dimensions) {
      const expected = `the collection '${name}' has ${countText(dimensions)}`
      throw new InputError(`${query.where}: the query has ${countText(found)} dimensions, ${expected}`)
    }
    checkVector(query, metric)
  }
}
