import type { Metric } from '../metric.ts'
import { checkScan, rowsPerCall } from './scan-arguments.ts'
import type { ScanKernel, ScanQuery, ScanRun, Selection } from './scan-kernel.ts'
import { offer } from './selection.ts'

/** The scan in plain TypeScript, to be checked by eye: it says what the right answer is. About 15 times slower. */
export class ReferenceKernel implements ScanKernel {
  rowsPerCall(dimensions: number): number {
    return rowsPerCall(dimensions)
  }

  scan(query: ScanQuery, run: ScanRun, selection: Selection): void {
    checkScan(query, run, selection)
    const dimensions = query.vector.length
    for (let row = 0; row < run.rows; row++) {
      const slot = run.firstSlot + row
      if (isDead(run.dead, slot)) continue
      const vector = run.vectors.subarray(row * dimensions, (row + 1) * dimensions)
      offer(selection, score(query, vector, run.norms[row]!), slot)
    }
  }

  memoryBytes(): number {
    return 0
  }
}

/** A slot past the end of the bitmap is alive. */
function isDead(dead: Uint8Array, slot: number): boolean {
  const byte = dead[Math.floor(slot / 8)] ?? 0
  return ((byte >> (slot % 8)) & 1) === 1
}

function score(query: ScanQuery, vector: Float32Array, norm: number): number {
  return SCORES[query.metric](query, vector, norm)
}

const SCORES: Record<Metric, (query: ScanQuery, vector: Float32Array, norm: number) => number> = {
  cosine(query, vector, norm) {
    const distance = 1 - dotProduct(query.vector, vector) / (query.norm * norm)
    // A norm of zero, which no legal vector has, gives no number.
    return Number.isNaN(distance) ? 2 : Math.max(0, Math.min(2, distance))
  },
  euclidean(query, vector) {
    return squaredDistance(query.vector, vector)
  },
  dot(query, vector) {
    return 0 - dotProduct(query.vector, vector)
  },
}

function dotProduct(a: Float32Array, b: Float32Array): number {
  const lanes: Lanes = [0, 0, 0, 0]
  for (let i = 0; i < a.length; i++) lanes[i % 4]! += a[i]! * b[i]!
  return sumOfLanes(lanes)
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  const lanes: Lanes = [0, 0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const difference = b[i]! - a[i]!
    lanes[i % 4]! += difference * difference
  }
  return sumOfLanes(lanes)
}

type Lanes = [number, number, number, number]

function sumOfLanes(lanes: Lanes): number {
  return lanes[0] + lanes[2] + (lanes[1] + lanes[3])
}
