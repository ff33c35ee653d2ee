import { expect, test } from 'vitest'
import { CHUNK_SLOTS } from '../../src/base/limits.ts'
import { FreedChunks, passFreed } from '../../src/engine/freed-chunks.ts'

test('knows the chunks that were freed, now and at a capture', () => {
  const freed = new FreedChunks()
  const empty = freed.capture(9)
  for (const chunk of [3, 0, 3, 131_071]) freed.add(chunk)
  const capture = freed.capture(9)
  freed.add(4)
  expect([freed.count, freed.list(9), freed.list(3)]).toEqual([4, [0, 3, 4], [0]])
  const slots = [0, CHUNK_SLOTS - 1, CHUNK_SLOTS, CHUNK_SLOTS * 3, CHUNK_SLOTS * 4, 2 ** 31 - 1, -1]
  expect(slots.map((slot) => freed.hasSlot(slot))).toEqual([true, true, false, true, true, true, false])
  expect(slots.map(capture)).toEqual([true, true, false, true, false, false, false])
  expect(slots.map(empty)).toEqual(slots.map(() => false))
})

test('passes over freed chunks that follow each other, and over none else', () => {
  const freed = new FreedChunks()
  for (const chunk of [0, 1, 3]) freed.add(chunk)
  const chunked = { isFreed: (slot: number) => freed.hasSlot(slot) }
  const slots = [0, 5, CHUNK_SLOTS, CHUNK_SLOTS * 2, CHUNK_SLOTS * 3 - 1, CHUNK_SLOTS * 3, CHUNK_SLOTS * 9]
  const twice = CHUNK_SLOTS * 2
  expect(slots.map((slot) => passFreed(chunked, slot))).toEqual([
    twice,
    twice,
    twice,
    twice,
    CHUNK_SLOTS * 3 - 1,
    CHUNK_SLOTS * 4,
    CHUNK_SLOTS * 9,
  ])
})
