import { areFiniteHalves } from './half-floats.ts'
import { rowBytesOf, type VectorType } from './vector-type.ts'
import { widenRows } from './widen-rows.ts'

/**
 * The euclidean length of `dimensions` components from `offset` on, in float64, in the lane order of the kernel: square i
 * goes to lane i mod 4, the sum is (lane0 + lane2) + (lane1 + lane3). Equal vectors thus have equal norms everywhere.
 *
 * Squares of float32 neither overflow nor vanish in float64, so the result is finite exactly when every component is, and
 * zero exactly when every component is.
 */
export function normOf(vector: Float32Array, offset = 0, dimensions = vector.length - offset): number {
  let lane0 = 0
  let lane1 = 0
  let lane2 = 0
  let lane3 = 0
  const end = offset + dimensions
  const endOfFours = end - (dimensions & 3)
  let index = offset
  for (; index < endOfFours; index += 4) {
    const component0 = vector[index]!
    const component1 = vector[index + 1]!
    const component2 = vector[index + 2]!
    const component3 = vector[index + 3]!
    lane0 += component0 * component0
    lane1 += component1 * component1
    lane2 += component2 * component2
    lane3 += component3 * component3
  }
  if (index < end) lane0 += vector[index]! * vector[index]!
  if (index + 1 < end) lane1 += vector[index + 1]! * vector[index + 1]!
  if (index + 2 < end) lane2 += vector[index + 2]! * vector[index + 2]!
  return Math.sqrt(lane0 + lane2 + (lane1 + lane3))
}

const PIECE_BYTES = 32 * 1024

/**
 * The norms of the rows in `bytes`, whole rows of a type at any alignment. A row with a component that is not finite has a norm
 * that is not.
 */
export function normsOfRows(bytes: Uint8Array, dimensions: number, type: VectorType = 'float32'): Float64Array {
  const rowBytes = rowBytesOf(type, dimensions)
  const norms = new Float64Array(bytes.byteLength / rowBytes)
  // Rows decoded from a record stand at any offset, and a Float32Array cannot: they go through an aligned one, in pieces that
  // stay in cache.
  const rowsPerPiece = Math.max(1, Math.min(norms.length, Math.floor(PIECE_BYTES / (dimensions * 4))))
  const piece = new Float32Array(rowsPerPiece * dimensions)
  for (let first = 0; first < norms.length; first += rowsPerPiece) {
    const rows = Math.min(rowsPerPiece, norms.length - first)
    widenRows(type, bytes.subarray(first * rowBytes, (first + rows) * rowBytes), piece, 0)
    for (let row = 0; row < rows; row++) norms[first + row] = normOf(piece, row * dimensions, dimensions)
  }
  if (type === 'float16' && !areFiniteHalves(bytes)) markInfinite(norms, bytes, rowBytes)
  return norms
}

function markInfinite(norms: Float64Array, bytes: Uint8Array, rowBytes: number): void {
  for (let row = 0; row < norms.length; row++) {
    const areFinite = areFiniteHalves(bytes.subarray(row * rowBytes, (row + 1) * rowBytes))
    if (!areFinite) norms[row] = Number.POSITIVE_INFINITY
  }
}
