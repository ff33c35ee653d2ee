import { ByteReader } from './byte-reader.ts'
import { readIds } from './vector-file.ts'

/** Which entry stands in which row of the base file. Rows are counted from 0. */
export interface RowIds {
  /** `undefined` where the base file has no such row. */
  idOf(row: number): string | undefined
  /** `undefined` where the id stands in no row. */
  rowOf(id: string): number | undefined
}

const LARGEST_ROW = 2 ** 31 - 1

/** What an import gives the vectors of a file that has no ids: their row numbers as text. */
export const ROW_NUMBERS: RowIds = {
  idOf: (row) => String(row),
  rowOf(id) {
    const row = Number(id)
    return Number.isInteger(row) && row >= 0 && row <= LARGEST_ROW && String(row) === id ? row : undefined
  },
}

/** Ids from the file that `annals import --ids` takes. An id that stands there twice is the later row's, as in the import. */
export async function readRowIds(path: string): Promise<RowIds> {
  const ids: string[] = []
  const rows = new Map<string, number>()
  const reader = await ByteReader.open(path)
  try {
    for await (const id of readIds(reader, path)) rows.set(id, ids.push(id) - 1)
  } finally {
    await reader.close()
  }
  return { idOf: (row) => ids[row], rowOf: (id) => rows.get(id) }
}
