import { isQuantizationMode, QUANTIZATION_MODES, type QuantizationMode } from '../engine/quantization.ts'

/** @throws TypeError for what is no mode. */
export function checkMode(mode: unknown): asserts mode is QuantizationMode {
  if (isQuantizationMode(mode)) return
  throw new TypeError(`a quantization must be one of ${QUANTIZATION_MODES.map((known) => `'${known}'`).join(', ')}`)
}
