import { MAX_DIMENSIONS, MAX_K } from '../../base/limits.ts'
import { isMetric } from '../metric.ts'
import type { ScanQuery, ScanRun, Selection } from './scan-kernel.ts'

/** Slots are u32. */
const SLOT_LIMIT = 2 ** 32
/** 2 MiB take about 0.15 ms in WebAssembly, so a search that yields between calls never holds a thread for long. */
const BYTES_PER_CALL = 2 * 1024 * 1024
const ROWS_PER_CALL = 16_384

/** Both kernels take the same number of rows a call, so that neither is told from the other by it. */
export function rowsPerCall(dimensions: number): number {
  check(isIntegerWithin(dimensions, 1, MAX_DIMENSIONS), `dimensions must be from 1 to ${MAX_DIMENSIONS}: ${dimensions}`)
  return Math.min(ROWS_PER_CALL, Math.floor(BYTES_PER_CALL / (dimensions * 4)))
}

/** Throws RangeError unless the three fit together: the kernel itself trusts them with its memory. */
export function checkScan(query: ScanQuery, run: ScanRun, selection: Selection): void {
  const dimensions = query.vector.length
  const { rows, firstSlot } = run
  const most = rowsPerCall(dimensions)
  check(isMetric(query.metric), `unknown metric: ${query.metric}`)
  check(isIntegerWithin(rows, 0, most), `rows must be from 0 to ${most}: ${rows}`)
  check(run.vectors.length === rows * dimensions, `vectors must hold ${rows * dimensions}: ${run.vectors.length}`)
  if (query.metric === 'cosine') check(run.norms.length === rows, `norms must hold ${rows}: ${run.norms.length}`)
  check(isIntegerWithin(firstSlot, 0, SLOT_LIMIT - rows), `firstSlot out of range: ${firstSlot}`)
  checkSelection(selection)
}

function checkSelection({ k, count, scores, slots }: Selection): void {
  check(isIntegerWithin(k, 1, MAX_K), `k must be from 1 to ${MAX_K}: ${k}`)
  check(isIntegerWithin(count, 0, k), `count must be from 0 to ${k}: ${count}`)
  check(scores.length === k && slots.length === k, `scores and slots must hold ${k}: ${scores.length}, ${slots.length}`)
}

function isIntegerWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message)
}
