import type { SharedMemory } from '../graph/shared-memory.ts'
import * as layout from '../kernel/assembly-graph/binary/layout.ts'
import type { Metric } from '../metric.ts'
import type { BinaryParameters } from './binary-parameters.ts'
import { rotationOf } from './rotation.ts'

const METRIC_NUMBERS: Record<Metric, number> = {
  cosine: layout.COSINE,
  euclidean: layout.EUCLIDEAN,
  dot: layout.DOT,
}

/** Writes what codes are made by where the kernel reads it, and gives its address and how many bytes it takes. */
export function writeFrame(memory: SharedMemory, parameters: BinaryParameters): { at: number; bytes: number } {
  const { dimensions, padded, metric, centre, scale, codeBytes } = parameters
  const { window, rounds, signs } = rotationOf(parameters)
  const at = memory.allocate(layout.FRAME_BYTES)
  const signsAt = memory.allocate(signs.byteLength)
  const centreAt = memory.allocate(centre.byteLength)
  new Uint32Array(memory.buffer, signsAt, signs.length).set(signs)
  new Float64Array(memory.buffer, centreAt, centre.length).set(centre)
  setWords(memory, at, [
    [layout.FRAME_DIMENSIONS, dimensions],
    [layout.FRAME_PADDED, padded],
    [layout.FRAME_METRIC, METRIC_NUMBERS[metric]],
    [layout.FRAME_WINDOW, window],
    [layout.FRAME_ROUNDS, rounds],
    [layout.FRAME_SIGNS_AT, signsAt],
    [layout.FRAME_CENTRE_AT, centreAt],
    [layout.FRAME_STRIDE, codeBytes],
  ])
  new Float64Array(memory.buffer, at + layout.FRAME_SCALE, 1)[0] = scale
  return { at, bytes: layout.FRAME_BYTES + signs.byteLength + centre.byteLength }
}

/** The same for what one thread works with. */
export function writeScratch(memory: SharedMemory, { padded }: BinaryParameters): { at: number; bytes: number } {
  const listBytes = (layout.MOST_ESTIMATES + 3) * 4
  const parts: [number, number][] = [
    [layout.SCRATCH_VECTOR_AT, padded * 4],
    [layout.SCRATCH_WORK_AT, padded * 8],
    [layout.SCRATCH_UNIT_AT, padded * 4],
    [layout.SCRATCH_PLANES_AT, (padded / 8) * layout.PLANES],
    [layout.SCRATCH_POSITIONS_AT, listBytes],
    [layout.SCRATCH_ADDRESSES_AT, listBytes],
    [layout.SCRATCH_ESTIMATES_AT, listBytes],
    [layout.SCRATCH_DEVIATIONS_AT, listBytes],
  ]
  const at = memory.allocate(layout.SCRATCH_BYTES)
  let bytes = layout.SCRATCH_BYTES
  for (const [setting, size] of parts) {
    setWords(memory, at, [[setting, memory.allocate(size)]])
    bytes += size
  }
  return { at, bytes }
}

function setWords(memory: SharedMemory, at: number, words: readonly (readonly [number, number])[]): void {
  for (const [offset, value] of words) new Uint32Array(memory.buffer, at + offset, 1)[0] = value
}
