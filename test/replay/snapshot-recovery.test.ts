import { describe, expect, test, vi } from 'vitest'
import { recoverForReading, recoverForWriting } from '../../src/replay/recovery.ts'
import { OTHER_STORE_ID } from '../support/byte-builder.ts'
import type { CrashableFiles } from '../support/crashable-files.ts'
import { errorOf, outcomeOf } from '../support/log-fixture.ts'
import {
  addSnapshot,
  damage,
  expectState,
  type History,
  historyOf,
  manifestOf,
  OPTIONS,
  randomHistory,
  read,
  retain,
  segmentsOf,
  settled,
  timeOf,
  withSnapshots,
  write,
} from './history-fixture.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const SMALL: History = await randomHistory(3, 40)

/** Parts that only the snapshot at an LSN has. */
function partsOf(files: CrashableFiles, lsn: number): string[] {
  return files.paths().filter((path) => path.startsWith(manifestOf(lsn).slice(0, 26)) && path.endsWith('.part'))
}

describe('a snapshot and the log behind it', () => {
  test.each([1, 2, 3, 4])('are the whole log, whichever record it was taken at (%i)', async (seed) => {
    const history = await randomHistory(seed, 60)
    for (let lsn = 1; lsn <= history.lastLsn; lsn++) {
      const files = await withSnapshots(history, lsn)
      const reading = await read(files)
      await expectState(reading, history, history.lastLsn, `read, snapshot at ${lsn}`)
      const writing = await write(files)
      await expectState(writing, history, history.lastLsn, `written, snapshot at ${lsn}`)
      for (const { report, snapshot, position } of [reading, writing]) {
        expect([report.snapshotLsn, report.records, report.problems]).toEqual([lsn, history.lastLsn - lsn, []])
        expect([snapshot?.position.lsn, position.lsn]).toEqual([lsn, history.lastLsn])
      }
    }
  })

  test('read only the segments that are needed', async () => {
    const lsn = SMALL.lastLsn - 3
    const files = await withSnapshots(SMALL, lsn)
    const { report } = await read(files)
    const opened = files.operations.filter((text) => text.startsWith('open wal/0'))
    const last = segmentsOf(files).at(-1)!
    expect(segmentsOf(files).length).toBeGreaterThan(2)
    expect(opened).toContain(`open ${last} read`)
    const bytes = files.operations.filter((text) => text.startsWith(`read ${segmentsOf(files)[0]}`))
    // Sizes of what is not needed are taken from the headers.
    expect(bytes).toHaveLength(1)
    expect(report.bytes).toBeLessThan(files.readWhole(last).byteLength * 2)
  })

  test('go on as the store they are of', async () => {
    const whole = await historyOf(SMALL.payloads)
    const first = await historyOf(SMALL.payloads.slice(0, 30))
    const files = await withSnapshots(first, 17)
    const { log, applied } = await write(files)
    for (let lsn = 31; lsn <= 40; lsn++) {
      await log.append(SMALL.payloads[lsn - 1]!, timeOf(lsn), 'sync')
      expect(applied()).toEqual(whole.points[lsn])
    }
    await log.close()
    await expectState(await read(files), whole, 40)
    await addSnapshot(whole, files, 40)
    await expectState(await write(files), whole, 40)
  })

  test('are used whatever happened to the log that the snapshot holds', async () => {
    const lsn = 30
    const files = await withSnapshots(SMALL, lsn)
    const segments = segmentsOf(files)
    const joint = segments.findLast((path) => Number(path.slice(4, 20)) <= lsn + 1)!
    expect(segments.indexOf(joint)).toBeGreaterThan(0)
    for (const path of segments.slice(0, segments.indexOf(joint))) {
      const changed = settled(files)
      damage(changed, path)
      await expectState(await read(changed), SMALL, 40)
      expect((await write(changed)).report.problems).toEqual([])
      await changed.remove(path)
      await expectState(await write(changed), SMALL, 40)
    }
    files.flipBit(joint, 10 * 8)
    for (const recovered of [await read(files), await write(files)]) {
      await expectState(recovered, SMALL, 40)
      expect(recovered.report.problems).toEqual([
        `${joint} is damaged at or below LSN 30, which the log is not needed for: in its header, the checksum is wrong`,
      ])
    }
  })

  test('need no log where the mark says that there is none behind the snapshot', async () => {
    const files = await withSnapshots(SMALL, 40)
    for (const path of segmentsOf(files)) await files.remove(path)
    await expectState(await read(files), SMALL, 40)
    const { log, report, position } = await write(files)
    expect([report.problems, report.snapshotLsn, position.lsn, log.oldestLsn]).toEqual([[], 40, 40, 41])
    await log.append(SMALL.payloads[1]!, timeOf(41), 'sync')
    await log.close()
    expect((await read(files)).state.lsn).toBe(41)
  })

  test('are refused where log is missing between them and the mark, naming it', async () => {
    const files = await withSnapshots(SMALL, 20)
    const removed = segmentsOf(files).filter((path) => Number(path.slice(4, 20)) <= 30)
    for (const path of removed) await files.remove(path)
    const next = Number(segmentsOf(files)[0]!.slice(4, 20))
    const before = files.contentHash()
    for (const work of [() => recoverForWriting(files, OPTIONS), () => recoverForReading(files, OPTIONS)]) {
      const error = await errorOf(work())
      expect([error.code, error.details.lsn, error.details.reason]).toEqual([
        'ERR_LOG_CORRUPT',
        21,
        `LSN 21 to ${next - 1} are missing: the next segment starts at LSN ${next}`,
      ])
    }
    expect(files.contentHash()).toBe(before)
  })

  test('are served read-only where the end of the log cannot be mended', async () => {
    const files = await withSnapshots(SMALL, 20)
    files.failWhen((operation) => operation === 'open wal/durable.tmp create', 'EACCES')
    const recovered = await recoverForWriting(files, OPTIONS)
    expect([recovered.log, recovered.readOnlyBecause?.code]).toEqual([undefined, 'ERR_PERMISSION'])
    expect(recovered.report.snapshotLsn).toBe(20)
    await expectState(recovered, SMALL, 40)
  })

  test('report their progress one after the other', async () => {
    const files = await withSnapshots(SMALL, 20)
    const seen: [string, number, number][] = []
    await recoverForReading(files, { ...OPTIONS, onProgress: (...progress) => seen.push(progress) })
    const phases = [...new Set(seen.map(([phase]) => phase))]
    expect(phases).toEqual(['snapshot', 'replay'])
    for (const phase of phases) {
      const of = seen.filter((one) => one[0] === phase)
      expect(of.map(([, done]) => done)).toEqual(of.map(([, done]) => done).toSorted((a, b) => a - b))
      expect(of.at(-1)?.[1]).toBe(of.at(-1)?.[2])
    }
  })

  test('stop when they are aborted', async () => {
    const files = await withSnapshots(SMALL, 20)
    const signal = AbortSignal.abort(new Error('enough'))
    expect(await outcomeOf(recoverForWriting(files, { ...OPTIONS, signal }))).toBe('ERR_ABORTED')
    expect(await outcomeOf(recoverForReading(files, { ...OPTIONS, signal }))).toBe('ERR_ABORTED')
  })
})

