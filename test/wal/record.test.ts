import { describe, expect, test } from 'vitest'
import { MAX_PAYLOAD_BYTES } from '../../src/base/limits.ts'
import { recordBytes } from '../../src/wal/format.ts'
import {
  computeChain,
  decodeRecordHeader,
  decodeSeal,
  encodeRecord,
  encodeSealPayload,
  headerSeed,
  isKnownRecord,
  storedChain,
} from '../../src/wal/record.ts'
import {
  eachBitFlipped,
  genesisOf,
  OTHER_STORE_ID,
  type RecordFields,
  SegmentBuilder,
  STORE_ID,
  utf8,
} from '../support/byte-builder.ts'
import { checksum } from '../support/log-fixture.ts'

const SEED = headerSeed(checksum, STORE_ID)
const GENESIS = genesisOf(STORE_ID)
const HEADER = { type: 1, lsn: 1, epoch: 1, timeMs: 77 }

const built = (fields: RecordFields = {}, payload: string | Uint8Array = 'twelve bytes') =>
  new SegmentBuilder().record(payload, { timeMs: 77, ...fields }).bytes()
const decode = (bytes: Uint8Array, seed = SEED) => decodeRecordHeader(bytes.subarray(0, 36), seed, checksum)

function encode(payload: Uint8Array, target = new Uint8Array(recordBytes(payload.byteLength)), offset = 0): Uint8Array {
  encodeRecord(target, offset, HEADER, payload, GENESIS, SEED, checksum)
  return target
}

describe('a record', () => {
  test('is the bytes of the table in FORMAT.md, for every length of padding', () => {
    for (let length = 1; length <= 24; length++) {
      const payload = new Uint8Array(length).fill(length)
      expect(encode(payload), `${length} bytes`).toEqual(built({}, payload))
    }
  })

  test('touches only its own bytes of a larger buffer', () => {
    const target = new Uint8Array(100)
    encode(utf8('abc'), target, 16)
    expect(target.subarray(16, 64)).toEqual(built({}, 'abc'))
    expect([...target.subarray(0, 16), ...target.subarray(64)].every((byte) => byte === 0)).toBe(true)
  })

  test('returns the chain that it stores', () => {
    const target = new Uint8Array(48)
    const chain = encodeRecord(target, 0, HEADER, utf8('abc'), GENESIS, SEED, checksum)
    expect([storedChain(target), computeChain(target, GENESIS, checksum)]).toEqual([chain, chain])
  })

  test('comes back as it was', () => {
    const expected = { payloadBytes: 12, type: 1, flags: 0, lsn: 1, epoch: 1, timeMs: 77 }
    expect(decode(built())).toEqual(expected)
    const large = Number.MAX_SAFE_INTEGER
    expect(decode(built({ lsn: large, epoch: large, timeMs: large }))).toMatchObject({
      lsn: large,
      epoch: large,
      timeMs: large,
    })
  })

  test('with any one bit flipped fails its header checksum or its chain', () => {
    for (const [bitIndex, flipped] of eachBitFlipped(built())) {
      if (bitIndex < 36 * 8) expect(decode(flipped), `bit ${bitIndex}`).toBe('checksum')
      expect(storedChain(flipped), `bit ${bitIndex}`).not.toBe(computeChain(flipped, GENESIS, checksum))
    }
  })

  test('depends on every record before it', () => {
    expect(storedChain(built())).not.toBe(computeChain(built(), GENESIS + 1n, checksum))
  })

  test('of another store does not pass', () => {
    expect(decode(built({ seedStoreId: OTHER_STORE_ID }))).toBe('checksum')
    expect(decode(built(), headerSeed(checksum, OTHER_STORE_ID))).toBe('checksum')
  })

  test('of zeros does not pass', () => {
    expect(decode(new Uint8Array(36))).toBe('checksum')
  })

  test('with numbers that no writer has does not pass, though its checksum holds', () => {
    for (const fields of [
      { length: 0 },
      { length: MAX_PAYLOAD_BYTES + 1 },
      { length: 0xffff_ffff },
      { type: 0 },
      { lsn: 2n ** 53n },
      { epoch: 2n ** 64n - 1n },
      { timeMs: 2n ** 53n },
    ]) {
      expect(
        decode(built(fields)),
        JSON.stringify(fields, (_, value) => String(value)),
      ).toBe('fields')
    }
  })

  test('of the largest length passes', () => {
    expect(decode(built({ length: MAX_PAYLOAD_BYTES }))).toMatchObject({ payloadBytes: MAX_PAYLOAD_BYTES })
  })

  test('of a type, or with flags, that only a newer release has is told apart', () => {
    const known = [{}, { type: 2 }, { type: 3 }, { flags: 1 }].map((fields) => {
      const header = decode(built(fields))
      return typeof header === 'object' && isKnownRecord(header)
    })
    expect(known).toEqual([true, true, false, false])
  })
})

describe('a seal', () => {
  const seal = { records: 2, sealedBytes: 176, chain: 0x1234_5678_9abc_def0n }
  const sealed = new SegmentBuilder()
    .seal({ records: seal.records, sealedBytes: seal.sealedBytes, lastChain: seal.chain, lsn: 2 })
    .bytes()

  const soundSeal = () =>
    new SegmentBuilder({ previousChain: seal.chain }).seal({ records: 2, sealedBytes: 176, lsn: 2 }).bytes()

  test('has the payload of the table in FORMAT.md', () => {
    expect(encodeSealPayload(seal)).toEqual(sealed.subarray(36, 60))
  })

  test('is checked with the chain that it repeats, so that it holds where the records before it do not', () => {
    expect(decodeSeal(soundSeal(), checksum)).toEqual(seal)
    expect(decodeSeal(sealed, checksum)).toBeUndefined()
  })

  test('with any one bit flipped does not hold', () => {
    for (const [bitIndex, flipped] of eachBitFlipped(soundSeal())) {
      expect(decodeSeal(flipped, checksum), `bit ${bitIndex}`).toBeUndefined()
    }
  })

  test('of another length is none', () => {
    expect(decodeSeal(sealed.subarray(0, 64), checksum)).toBeUndefined()
  })
})
