import { describe, expect, test } from 'vitest'
import { IDS, ORIGINALS, PART_HEADER_BYTES, SMALL_PAGE_BYTES } from '../../src/snapshots/format.ts'
import { partPath } from '../../src/snapshots/names.ts'
import { partFileBytes } from '../../src/snapshots/part.ts'
import { PageWindow, PartRange } from '../../src/snapshots/part-range.ts'
import { PartReader } from '../../src/snapshots/part-reader.ts'
import { measurePart, writePart } from '../../src/snapshots/part-writer.ts'
import { SyncQueue } from '../../src/snapshots/sync-queue.ts'
import { checksum, noYield } from '../engine/engine-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { Random } from '../support/random.ts'
import { errorOf, STORE_ID } from './snapshot-fixture.ts'

const TOOLS = { checksum, yieldToEventLoop: noYield }
const PAGE = SMALL_PAGE_BYTES - 8

async function written(contentBytes: number, kind = ORIGINALS, pieceBytes = 1000) {
  const content = new Random(contentBytes).nextBytes(contentBytes)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < contentBytes; at += pieceBytes) pieces.push(content.subarray(at, at + pieceBytes))
  const files = new CrashableFiles()
  await files.makeDirectory('snapshots')
  const identity = { storeId: STORE_ID, creationLsn: 1, kind, chunk: 2, lsn: 9, number: 1, contentBytes }
  const syncs = new SyncQueue()
  const entry = await writePart(files, identity, pieces, syncs, TOOLS)
  await syncs.drain()
  expect(await measurePart(identity, [content], TOOLS)).toEqual(entry)
  return { files, content, entry }
}

const SIZES = [
  0,
  1,
  PAGE - PART_HEADER_BYTES,
  PAGE - PART_HEADER_BYTES + 1,
  2 * PAGE,
  1024 * 1024,
  3 * 1024 * 1024 + 77,
]

describe('a part', () => {
  test.each(SIZES)('of %i bytes comes back whole, in small pages and in large ones', async (bytes) => {
    for (const kind of [ORIGINALS, IDS]) {
      const { files, content, entry } = await written(bytes, kind, kind === IDS ? 1_500_000 : 1000)
      expect(files.readWhole(partPath(entry)).byteLength).toBe(partFileBytes(entry))
      const back = new Uint8Array(bytes)
      await PartReader.use(files, STORE_ID, entry, TOOLS, async (reader) => {
        for (let at = 0; at < bytes; at += 700_001) await reader.fill(back.subarray(at, at + 700_001))
      })
      expect(Buffer.compare(back, content)).toBe(0)
      await PartReader.use(files, STORE_ID, entry, TOOLS, (reader) => reader.skipRest())
      const unread = PartReader.use(files, STORE_ID, entry, TOOLS, async () => {})
      if (bytes > 0) expect((await errorOf(unread)).code).toBe('ERR_SNAPSHOT_CORRUPT')
      const tooMuch = PartReader.use(files, STORE_ID, entry, TOOLS, (reader) => reader.takeBytes(bytes + 1))
      expect((await errorOf(tooMuch)).code).toBe('ERR_SNAPSHOT_CORRUPT')
    }
  })

  test('gives any place of it, and reads no page that it need not', async () => {
    const { files, content, entry } = await written(5 * PAGE + 99)
    const file = await files.open(partPath(entry), 'read')
    const range = new PartRange(file, STORE_ID, entry, checksum, new PageWindow())
    const random = new Random(1)
    for (let time = 0; time < 200; time++) {
      const from = random.nextInt(content.byteLength)
      const target = new Uint8Array(random.nextInt(Math.min(9000, content.byteLength - from) + 1))
      range.read(target, from)
      expect(Buffer.compare(target, content.subarray(from, from + target.byteLength))).toBe(0)
    }
    const before = files.operations.length
    range.read(new Uint8Array(400), 2 * PAGE)
    expect(files.operations.slice(before)).toEqual([
      expect.stringContaining(`${SMALL_PAGE_BYTES}@${2 * SMALL_PAGE_BYTES}`),
    ])
    expect(() => range.read(new Uint8Array(2), content.byteLength - 1)).toThrow(RangeError)
    expect(() => range.read(new Uint8Array(2), -1)).toThrow(RangeError)
  })

  test('of many pages comes in few reads, and what was read last is not read again', async () => {
    const { files, content, entry } = await written(100 * PAGE)
    const file = await files.open(partPath(entry), 'read')
    const window = new PageWindow()
    const [range, other] = [1, 2].map(() => new PartRange(file, STORE_ID, entry, checksum, window)) as [
      PartRange,
      PartRange,
    ]
    const before = files.operations.length
    const whole = new Uint8Array(content.byteLength)
    range.read(whole, 0)
    expect(Buffer.compare(whole, content)).toBe(0)
    expect(files.operations.length - before).toBe(4)
    for (let row = 0; row < 10; row++) range.read(new Uint8Array(400), 99 * PAGE + row * 400)
    expect(files.operations.length - before).toBe(4)
    other.read(new Uint8Array(400), 99 * PAGE)
    range.read(new Uint8Array(400), 99 * PAGE)
    expect(files.operations.length - before).toBe(6)
  })

  test('refuses a place whose page is damaged, and no other', async () => {
    const { files, entry } = await written(5 * PAGE)
    files.flipBit(partPath(entry), (3 * SMALL_PAGE_BYTES + 5) * 8)
    const file = await files.open(partPath(entry), 'read')
    const range = new PartRange(file, STORE_ID, entry, checksum, new PageWindow())
    range.read(new Uint8Array(100), PAGE)
    // Twice: what was read of a damaged page is not taken for good the next time.
    for (const _ of [1, 2]) {
      const details = { offset: 3 * SMALL_PAGE_BYTES, path: partPath(entry) }
      expect(() => range.read(new Uint8Array(PAGE), 2 * PAGE)).toThrow(
        expect.objectContaining({ code: 'ERR_SNAPSHOT_CORRUPT', details: expect.objectContaining(details) }),
      )
    }
    range.read(new Uint8Array(100), PAGE)
    files.cut(partPath(entry), 2 * SMALL_PAGE_BYTES)
    const reason = 'it is too short'
    expect(() => range.read(new Uint8Array(10), 4 * PAGE)).toThrow(
      expect.objectContaining({ details: { reason, path: partPath(entry), offset: 4 * SMALL_PAGE_BYTES } }),
    )
    files.failWhen((operation) => operation.startsWith('readNow'), 'EIO')
    expect(() => range.read(new Uint8Array(10), 0)).toThrow(expect.objectContaining({ code: 'ERR_IO' }))
  })

  test('whose content is not as long as was said is not written', async () => {
    const identity = { storeId: STORE_ID, creationLsn: 1, kind: IDS, chunk: 0, lsn: 1, number: 1, contentBytes: 3 }
    await expect(measurePart(identity, [new Uint8Array(4)], TOOLS)).rejects.toThrow(RangeError)
  })
})
