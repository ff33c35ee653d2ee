import { expect, test } from 'vitest'
import {
  FRAME_LIMIT_BYTES,
  MARK_CHECKSUM_OFFSET,
  MARK_FILE_BYTES,
  MARK_MAGIC,
  MARK_SLOT_BYTES,
  MARK_SLOT_STRIDE,
  recordBytes,
  SEAL_BYTES,
  SEGMENT_CHECKSUM_OFFSET,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
} from '../../src/wal/format.ts'

test('the magics read as text in a hex dump', () => {
  expect(new TextDecoder().decode(SEGMENT_MAGIC)).toBe('annalsWL')
  expect(new TextDecoder().decode(MARK_MAGIC)).toBe('annalsDM')
})

test('a record takes header, payload, padding to 8 bytes, and chain', () => {
  expect([1, 4, 5, 12, 13, 100].map(recordBytes)).toEqual([48, 48, 56, 56, 64, 144])
  expect(SEAL_BYTES).toBe(72)
})

test('the checksum stands in the last eight bytes of a header and of a slot', () => {
  expect(SEGMENT_CHECKSUM_OFFSET + 8).toBe(SEGMENT_HEADER_BYTES)
  expect(MARK_CHECKSUM_OFFSET + 8).toBe(MARK_SLOT_BYTES)
})

test('a slot of any version fits its page', () => {
  expect(FRAME_LIMIT_BYTES).toBe(MARK_SLOT_STRIDE)
  expect(MARK_FILE_BYTES).toBe(2 * MARK_SLOT_STRIDE)
})
