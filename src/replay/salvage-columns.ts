import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionRestorer } from '../engine/collection-restorer.ts'
import { normsOfRows } from '../engine/vector-math.ts'
import { rowBytesOf } from '../engine/vector-type.ts'
import { bytesOf } from '../snapshots/bytes.ts'
import { ABSENT_LENGTH } from '../snapshots/format.ts'
import type { CollectionRecord } from '../snapshots/manifest.ts'
import { isHit, type ReadablePart } from './salvage-pages.ts'

const WORD_BYTES = 4

/** Puts the vectors of a chunk into a collection. Returns the rows of which one cannot be read; those are zero. */
export function takeVectors(
  restorer: CollectionRestorer,
  { dimensions, metric, vectorType }: CollectionRecord,
  rows: number,
  { content, damaged }: ReadablePart,
): number[] {
  const rowBytes = rowBytesOf(vectorType, dimensions)
  const vectors = content.subarray(0, rows * rowBytes)
  fill(vectors, rowBytes, (most) => restorer.extendVectors(most))
  // Norms follow from vectors, so it does not matter whether theirs can be read.
  if (metric === 'cosine') {
    fill(bytesOf(normsOfRows(vectors, dimensions, vectorType)), 8, (most) => restorer.extendNorms(most))
  }
  if (damaged.length === 0) return []
  return rowNumbers(rows).filter((row) => isHit(damaged, row * rowBytes, rowBytes))
}

function fill(bytes: Uint8Array, rowBytes: number, extend: (mostRows: number) => Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) {
    const target = extend((bytes.byteLength - at) / rowBytes)
    target.set(bytes.subarray(at, at + target.byteLength))
    at += target.byteLength
  }
}

/** Puts the documents of a chunk into a collection. Returns the rows of which one cannot be read; those have none then. */
export function takeDocuments(restorer: CollectionRestorer, rows: number, part: ReadablePart): number[] {
  const { content, damaged } = part
  const lengths = new Uint32Array(content.slice(0, rows * WORD_BYTES).buffer)
  const positions = positionsOf(lengths, part)
  const lost: number[] = []
  const values: Uint8Array[] = []
  for (let row = 0; row < rows; row++) {
    const [position, length] = [positions[row], lengths[row]!]
    if (position !== undefined && length === ABSENT_LENGTH) continue
    if (position === undefined || isHit(damaged, position, length)) {
      lost.push(row)
      lengths[row] = ABSENT_LENGTH
    } else values.push(content.subarray(position, position + length))
  }
  restorer.appendDocuments(lengths, concatenated(values))
  return lost
}

/**
 * Where each value begins; `undefined` where nobody knows. Behind lengths that cannot be read, places are counted from the end
 * of the content.
 */
function positionsOf(lengths: Uint32Array, { content, damaged }: ReadablePart): (number | undefined)[] {
  const positions: (number | undefined)[] = Array(lengths.length).fill(undefined)
  const isKnown = (row: number) => !isHit(damaged, row * WORD_BYTES, WORD_BYTES)
  const bytesAt = (row: number) => (lengths[row] === ABSENT_LENGTH ? 0 : lengths[row]!)
  let row = 0
  for (let position = lengths.byteLength; row < lengths.length && isKnown(row); row++) {
    positions[row] = position
    position += bytesAt(row)
  }
  for (let last = lengths.length - 1, position = content.byteLength; last >= row && isKnown(last); last--) {
    position -= bytesAt(last)
    positions[last] = position
  }
  return positions
}

function concatenated(values: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const value of values) {
    bytes.set(value, at)
    at += value.byteLength
  }
  return bytes
}

function rowNumbers(rows: number): number[] {
  return Array.from({ length: Math.min(rows, CHUNK_SLOTS) }, (_, row) => row)
}
