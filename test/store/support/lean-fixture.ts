import type { QuantizationMode } from '../../../src/engine/quantization.ts'
import { CODES, EDGES, NODES, SLOTS } from '../../../src/snapshots/format.ts'
import { partPath } from '../../../src/snapshots/names.ts'
import { listSnapshots } from '../../../src/snapshots/snapshot-set.ts'
import type { Collection } from '../../../src/store/collection.ts'
import type { OpenOptions } from '../../../src/store/options.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { checksum } from '../../replay/replay-fixture.ts'
import { CrashableFiles } from '../../support/crashable-files.ts'
import { ON_DEMAND } from './index-fixture.ts'
import { NONE_UNASKED } from './snapshot-files.ts'
import { StoreFixture, until } from './store-fixture.ts'

export const DIMENSIONS = 40

/** The vector of the entry at a place: all different, none near zero. */
export function vectorOf(place: number): number[] {
  return Array.from({ length: DIMENSIONS }, (_, at) => Math.fround(Math.sin(place * 7 + at * at)))
}

export function entriesFrom(first: number, count: number): { id: string; vector: number[] }[] {
  return Array.from({ length: count }, (_, index) => ({ id: `e${first + index}`, vector: vectorOf(first + index) }))
}

/** A store of one collection that orders nothing by itself, what it reports, and its files. */
export interface Opened {
  readonly files: CrashableFiles
  readonly store: VectorStore
  readonly vectors: Collection
  readonly problems: unknown[]
}

export async function openVectors(
  files: CrashableFiles,
  { quantization, ...options }: OpenOptions & { quantization?: QuantizationMode } = {},
): Promise<Opened> {
  const problems: unknown[] = []
  const onProblem = (problem: unknown) => problems.push(problem)
  const { store } = await StoreFixture.open({ ...ON_DEMAND, ...NONE_UNASKED, onProblem, ...options }, files)
  const settings = { dimensions: DIMENSIONS, metric: 'euclidean', ...(quantization && { quantization }) } as const
  const vectors = options.readOnly ? await store.collection('vectors') : await store.collection('vectors', settings)
  return { files, store, vectors, problems }
}

/** The same with `count` entries, all of them in the index. */
export async function indexed(
  count: number,
  options: OpenOptions & { quantization?: QuantizationMode } = {},
  files = new CrashableFiles(),
): Promise<Opened> {
  const opened = await openVectors(files, options)
  await opened.vectors.addAll(entriesFrom(0, count))
  await opened.vectors.optimize()
  return opened
}

export function formOf(vectors: Collection): string | undefined {
  return vectors.stats().index.form
}

export async function untilLean(vectors: Collection): Promise<void> {
  await until(() => formOf(vectors) === 'lean')
}

/** Paths of the parts of the newest snapshot that hold graphs, of some kinds or of all. */
export async function graphParts(
  files: CrashableFiles,
  kinds: readonly number[] = [NODES, CODES, EDGES, SLOTS],
): Promise<string[]> {
  const { snapshots } = await listSnapshots(files, checksum)
  return snapshots[0]!.manifest!.parts.filter(({ kind }) => kinds.includes(kind)).map(partPath)
}
