import { expect } from 'vitest'
import type { ScanKernel, ScanRun } from '../../../src/engine/kernel/scan-kernel.ts'
import { createSelection } from '../../../src/engine/kernel/scan-kernel.ts'
import { sortedSelection } from '../../../src/engine/kernel/selection.ts'
import type { Metric } from '../../../src/engine/metric.ts'

/** One search over rows that lie at consecutive slots. */
export interface Scenario {
  readonly metric: Metric
  readonly query: Float32Array
  readonly vectors: readonly Float32Array[]
  readonly k: number
  readonly firstSlot?: number
  readonly dead?: Uint8Array
  /** How many rows each call takes, in turn; one call for all where it is left out. */
  readonly calls?: readonly number[]
}

export interface Hit {
  readonly slot: number
  readonly score: number
}

/** Runs the search on a kernel and holds every slot and every bit of every score against a full sort. */
export function expectNearest(kernel: ScanKernel, scenario: Scenario): void {
  expectHits(hitsOf(kernel, scenario), nearestBySort(scenario), describeScenario(scenario))
}

/** Compares slots, order and bits: toEqual alone would take 0 for -0. */
export function expectHits(actual: readonly Hit[], expected: readonly Hit[], what: string): void {
  expect(actual, what).toEqual(expected)
  expect(bitsOf(actual), what).toEqual(bitsOf(expected))
}

export function hitsOf(kernel: ScanKernel, scenario: Scenario): Hit[] {
  const selection = createSelection(scenario.k)
  const query = { metric: scenario.metric, vector: scenario.query, norm: lengthOf(scenario.query) }
  for (const run of runsOf(scenario)) kernel.scan(query, run, selection)
  const { slots, scores } = sortedSelection(selection)
  return Array.from(slots, (slot, index) => ({ slot, score: scores[index]! }))
}

/** The answer by another way than a kernel's: every score, a full sort, the first k. */
export function nearestBySort(scenario: Scenario): Hit[] {
  const { vectors, firstSlot = 0, dead = new Uint8Array(0) } = scenario
  return vectors
    .map((vector, row) => ({ slot: firstSlot + row, score: scoreOf(scenario.metric, scenario.query, vector) }))
    .filter(({ slot }) => ((dead[Math.floor(slot / 8)] ?? 0) & (2 ** (slot % 8))) === 0)
    .sort((a, b) => a.score - b.score || a.slot - b.slot)
    .slice(0, scenario.k)
}

export function scoreOf(metric: Metric, query: Float32Array, vector: Float32Array): number {
  if (metric === 'euclidean') return laneSum(query, vector, (a, b) => (a - b) * (a - b))
  const dot = laneSum(query, vector, (a, b) => a * b)
  if (metric === 'dot') return dot === 0 ? 0 : -dot
  const lengths = lengthOf(query) * lengthOf(vector)
  if (lengths === 0) return 2
  return Math.min(2, Math.max(0, 1 - dot / lengths))
}

function laneSum(a: Float32Array, b: Float32Array, term: (a: number, b: number) => number): number {
  const lane = (first: number) => {
    let sum = 0
    for (let i = first; i < a.length; i += 4) sum += term(a[i]!, b[i]!)
    return sum
  }
  const even = lane(0) + lane(2)
  const odd = lane(1) + lane(3)
  return even + odd
}

export function lengthOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, component) => sum + component * component, 0))
}

function* runsOf(scenario: Scenario): Generator<ScanRun> {
  const { vectors, firstSlot = 0, dead = new Uint8Array(0), calls = [vectors.length] } = scenario
  let row = 0
  for (const rows of calls) {
    yield { ...packed(vectors.slice(row, row + rows), scenario.query.length), rows, firstSlot: firstSlot + row, dead }
    row += rows
  }
}

/** Rows one after another, as a kernel takes them. */
export function packed(vectors: readonly Float32Array[], dimensions: number): Pick<ScanRun, 'vectors' | 'norms'> {
  const all = new Float32Array(vectors.length * dimensions)
  vectors.forEach((vector, row) => {
    all.set(vector, row * dimensions)
  })
  return { vectors: all, norms: Float64Array.from(vectors, lengthOf) }
}

function bitsOf(hits: readonly Hit[]): BigUint64Array {
  return new BigUint64Array(Float64Array.from(hits, ({ score }) => score).buffer)
}

function describeScenario({ metric, query, vectors, k, firstSlot = 0 }: Scenario): string {
  return `${metric}, ${query.length} dimensions, ${vectors.length} rows from slot ${firstSlot}, k ${k}`
}
