import { expect, test } from 'vitest'
import { equalBytes, genesisChain, viewOf } from '../../src/wal/position.ts'
import { OTHER_STORE_ID, STORE_ID, xxh64 } from '../support/byte-builder.ts'
import { checksum } from '../support/log-fixture.ts'

test('the chain before the first record is the hash of the store id', () => {
  expect(genesisChain(checksum, STORE_ID)).toBe(xxh64(STORE_ID, 0n))
  expect(genesisChain(checksum, OTHER_STORE_ID)).not.toBe(genesisChain(checksum, STORE_ID))
})

test('bytes are equal by length and value', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false)
})

test('a view covers its bytes and no others of their buffer', () => {
  const view = viewOf(Uint8Array.of(9, 1, 2, 9).subarray(1, 3))
  expect([view.byteLength, view.getUint16(0, true)]).toEqual([2, 0x0201])
})
