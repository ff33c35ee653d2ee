import { check, isIntegerWithin } from '../graph/graph-parameters.ts'
import type { BinaryCodes, Estimates } from './binary-codes.ts'

/** Gives the number of rows. The kernel itself trusts what it is given with its memory: all is checked before. */
export function checkRows({ parameters, count }: BinaryCodes, position: number, rows: Float32Array): number {
  const { dimensions } = parameters
  check(rows.length % dimensions === 0, `rows must hold a multiple of ${dimensions}: ${rows.length}`)
  check(isIntegerWithin(position, 0, count), `position must be from 0 to ${count}: ${position}`)
  return rows.length / dimensions
}

export function checkPosition({ count }: BinaryCodes, position: number): void {
  check(isIntegerWithin(position, 0, count - 1), `no such position: ${position}`)
}

export function checkVector({ parameters }: BinaryCodes, vector: Float32Array): void {
  const { dimensions } = parameters
  check(vector.length === dimensions, `the vector must hold ${dimensions}: ${vector.length}`)
}

export function checkPositions({ count }: BinaryCodes, positions: Uint32Array, estimates: Estimates): void {
  for (const position of positions) check(position < count, `no such position: ${position}`)
  checkRoom(positions.length, estimates)
}

export function checkRange({ count }: BinaryCodes, from: number, to: number, estimates: Estimates): void {
  check(isIntegerWithin(to, 0, count), `no such range: ${from} to ${to}`)
  check(isIntegerWithin(from, 0, to), `no such range: ${from} to ${to}`)
  checkRoom(to - from, estimates)
}

function checkRoom(count: number, { scores, deviations }: Estimates): void {
  const room = Math.min(scores.length, deviations.length)
  check(room >= count, `there must be room for ${count} estimates: ${room}`)
}
