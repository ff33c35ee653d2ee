import { describe, expect, test } from 'vitest'
import { verifyFiles } from '../../src/replay/verify.ts'
import type { VerifyReport } from '../../src/replay/verify-report.ts'
import { yieldToEventLoop } from '../../src/store/event-loop.ts'
import { MARK_PATH, SEAL_BYTES, SEGMENT_HEADER_BYTES } from '../../src/wal/format.ts'
import { endingOf, StoreFixture, someEntries } from '../store/support/store-fixture.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf } from '../support/log-fixture.ts'
import { checksum } from './replay-fixture.ts'

function verify(files: CrashableFiles, options: { signal?: AbortSignal } = {}): Promise<VerifyReport | undefined> {
  return verifyFiles(files, { checksum, yieldToEventLoop, ...options })
}

/** A closed store with several segments. */
async function closedStore(): Promise<{ files: CrashableFiles; digest: string; lsn: number; segments: string[] }> {
  const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, { segmentSizeBytes: 4096 })
  for (let round = 0; round < 12; round += 1) await vectors.add(someEntries(60))
  const { data, lsn } = await store.digest()
  await store.close()
  const segments = fixture.files.paths().filter((path) => path.endsWith('.wal'))
  return { files: fixture.files.restartImage(), digest: data, lsn, segments }
}

