export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function bytesOf(array: Uint32Array | Float64Array | BigUint64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((value, index) => value === right[index])
}

/** A number of 64 bits, or `undefined` where it is beyond what JavaScript counts exactly. */
export function readSafe(view: DataView, offset: number): number | undefined {
  const value = Number(view.getBigUint64(offset, true))
  return Number.isSafeInteger(value) ? value : undefined
}
