/**
 * What of a collection's vectors is to be in memory, in the order in which bytes on disk number them.
 *
 * `none`: the originals, and the codes of the index. `int8`: the codes alone, at most 8 bits a dimension; the originals are read
 * where a snapshot has them. What is stored, what `get` gives and what the index looks like are the same in both.
 */
export const QUANTIZATION_MODES = ['none', 'int8'] as const

export type QuantizationMode = (typeof QUANTIZATION_MODES)[number]

export function isQuantizationMode(value: unknown): value is QuantizationMode {
  return QUANTIZATION_MODES.includes(value as QuantizationMode)
}
