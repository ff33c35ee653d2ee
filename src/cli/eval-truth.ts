import type { Metric } from '../store/public.ts'
import { ByteReader } from './byte-reader.ts'
import { InputError } from './cli-errors.ts'
import { readIvecs } from './ivecs-file.ts'
import { countText, quantityText } from './number-text.ts'
import type { RowIds } from './row-ids.ts'
import { distanceBetween } from './vector-distance.ts'

/** What is asked of a collection to find out whether hits are right. */
export interface VectorSource {
  readonly name: string
  readonly metric: Metric
  getMany(ids: readonly string[]): Promise<readonly ({ readonly vector: Float32Array } | undefined)[]>
}

/** The ids of the true neighbours of one query, nearest first. */
export interface TruthRow {
  readonly ids: readonly string[]
  readonly where: string
}

/** What a hit is judged by. */
export interface TrueNeighbours {
  readonly ids: ReadonlySet<string>
  /** How far the farthest of them is: whatever is not farther is right as well. */
  readonly reach: number
  /** False where the distances of this collection do not rise along the row. */
  readonly ordered: boolean
}

/** Distances that fall by less than this share of the largest fall by rounding, in a truth computed in float32. */
const ROUNDING_SHARE = 1e-3

/** Reads the true neighbours of `queryCount` queries, the first `k` of each row. */
export async function readTruth(path: string, rowIds: RowIds, k: number, queryCount: number): Promise<TruthRow[]> {
  const reader = await ByteReader.open(path)
  try {
    const truth: TruthRow[] = []
    for await (const { values, where } of readIvecs(reader, path)) {
      if (values.length < k) {
        throw new InputError(`${where}: ${quantityText(values.length, 'neighbour')}, too few for k ${countText(k)}`)
      }
      truth.push({ ids: Array.from(values.subarray(0, k), (row) => idOf(row, rowIds, where)), where })
    }
    if (truth.length === queryCount) return truth
    const queries = quantityText(queryCount, 'query', 'queries')
    throw new InputError(`${path} has ${quantityText(truth.length, 'row')} for ${queries}`)
  } finally {
    await reader.close()
  }
}

function idOf(row: number, rowIds: RowIds, where: string): string {
  const id = row < 0 ? undefined : rowIds.idOf(row)
  if (id === undefined) throw new InputError(`${where}: there is no row ${row} in the base file`)
  return id
}

/** Looks up how far the true neighbours are. */
export async function resolveTruth(
  source: VectorSource,
  query: Float32Array,
  { ids, where }: TruthRow,
): Promise<TrueNeighbours> {
  const entries = await source.getMany(ids)
  const distances = entries.map((entry, index) => {
    if (entry !== undefined) return distanceBetween(source.metric, query, entry.vector)
    const missing = `the neighbour '${ids[index]}' is not in the collection '${source.name}'`
    throw new InputError(`${where}: ${missing}; are these the vectors the truth was made for, and their ids?`)
  })
  const slack = ROUNDING_SHARE * largest(distances.map(Math.abs))
  const ordered = distances.every((distance, index) => index === 0 || distance >= (distances[index - 1] ?? 0) - slack)
  return { ids: new Set(ids), reach: largest(distances), ordered }
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), Number.NEGATIVE_INFINITY)
}

/**
 * How many hits are right: true neighbours, and others that are not farther than the last of those. Both distances are computed
 * here, in one way, because the last bits decide about ties.
 */
export async function countRight(
  source: VectorSource,
  query: Float32Array,
  hitIds: readonly string[],
  { ids, reach }: TrueNeighbours,
): Promise<number> {
  const others = hitIds.filter((id) => !ids.has(id))
  const entries = others.length === 0 ? [] : await source.getMany(others)
  const near = entries.filter((entry) => entry && distanceBetween(source.metric, query, entry.vector) <= reach)
  return Math.min(ids.size, hitIds.length - others.length + near.length)
}
