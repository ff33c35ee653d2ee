import { describe, expect, test } from 'vitest'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  readSegmentHeader,
  type SegmentHeader,
  segmentLsnOf,
  segmentPath,
} from '../../src/wal/segment-header.ts'
import { eachBitFlipped, type HeaderFields, joined, SegmentBuilder, STORE_ID } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { checksum } from '../support/log-fixture.ts'

const HEADER: SegmentHeader = {
  storeId: STORE_ID,
  epoch: 3,
  firstLsn: 42,
  previousChain: 0xfedc_ba98_7654_3210n,
  previousTimeMs: 1_800_000_000_123,
  rewritten: false,
}
const FIELDS = { epoch: 3, firstLsn: 42, previousChain: HEADER.previousChain, previousTimeMs: HEADER.previousTimeMs }

const built = (fields: HeaderFields): Uint8Array => new SegmentBuilder().header({ ...FIELDS, ...fields }).bytes()
const decode = (bytes: Uint8Array) => decodeSegmentHeader(bytes, checksum)
const reasonFor = (bytes: Uint8Array): unknown => {
  const result = decode(bytes)
  return result.kind === 'damaged' ? result.reason : result
}

describe('a segment header', () => {
  test('is the bytes of the table in FORMAT.md', () => {
    expect(encodeSegmentHeader(HEADER, checksum)).toEqual(built({}))
    expect(encodeSegmentHeader({ ...HEADER, rewritten: true }, checksum)).toEqual(built({ flags: 1 }))
  })

  test('comes back as it was, whatever follows it', () => {
    for (const header of [HEADER, { ...HEADER, rewritten: true }, { ...HEADER, epoch: Number.MAX_SAFE_INTEGER }]) {
      const bytes = encodeSegmentHeader(header, checksum)
      expect(decode(bytes)).toEqual({ kind: 'header', header })
      expect(decode(joined(bytes, new Uint8Array(100).fill(7)))).toEqual({ kind: 'header', header })
    }
  })

  test('with any one bit flipped is damaged, never newer', () => {
    for (const [bitIndex, flipped] of eachBitFlipped(built({})))
      expect(decode(flipped).kind, `bit ${bitIndex}`).toBe('damaged')
  })

  test('cut at any length is damaged', () => {
    for (let size = 0; size < 80; size++)
      expect(decode(built({}).subarray(0, size)).kind, `${size} bytes`).toBe('damaged')
  })

  test('says what is wrong with it', () => {
    expect(reasonFor(new Uint8Array(3))).toBe('the file is shorter than its header')
    expect(reasonFor(built({ magic: 'annalsDM' }))).toBe('the magic is wrong')
    expect(reasonFor(new Uint8Array(80))).toBe('the magic is wrong')
    expect(reasonFor(built({ claimedLength: 0 }))).toBe('the length is wrong')
    expect(reasonFor(built({ claimedLength: 0xffff_ffff }))).toBe('the length is wrong')
    expect(reasonFor(built({ checksum: 1n }))).toBe('the checksum is wrong')
    expect(reasonFor(built({ version: 0 }))).toBe('the version is not one')
    expect(reasonFor(built({ length: 88 }))).toBe('the version is not one')
  })

  test('with numbers that no writer has is damaged', () => {
    for (const fields of [
      { firstLsn: 0 },
      { firstLsn: 2n ** 53n },
      { epoch: 2n ** 64n - 1n },
      { previousTimeMs: 2n ** 63n },
    ]) {
      expect(reasonFor(built(fields))).toBe('a number is out of range')
    }
  })
})

describe('a header of a newer release', () => {
  test('is called newer by its version, shorter or longer than ours', () => {
    for (const length of [32, 80, 96, 4096]) {
      const bytes = length < 80 ? shortNewerHeader(length) : built({ version: 7, length })
      expect(decode(bytes)).toEqual({ kind: 'newer', version: 7 })
    }
  })

  test('is damaged when its checksum does not hold', () => {
    expect(reasonFor(built({ version: 2, checksum: 5n }))).toBe('the checksum is wrong')
  })

  test('is one of ours with flags that we do not know', () => {
    expect(decode(built({ flags: 2 })).kind).toBe('newer')
    expect(decode(built({ flags: 0x8000_0001 })).kind).toBe('newer')
  })

  test('is read to its end from a file', async () => {
    const files = new CrashableFiles()
    files.writeWhole('longer', built({ version: 2, length: 512 }))
    expect(await readSegmentHeader(await files.open('longer', 'read'), checksum)).toEqual({ kind: 'newer', version: 2 })
  })
})

describe('the name of a segment', () => {
  test('is its first LSN in sixteen digits', () => {
    expect(segmentPath(1)).toBe('wal/0000000000000001.wal')
    expect(segmentPath(Number.MAX_SAFE_INTEGER)).toBe('wal/9007199254740991.wal')
    expect(segmentLsnOf('0000000000000042.wal')).toBe(42)
    expect(segmentLsnOf('9007199254740991.wal')).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('is no other', () => {
    const others = ['durable', '0000000000000000.wal', '9007199254740992.wal', '1.wal', '0000000000000001.wal.tmp']
    for (const name of [...others, '00000000000000001.wal', 'x0000000000000001.wal', '000000000000000a.wal', '']) {
      expect(segmentLsnOf(name), name).toBeUndefined()
    }
  })
})

/** Magic, version, length and checksum alone: all that a future version has to keep. */
function shortNewerHeader(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes.set(built({}).subarray(0, 8))
  view.setUint32(8, 7, true)
  view.setUint32(12, length, true)
  view.setBigUint64(length - 8, checksum.xxh64(bytes.subarray(0, length - 8), 0n), true)
  return bytes
}