describe('verify', () => {
  test('finds nothing wrong with a sound store, and the digest of its state', async () => {
    const { files, digest, lsn, segments } = await closedStore()
    const report = await verify(files)
    expect(report).toMatchObject({ ok: true, problems: [], lsn, durableLsn: lsn, records: lsn, digest })
    expect(report?.segments.map(({ path }) => path)).toEqual(segments)
    expect(report?.segments.every(({ sealed }) => sealed)).toBe(true)
    expect(segments.length).toBeGreaterThan(2)
  })

  test('counts the bytes and the records of each segment', async () => {
    const { files, lsn, segments } = await closedStore()
    const report = (await verify(files))!
    expect(report.bytes).toBe(segments.reduce((sum, path) => sum + files.readWhole(path).byteLength, 0))
    expect(report.segments[0]?.firstLsn).toBe(1)
    for (const [index, segment] of report.segments.entries()) {
      expect(segment.lastLsn).toBe((report.segments[index + 1]?.firstLsn ?? lsn + 1) - 1)
    }
  })

  test('changes nothing', async () => {
    const { files, segments } = await closedStore()
    files.flipBit(segments[1]!, 200 * 8)
    const before = files.contentHash()
    await verify(files)
    expect(files.contentHash()).toBe(before)
    expect(files.mutations).toEqual([])
  })

  test('lists every damaged segment, and the LSN up to which all is well', async () => {
    const { files, segments } = await closedStore()
    files.flipBit(segments[1]!, 200 * 8)
    files.flipBit(segments[3]!, 20 * 8)
    const report = (await verify(files))!
    expect(report.ok).toBe(false)
    expect(report.problems.map(({ code, segment }) => [code, segment])).toEqual([
      ['ERR_LOG_CORRUPT', segments[1]],
      ['ERR_LOG_CORRUPT', segments[3]],
    ])
    expect(report.lsn).toBe(report.segments[1]!.firstLsn - 1)
    expect(report.problems[0]).toMatchObject({ lsn: report.lsn + 1, offset: 80 })
  })

  test('lists every segment that ends too early, where a seal and the records before it are gone', async () => {
    const { files, segments } = await closedStore()
    const sound = (await verify(files))!
    for (const { path, firstLsn, lastLsn, sizeBytes } of [sound.segments[1]!, sound.segments[3]!]) {
      // Their records are all of one size, so the last one can be cut off whole.
      const recordsBytes = sizeBytes - SEGMENT_HEADER_BYTES - SEAL_BYTES
      files.cut(path, sizeBytes - SEAL_BYTES - recordsBytes / (lastLsn - firstLsn + 1))
    }
    const report = (await verify(files))!
    expect(report.problems.map(({ segment }) => segment)).toEqual([segments[1], segments[3]])
    expect(report.lsn).toBe(sound.segments[1]!.lastLsn - 1)
  })

  test('notices a segment that is gone', async () => {
    const { files, segments } = await closedStore()
    await files.remove(segments[1]!)
    const report = (await verify(files))!
    expect(report.ok).toBe(false)
    expect(report.problems.map(({ code }) => code)).toContain('ERR_LOG_CORRUPT')
    expect(report.problems[0]?.message).toMatch(/the segment ends before the next begins/)
  })

  test('gives the digest of the state up to the damage', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    const { data } = await store.digest()
    await vectors.add(someEntries(9))
    await store.close()
    const path = 'wal/0000000000000001.wal'
    fixture.files.flipBit(path, (fixture.files.readWhole(path).byteLength - SEAL_BYTES - 30) * 8)
    expect(await verify(fixture.files)).toMatchObject({ ok: false, lsn: 2, digest: data })
  })

  test.each([
    // The newest slot is gone, so the last record is one that nothing vouches for.
    ['one slot', [20], 1],
    ['both slots', [20, 4096 + 20], 0],
  ])('names a durable mark of which %s does not hold', async (_, offsets, unvouched) => {
    const { files, lsn } = await closedStore()
    for (const offset of offsets) files.flipBit(MARK_PATH, offset * 8)
    const report = (await verify(files))!
    expect(report).toMatchObject({ ok: false, lsn: lsn - unvouched })
    expect(report.problems).toMatchObject([{ segment: MARK_PATH }])
  })

  test('says so where the mark was written by a newer release', async () => {
    const { files } = await closedStore()
    const bytes = files.readWhole(MARK_PATH)
    for (const start of [0, 4096]) {
      const slot = bytes.subarray(start, start + 80)
      slot[8] = 2
      new DataView(slot.buffer, slot.byteOffset).setBigUint64(72, checksum.xxh64(slot.subarray(0, 72), 0n), true)
    }
    files.writeWhole(MARK_PATH, bytes)
    expect((await verify(files))?.problems[0]).toMatchObject({ code: 'ERR_FORMAT_VERSION' })
  })

  test('works where opening fails', async () => {
    const { files, segments } = await closedStore()
    files.flipBit(segments[0]!, 100 * 8)
    expect(await endingOf(() => StoreFixture.open({}, files))).toBe('ERR_LOG_CORRUPT')
    expect(await verify(files)).toMatchObject({ ok: false, lsn: 0, records: 0 })
  })

  test('does not mind what a writer beside it has not finished', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, { durability: 'async' })
    await vectors.add(someEntries(3))
    await store.sync()
    await vectors.add(someEntries(3))
    const files = fixture.files.restartImage()
    const path = 'wal/0000000000000001.wal'
    files.cut(path, files.readWhole(path).byteLength - 5)
    expect(await verify(files)).toMatchObject({ ok: true, lsn: 2, durableLsn: 2 })
    await store.close()
  })

  test('finds nothing wrong again and again while a writer writes and rotates', async () => {
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, { segmentSizeBytes: 4096 })
    let isWriting = true
    const writing = (async () => {
      for (let round = 0; round < 40; round += 1) await vectors.add(someEntries(30))
      isWriting = false
    })()
    while (isWriting) expect((await verify(fixture.files))?.problems).toEqual([])
    await writing
    await store.close()
  })

  test('finds nothing wrong again and again while a writer takes snapshots and lets go of log', async () => {
    const options = { segmentSizeBytes: 4096, snapshotRecords: 6, snapshotBytes: Number.POSITIVE_INFINITY, threads: 0 }
    const { fixture, store, vectors } = await StoreFixture.withCollection(undefined, options)
    let isWriting = true
    const writing = (async () => {
      for (let round = 0; round < 120; round += 1) {
        await vectors.add(someEntries(30))
        await yieldToEventLoop()
      }
    })().finally(() => {
      isWriting = false
    })
    let withSnapshots = 0
    while (isWriting) {
      const report = (await verify(fixture.files))!
      expect(report.problems).toEqual([])
      if (report.snapshots.length > 0) withSnapshots += 1
      // Files in memory answer within the turn that asks.
      await yieldToEventLoop()
    }
    await writing
    expect(withSnapshots).toBeGreaterThan(1)
    expect((await store.verify()).problems).toEqual([])
    expect(store.stats().oldestLsn).toBeGreaterThan(0)
    await store.close()
    expect((await verify(fixture.files))?.problems).toEqual([])
  })

  test('has nothing to say where there is no store', async () => {
    expect(await verify(new CrashableFiles())).toBeUndefined()
  })

  test('stops when it is aborted', async () => {
    const { files } = await closedStore()
    const error = await errorOf(verify(files, { signal: AbortSignal.abort('enough') }))
    expect([error.code, error.cause]).toEqual(['ERR_ABORTED', 'enough'])
  })
})
