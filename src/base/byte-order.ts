import { StoreError } from './errors.ts'

/**
 * Vectors go to the log as they stand in memory, and the log is little-endian: a big-endian machine would write what no other
 * could read.
 * @param probe the bytes of the 16-bit number 1 on this machine.
 * @throws StoreError `ERR_IO` on a big-endian machine.
 */
export function requireLittleEndian(probe: Uint8Array = new Uint8Array(Uint16Array.of(1).buffer)): void {
  if (probe[0] === 1) return
  throw new StoreError('ERR_IO', 'annals runs on little-endian machines only, and this one is big-endian')
}
