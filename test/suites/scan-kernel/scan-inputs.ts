import type { ScanKernel, ScanQuery, ScanRun, Selection } from '../../../src/engine/kernel/scan-kernel.ts'
import { sortedSelection } from '../../../src/engine/kernel/selection.ts'
import { type Hit, packed } from './scan-oracle.ts'

/** The kernel under test, once it is loaded. */
export type Current = () => ScanKernel

export function hit(slot: number, score: number): Hit {
  return { slot, score }
}

export function euclidean(...vector: number[]): ScanQuery {
  return { metric: 'euclidean', vector: Float32Array.from(vector), norm: 0 }
}

export function runOf(vectors: readonly Float32Array[], firstSlot: number): ScanRun {
  const dimensions = vectors[0]?.length ?? 0
  return { ...packed(vectors, dimensions), rows: vectors.length, firstSlot, dead: new Uint8Array(0) }
}

export function hitsIn(selection: Selection): Hit[] {
  const { slots, scores } = sortedSelection(selection)
  return Array.from(slots, (slot, index) => hit(slot, scores[index]!))
}

/** Components from -1 to 1. */
export function randomVectors(count: number, dimensions: number, seed: number): Float32Array[] {
  const next = randomIntegers(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, () => next() / 2 ** 31 - 1))
}

/** Few distinct values, so that many scores are equal. */
export function smallVectors(count: number, seed: number): Float32Array[] {
  const next = randomIntegers(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: 5 }, () => ((next() >>> 8) % 3) - 1))
}

export function randomBytes(count: number, seed: number): Uint8Array {
  const next = randomIntegers(seed)
  return Uint8Array.from({ length: count }, () => next() >>> 24)
}

/** A xorshift generator: the same numbers in every run, so that a failure can be repeated. */
export function randomIntegers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
