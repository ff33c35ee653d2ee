import type { CapturedBlock } from '../engine/index/index-capture.ts'
import type { StoreCapture } from './capture.ts'

/** Bytes that a capture holds of its own: copies of graphs. Content it shares with the state. */
export function captureBytes({ collections }: StoreCapture): number {
  return collections.reduce((sum, { index: { graph } }) => {
    const marks = graph === undefined ? 0 : graph.states.byteLength + graph.inDegrees.byteLength
    return (graph?.blocks ?? []).reduce((blocks, block) => blocks + blockBytes(block), sum + marks)
  }, 0)
}

function blockBytes(block: CapturedBlock): number {
  const { offsets, neighbours, wideCodes, narrowCodes, slotOffsets, slots, hashes } = block
  const parts = [offsets, neighbours, wideCodes, narrowCodes, slotOffsets, slots, hashes]
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
