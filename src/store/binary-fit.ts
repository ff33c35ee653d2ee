import type { CollectionView } from '../engine/collection-state.ts'

/** Of fewer components, signs say too little: as many bytes of 4-bit codes find more. Decision 19 has the figures. */
const LEAST_DIMENSIONS = 256
/** Share of the nearest that searches with default options have to find for a mode to be worth having. */
const LEAST_RECALL = 0.9

/** Why the mode `binary` does not fit a collection, in words; `undefined` where nothing speaks against it, or it has another. */
export function binaryMisfit(
  { name, dimensions, quantization }: CollectionView,
  recall: number | undefined,
): string | undefined {
  if (quantization !== 'binary') return undefined
  const reasons: string[] = []
  if (recall !== undefined && recall < LEAST_RECALL) {
    // Rounded down, so that it never reads as enough.
    const found = Math.floor(recall * 1000) / 1000
    reasons.push(`searches found ${found} of the 10 nearest, less than ${LEAST_RECALL}`)
  }
  if (dimensions < LEAST_DIMENSIONS) {
    reasons.push(`its vectors have ${dimensions} dimensions, and below ${LEAST_DIMENSIONS} one bit of each says little`)
  }
  if (reasons.length === 0) return undefined
  return `'binary' does not fit '${name}': ${reasons.join('; ')}. 'int8' finds more, for more memory`
}