describe('a snapshot that cannot be used', () => {
  test('is passed over for the older one, which is said', async () => {
    const files = await withSnapshots(SMALL, 15, 30)
    for (const path of [manifestOf(30), ...partsOf(files, 30)]) {
      for (const change of ['flip', 'cut', 'remove'] as const) {
        const damaged = settled(files)
        if (change === 'flip') damage(damaged, path)
        else if (change === 'cut') damaged.cut(path, 50)
        else await damaged.remove(path)
        // Without its manifest nobody knows that there was one.
        const isSilent = change === 'remove' && path === manifestOf(30)
        for (const recovered of [await read(damaged), await write(damaged)]) {
          await expectState(recovered, SMALL, 40, `${change} ${path}`)
          expect(recovered.report.snapshotLsn).toBe(15)
          const [first, second] = recovered.report.problems
          if (isSilent) expect(first).toBeUndefined()
          else {
            expect(first).toMatch(`the snapshot ${manifestOf(30)} was passed over: ${path} is damaged: `)
            expect(second).toBe('the older snapshot at LSN 15 was opened instead')
          }
        }
      }
    }
  })

  test('is made up for by the whole log, which is said', async () => {
    const files = await withSnapshots(SMALL, 15, 30)
    damage(files, manifestOf(15))
    damage(files, manifestOf(30))
    for (const recovered of [await read(files), await write(files)]) {
      await expectState(recovered, SMALL, 40)
      expect([recovered.snapshot, recovered.report.snapshotLsn, recovered.report.records]).toEqual([
        undefined,
        undefined,
        40,
      ])
      expect(recovered.report.problems).toEqual([
        `the snapshot ${manifestOf(30)} was passed over: ${manifestOf(30)} is damaged: the checksum is wrong`,
        `the snapshot ${manifestOf(15)} was passed over: ${manifestOf(15)} is damaged: the checksum is wrong`,
        'no snapshot could be used, so the whole log was replayed',
      ])
    }
  })

  test('cannot be made up for by a log whose beginning was dropped, and it is said what is missing and why', async () => {
    const files = await retain(await withSnapshots(SMALL, 15, 30), [15, 30])
    const firstLsn = Number(segmentsOf(files)[0]!.slice(4, 20))
    expect(firstLsn).toBeGreaterThan(1)
    damage(files, manifestOf(30))
    await expectState(await read(files), SMALL, 40)
    damage(files, manifestOf(15))
    const before = files.contentHash()
    for (const work of [() => recoverForWriting(files, OPTIONS), () => recoverForReading(files, OPTIONS)]) {
      const { code, message, details } = await errorOf(work())
      expect([code, details.lsn]).toEqual(['ERR_LOG_CORRUPT', 1])
      expect(message).toContain(`LSN 1 to ${firstLsn - 1} are missing: the next segment starts at LSN ${firstLsn}`)
      expect(message).toContain(`the snapshot ${manifestOf(30)} was passed over: ${manifestOf(30)} is damaged`)
      expect(message).toContain(`the snapshot ${manifestOf(15)} was passed over: ${manifestOf(15)} is damaged`)
    }
    expect(files.contentHash()).toBe(before)
  })

  test('may be of another store', async () => {
    const files = await withSnapshots(SMALL, 15)
    await addSnapshot(SMALL, files, 30, { storeId: OTHER_STORE_ID })
    const withMark = await read(files)
    await files.remove('wal/durable')
    for (const recovered of [withMark, await write(files)]) {
      await expectState(recovered, SMALL, 40)
      expect([recovered.report.snapshotLsn, recovered.report.problems[0]]).toEqual([
        15,
        expect.stringMatching(/belongs to another store$/),
      ])
    }
  })

  test('may be of another history of this store', async () => {
    const position = { ...SMALL.points[30]!, chain: 5n }
    for (const older of [[15], []]) {
      const files = await withSnapshots(SMALL, ...older)
      await addSnapshot(SMALL, files, 30, { position })
      for (const recovered of [await read(files), await write(files)]) {
        await expectState(recovered, SMALL, 40)
        expect([recovered.report.snapshotLsn, recovered.report.problems[0]]).toEqual([
          older[0],
          expect.stringMatching(/passed over: .* contradicts what LSN 30 is known to be: /),
        ])
      }
    }
    const whole = await retain(await withSnapshots(SMALL, 30), [30])
    expect(segmentsOf(whole)[0]).not.toBe(segmentsOf(SMALL.log)[0])
    await whole.remove(manifestOf(30))
    await addSnapshot(SMALL, whole, 30, { position })
    const error = await errorOf(recoverForWriting(whole, OPTIONS))
    expect([error.code, error.details.lsn]).toEqual(['ERR_LOG_CORRUPT', 1])
    expect(error.message).toContain('contradicts what LSN 30 is known to be')
  })

  test('is refused where it is of a newer format, not passed over', async () => {
    const files = await withSnapshots(SMALL, 15, 30)
    const bytes = files.readWhole(manifestOf(30))
    const view = new DataView(bytes.buffer)
    view.setUint32(8, 3, true)
    const sum = OPTIONS.checksum.xxh64(bytes.subarray(0, bytes.byteLength - 8), 0n)
    view.setBigUint64(bytes.byteLength - 8, sum, true)
    files.writeWhole(manifestOf(30), bytes)
    expect(await outcomeOf(recoverForWriting(files, OPTIONS))).toBe('ERR_FORMAT_VERSION')
    expect(await outcomeOf(recoverForReading(files, OPTIONS))).toBe('ERR_FORMAT_VERSION')
  })

  test('does not hide damage behind it', async () => {
    const files = await withSnapshots(SMALL, 15, 30)
    damage(files, segmentsOf(files).at(-1)!, 0.4)
    const error = await errorOf(recoverForWriting(files, OPTIONS))
    expect([error.code, Number(error.details.lsn) > 30]).toEqual(['ERR_LOG_CORRUPT', true])
  })
})

test('an error of the disk at any call is typed, or a snapshot is passed over', async () => {
  const source = await retain(await withSnapshots(SMALL, 15, 30), [15, 30])
  const whole = settled(source)
  await write(whole)
  const outcomes = new Map<string, number>()
  for (let number = 1; number <= whole.operations.length; number++) {
    const where = whole.operations[number - 1]!
    if (where.startsWith('close')) continue
    const files = settled(source)
    files.failAt(number, 'EIO')
    const result = await outcomeOf(recoverForWriting(files, OPTIONS))
    const name = typeof result === 'string' ? result : `opened from ${result.report.snapshotLsn}`
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
    if (typeof result !== 'string') await expectState(result, SMALL, 40, where)
    else expect(where).toMatch(/wal|^list snapshots/)
  }
  expect([...outcomes.keys()].toSorted()).toEqual(['ERR_IO', 'opened from 15', 'opened from 30'])
})
