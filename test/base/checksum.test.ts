import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Checksum, loadChecksum } from '../../src/base/checksum.ts'

let checksum: Checksum
beforeAll(async () => {
  checksum = await loadChecksum()
})

/** xxh64 written down from its published description in plain bigint: slow, and nothing to do with the one under test. */
function referenceXxh64(bytes: Uint8Array, seed: bigint): bigint {
  const mask = (1n << 64n) - 1n
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const
  const multiply = (left: bigint, right: bigint) => (left * right) & mask
  const rotate = (value: bigint, by: bigint) => ((value << by) | (value >> (64n - by))) & mask
  const round = (lane: bigint, input: bigint) => multiply(rotate((lane + multiply(input, p2)) & mask, 31n), p1)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let hash = (seed + p5) & mask
  if (bytes.byteLength >= 32) {
    const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map((lane) => lane & mask)
    for (; at + 32 <= bytes.byteLength; at += 32) {
      for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane]!, view.getBigUint64(at + lane * 8, true))
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, by, lane) => (sum + rotate(lanes[lane]!, by)) & mask, 0n)
    for (const lane of lanes) hash = (multiply(hash ^ round(0n, lane), p1) + p4) & mask
  }
  hash = (hash + BigInt(bytes.byteLength)) & mask
  for (; at + 8 <= bytes.byteLength; at += 8) {
    hash = (multiply(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n), p1) + p4) & mask
  }
  if (at + 4 <= bytes.byteLength) {
    hash = (multiply(rotate(hash ^ multiply(BigInt(view.getUint32(at, true)), p1), 23n), p2) + p3) & mask
    at += 4
  }
  for (; at < bytes.byteLength; at++) hash = multiply(rotate(hash ^ multiply(BigInt(bytes[at]!), p5), 11n), p1)
  hash = multiply(hash ^ (hash >> 33n), p2)
  hash = multiply(hash ^ (hash >> 29n), p3)
  return hash ^ (hash >> 32n)
}

const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

describe('xxh64', () => {
  test.each([
    ['', 0n, 0xef46db3751d8e999n],
    ['a', 0n, 0xd24ec4f1a98c6e5bn],
    ['abc', 0n, 0x44bc2cf5ad770999n],
    ['', 1n, 0xd5afba1336a3be4bn],
  ])('of %j with seed %s is the published value', (string, seed, expected) => {
    expect(checksum.xxh64(new TextEncoder().encode(string), seed)).toBe(expected)
  })

  test('agrees with its description, for every length around its block sizes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), seeds, (bytes, seed) => {
        expect(checksum.xxh64(bytes, seed)).toBe(referenceXxh64(bytes, seed))
      }),
    )
  })

  test('does not depend on how the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 8 }), seeds, (parts, seed) => {
        expect(checksum.xxh64Parts(parts, seed)).toBe(checksum.xxh64(Buffer.concat(parts), seed))
      }),
    )
  })

  test('hashes a view, not what lies around it', () => {
    const memory = Uint8Array.of(9, 9, 1, 2, 3, 9)
    expect(checksum.xxh64(memory.subarray(2, 5), 7n)).toBe(checksum.xxh64(Uint8Array.of(1, 2, 3), 7n))
  })

  test('goes through inputs beyond one piece', () => {
    const bytes = Uint8Array.from({ length: 1024 * 1024 + 5 }, (_, index) => (index * 31) & 0xff)
    expect(checksum.xxh64(bytes, 3n)).toBe(referenceXxh64(bytes, 3n))
    expect(checksum.xxh64Parts([bytes.subarray(0, 77), bytes.subarray(77)], 3n)).toBe(checksum.xxh64(bytes, 3n))
  })

  test('is compiled once', () => {
    expect(loadChecksum()).toBe(loadChecksum())
  })
})
