import {
  BLOCK_POSITIONS,
  BLOCK_SHIFT,
  EIGHT,
  FACTOR_BYTES,
  FLOAT,
  MOST_THREADS,
  ROW_BYTES,
} from '../kernel/assembly-graph/layout.ts'
import { isCodedAsFloats } from './graph-parameters.ts'

/** Offsets and strides of the parts of a block; the picture is in the kernel's layout.ts. */
export interface BlockShape {
  readonly wideKind: number
  readonly wideBytes: number
  readonly wideStride: number
  readonly wideOffset: number
  readonly narrowBytes: number
  readonly narrowStride: number
  readonly narrowOffset: number
  readonly inDegreeOffset: number
  readonly stateOffset: number
  readonly marksOffset: number
  readonly blockBytes: number
}

export function blockShape(dimensions: number): BlockShape {
  const asFloats = isCodedAsFloats(dimensions)
  const wideBytes = asFloats ? Math.ceil(dimensions / 4) * 16 : Math.ceil(dimensions / 8) * 8
  const narrowBytes = asFloats ? 0 : narrowCodeBytes(dimensions)
  const wideStride = wideBytes + FACTOR_BYTES
  const narrowStride = asFloats ? 0 : narrowBytes + FACTOR_BYTES
  // Narrow codes come first behind the rows: of 100 dimensions each is then exactly one cache line.
  const narrowOffset = BLOCK_POSITIONS * ROW_BYTES
  const wideOffset = narrowOffset + BLOCK_POSITIONS * narrowStride
  const inDegreeOffset = wideOffset + BLOCK_POSITIONS * wideStride
  const stateOffset = inDegreeOffset + BLOCK_POSITIONS
  const marksOffset = stateOffset + BLOCK_POSITIONS
  return {
    wideKind: asFloats ? FLOAT : EIGHT,
    wideBytes,
    wideStride,
    wideOffset,
    narrowBytes,
    narrowStride,
    narrowOffset,
    inDegreeOffset,
    stateOffset,
    marksOffset,
    blockBytes: marksOffset + (MOST_THREADS << BLOCK_SHIFT),
  }
}

/** 16 bytes a group of 32 dimensions, 8 a half group at the end. */
function narrowCodeBytes(dimensions: number): number {
  const left = dimensions % 32
  return Math.floor(dimensions / 32) * 16 + (left === 0 ? 0 : left > 16 ? 16 : 8)
}
