import { expect, test } from 'vitest'
import { requireLittleEndian } from '../../src/base/byte-order.ts'

test('a big-endian machine is refused before it writes anything', () => {
  expect(() => requireLittleEndian(Uint8Array.of(0, 1))).toThrow(expect.objectContaining({ code: 'ERR_IO' }))
  expect(() => requireLittleEndian()).not.toThrow()
})
