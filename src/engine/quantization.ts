/**
 * What of a collection is to be in memory, in the order in which bytes on disk number the modes.
 *
 * `none`: the vectors, and the index with all that building needs. `int8`: codes of at most 8 bits a dimension and edges, which is
 * what searches walk on; the vectors are read where a snapshot has them. `binary`: the same with codes of one bit a dimension.
 * What is stored, what `get` gives and what the index is are the same in all three.
 */
export const QUANTIZATION_MODES = ['none', 'int8', 'binary'] as const

export type QuantizationMode = (typeof QUANTIZATION_MODES)[number]

export function isQuantizationMode(value: unknown): value is QuantizationMode {
  return QUANTIZATION_MODES.includes(value as QuantizationMode)
}
