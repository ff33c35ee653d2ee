import type { GraphCore } from '../graph/graph-core.ts'
import type { WalkCodes } from '../graph/graph-parameters.ts'
import type { SeededRandom } from '../graph/seeded-random.ts'
import { MOST_CANDIDATES, THREAD_GATHERED_AT } from '../kernel/assembly-graph/layout.ts'
import { createSelection, type Selection } from '../kernel/scan-kernel.ts'
import { offer } from '../kernel/selection.ts'
import { ExactScores } from './exact-scores.ts'
import { Pace } from './pace.ts'
import type { VectorSample } from './plan-sample.ts'

/** Share of the nearest that codes lead to. */
export type CodeRecall = Readonly<Record<WalkCodes, number>>

const MOST_QUERIES = 100
const NEAREST = 10
/** How many of the nearest by code a search with default options compares exactly. */
const RESCORED = 40
/** Components whose codes are in memory at a time, and which one call of the kernel compares: some 0.2 ms. */
const BATCH_COMPONENTS = 2 ** 21
/** To encode a component once wide and once narrow; to compare it by code. */
const ENCODING_STEPS = 40
const CODE_STEPS = 0.1
/** Multiples of one vector are equally near by cosine, though rounding tells them apart. */
const TIE_SLACK = 1e-12

/** A row of the sample as a query, and which others are nearest to it. */
interface Query {
  readonly row: number
  readonly vector: Float32Array
  readonly exact: Selection
  readonly byCode: Readonly<Record<WalkCodes, Selection>>
}

/**
 * Compares some rows with all others, exactly and by both kinds of codes. Codes are made in `core`, which must be empty and
 * is of no use afterwards: a batch of rows takes the nodes of the one before.
 */
export function* measureCodes(
  core: GraphCore,
  sample: VectorSample,
  random: SeededRandom,
): Generator<void, CodeRecall, void> {
  const { rows, dimensions } = sample
  const queries = drawQueries(sample, random)
  const scores = new ExactScores(sample, core.parameters.metric)
  const batchRows = Math.min(MOST_CANDIDATES, Math.floor(BATCH_COMPONENTS / dimensions))
  const encoding = new Pace()
  const scoring = new Pace()
  const comparing = new Pace()
  for (let first = 0; first < rows; first += batchRows) {
    const batch = { first, end: Math.min(first + batchRows, rows) }
    yield* encodeRows(core, sample, batch, encoding)
    for (const query of queries) {
      yield* offerExact(scores, query, batch, scoring)
      for (const codes of ['narrow', 'wide'] as const) {
        offerByCode(core, query, codes, batch)
        if (comparing.isSliceFull((batch.end - batch.first) * dimensions * CODE_STEPS)) yield
      }
    }
  }
  const narrow = yield* recallOf('narrow', queries, scores, scoring)
  return { narrow, wide: yield* recallOf('wide', queries, scores, scoring) }
}

function drawQueries({ rows, dimensions, vectors }: VectorSample, random: SeededRandom): Query[] {
  if (rows < 2) return []
  const drawn = new Set<number>()
  while (drawn.size < Math.min(rows, MOST_QUERIES)) drawn.add(random.below(rows))
  return Array.from(drawn, (row) => ({
    row,
    vector: vectors.subarray(row * dimensions, (row + 1) * dimensions),
    exact: createSelection(Math.min(NEAREST, rows - 1)),
    byCode: { narrow: createSelection(RESCORED), wide: createSelection(RESCORED) },
  }))
}

interface Batch {
  readonly first: number
  readonly end: number
}

function* encodeRows(
  core: GraphCore,
  { dimensions, vectors }: VectorSample,
  { first, end }: Batch,
  pace: Pace,
): Generator<void, void, void> {
  for (let row = first; row < end; row++) {
    const node = row - first
    if (node === core.nodeCount) core.newNode()
    core.writeVector(0, vectors.subarray(row * dimensions, (row + 1) * dimensions))
    core.kernel.encodeNode(0, node)
    if (pace.isSliceFull(dimensions * ENCODING_STEPS)) yield
  }
}

function* offerExact(
  scores: ExactScores,
  { row, vector, exact }: Query,
  { first, end }: Batch,
  pace: Pace,
): Generator<void, void, void> {
  for (let other = first; other < end; other++) {
    if (other !== row) offer(exact, scores.score(vector, other), other)
    if (pace.isSliceFull(vector.length)) yield
  }
}

/** As a walk compares: the query is encoded for the codes that it reads. */
function offerByCode(core: GraphCore, query: Query, codes: WalkCodes, { first, end }: Batch): void {
  const count = end - first
  core.walkCodes = codes
  core.writeVector(0, query.vector)
  core.kernel.prepareQuery(0)
  const scratch = core.scratch(0)
  const gathered = scratch.words(THREAD_GATHERED_AT, count)
  for (let node = 0; node < count; node++) gathered[node] = node
  core.kernel.distancesOfGathered(0, count)
  const distances = scratch.distances(count)
  for (let node = 0; node < count; node++) {
    if (first + node !== query.row) offer(query.byCode[codes], distances[node]!, first + node)
  }
}

function* recallOf(
  codes: WalkCodes,
  queries: readonly Query[],
  scores: ExactScores,
  pace: Pace,
): Generator<void, number, void> {
  let wanted = 0
  let found = 0
  for (const { vector, exact, byCode } of queries) {
    const farthest = exact.scores[0]!
    const most = farthest + Math.abs(farthest) * TIE_SLACK
    const { count, slots } = byCode[codes]
    const right = slots.subarray(0, count).filter((row) => scores.score(vector, row) <= most).length
    wanted += exact.count
    found += Math.min(right, exact.count)
    if (pace.isSliceFull(count * vector.length)) yield
  }
  return wanted === 0 ? 1 : found / wanted
}
