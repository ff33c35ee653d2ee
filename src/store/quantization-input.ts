import { StoreError } from '../base/errors.ts'
import { isQuantizationMode, QUANTIZATION_MODES, type QuantizationMode } from '../engine/quantization.ts'

/**
 * @throws TypeError for what is no mode; StoreError `ERR_QUANTIZATION_MODE` for `'binary'`, which is one that this release does
 * not have.
 */
export function checkMode(mode: unknown): asserts mode is QuantizationMode {
  if (isQuantizationMode(mode)) return
  const modes = QUANTIZATION_MODES.map((known) => `'${known}'`).join(' or ')
  if (mode !== 'binary') throw new TypeError(`a quantization must be ${modes}`)
  const message = `this release has no quantization 'binary'; it has ${modes}`
  throw new StoreError('ERR_QUANTIZATION_MODE', message, { details: { mode } })
}
