import { describe, expect, test } from 'vitest'
import { headerSeed } from '../../src/wal/record.ts'
import {
  type Boundary,
  corruption,
  endsWithSeal,
  type SegmentScanOptions,
  scanSegment,
} from '../../src/wal/segment-scan.ts'
import { FIRST_SEGMENT, joined, OTHER_STORE_ID, SegmentBuilder, STORE_ID, utf8 } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { checksum } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'

const SEED = headerSeed(checksum, STORE_ID)

const sound = () => new SegmentBuilder().header().record('one').record('two').record('tri')

async function opened(bytes: Uint8Array) {
  const files = new CrashableFiles()
  files.writeWhole('segment', bytes)
  return { files, file: await files.open('segment', 'update') }
}

async function scan(built: SegmentBuilder | Uint8Array, options: Partial<SegmentScanOptions> = {}) {
  const { file, files } = await opened(built instanceof SegmentBuilder ? built.bytes() : built)
  const texts: string[] = []
  const onRecord = (record: { payload: Uint8Array }) => {
    texts.push(new TextDecoder().decode(record.payload))
    return undefined
  }
  const result = await scanSegment(file, { header: FIRST_SEGMENT, seed: SEED, checksum, onRecord, ...options })
  return { ...result, texts, files }
}

/** Where the scan stood still and why, in one line. */
async function defectOf(built: SegmentBuilder | Uint8Array, options?: Partial<SegmentScanOptions>): Promise<string> {
  const { defect } = await scan(built, options)
  return defect === undefined ? 'none' : `${defect.finding} at ${defect.offset}, LSN ${defect.lsn}: ${defect.reason}`
}

describe('a sound segment', () => {
  test('gives its records in order and ends where the file ends', async () => {
    const built = sound()
    const end: Boundary = { lsn: 3, chain: built.chain, timeMs: 3, epoch: 1, offset: 224 }
    expect(await scan(built)).toMatchObject({
      texts: ['one', 'two', 'tri'],
      end,
      sealed: false,
      defect: undefined,
      sizeBytes: 224,
    })
  })

  test('ends at its seal', async () => {
    expect(await scan(sound().seal())).toMatchObject({
      sealed: true,
      defect: undefined,
      sizeBytes: 296,
      end: { offset: 224, lsn: 3 },
    })
  })

  test('may be empty', async () => {
    expect(await scan(new SegmentBuilder().header())).toMatchObject({
      texts: [],
      defect: undefined,
      end: { lsn: 0, offset: 80 },
    })
  })

  test('reports the boundary after an LSN, the one before its first record included', async () => {
    const offsets = await Promise.all(
      [0, 1, 3, 4].map(async (boundaryLsn) => (await scan(sound(), { boundaryLsn })).boundary?.offset),
    )
    expect(offsets).toEqual([80, 128, 224, undefined])
  })

  test('may rise in epoch and stand still in time', async () => {
    const built = new SegmentBuilder().header().record('one', { timeMs: 5 }).record('two', { timeMs: 5, epoch: 2 })
    expect((await scan(built)).end).toMatchObject({ lsn: 2, epoch: 2, timeMs: 5 })
  })

  test('is walked no further than asked', async () => {
    const damagedBehind = sound().record('four', { chain: 1n })
    expect(await scan(damagedBehind, { limitLsn: 2 })).toMatchObject({
      texts: ['one', 'two'],
      sealed: false,
      defect: undefined,
    })
    expect(await scan(damagedBehind, { untilLsn: 3 })).toMatchObject({
      texts: ['one', 'two', 'tri'],
      sealed: false,
      defect: undefined,
    })
    expect(await scan(sound().seal(), { untilLsn: 3 })).toMatchObject({ sealed: true, defect: undefined })
  })

  test('is not looked at behind the limit, where a writer may be taking a write back', async () => {
    const { file, files } = await opened(sound().record('being written').bytes())
    await scanSegment(file, { header: FIRST_SEGMENT, seed: SEED, checksum, limitLsn: 0 })
    expect(files.operations.filter((operation) => operation.startsWith('read'))).toEqual([])
  })
})

describe('what a scan holds in memory', () => {
  test('is one record and one window: a record of 10 MiB among small ones', async () => {
    const large = new Random(2).nextBytes(10 * 1024 * 1024)
    const built = new SegmentBuilder().header().record('before').record(large).record('after')
    const lengths: number[] = []
    const onRecord = ({ payload }: { payload: Uint8Array }) => {
      lengths.push(payload.byteLength)
      if (payload.byteLength > 10) expect(checksum.xxh64(payload, 0n)).toBe(checksum.xxh64(large, 0n))
      return undefined
    }
    const { files, defect } = await scan(built, { onRecord })
    expect([lengths, defect]).toEqual([[6, large.byteLength, 5], undefined])
    const sizes = files.operations
      .filter((text) => text.startsWith('read'))
      .map((text) => Number(/ (\d+)@/.exec(text)?.[1]))
    expect(Math.max(...sizes)).toBe(10 * 1024 * 1024 + 48)
  })

  test('is not what a record claims, but what the file has', async () => {
    const built = sound().record('x', { length: 60 * 1024 * 1024 })
    const { files, defect } = await scan(built)
    expect(defect?.reason).toBe('the file ends inside a record')
    expect(files.operations.filter((operation) => operation.startsWith('read'))).toHaveLength(1)
  })

  test('covers records that cross from one window into the next', async () => {
    const built = new SegmentBuilder().header()
    for (let index = 0; index < 50; index++) built.record(new Uint8Array(100_000 + index).fill(index))
    const seen: number[] = []
    const onRecord = ({ payload }: { payload: Uint8Array }) => {
      expect(payload.every((byte) => byte === payload[0])).toBe(true)
      seen.push(payload[0]!)
      return undefined
    }
    const { files } = await scan(built, { onRecord })
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index))
    expect(files.operations.filter((operation) => operation.startsWith('read')).length).toBeLessThan(8)
  })

  test('is borrowed until a promise of the receiver settles', async () => {
    const seen: string[] = []
    const onRecord = async ({ payload }: { payload: Uint8Array }) => {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(new TextDecoder().decode(payload))
    }
    await scan(sound(), { onRecord })
    expect(seen).toEqual(['one', 'two', 'tri'])
  })
})

describe('a defect', () => {
  test('of a record header', async () => {
    expect(await defectOf(sound().zeros(8))).toBe('record at 224, LSN 4: the file ends inside a record header')
    expect(await defectOf(sound().zeros(400))).toBe('record at 224, LSN 4: the checksum of a record header is wrong')
    expect(await defectOf(sound().record('x', { checksum: 1 }))).toBe(
      'record at 224, LSN 4: the checksum of a record header is wrong',
    )
    expect(await defectOf(sound().record('x', { seedStoreId: OTHER_STORE_ID }))).toBe(
      'record at 224, LSN 4: the checksum of a record header is wrong',
    )
    expect(await defectOf(sound().record('x', { length: 0 }))).toBe(
      'record at 224, LSN 4: a record header has impossible numbers',
    )
  })

  test('of a record’s bytes', async () => {
    expect(await defectOf(sound().bytes().subarray(0, 223))).toBe('record at 176, LSN 3: the file ends inside a record')
    expect(await defectOf(sound().record('x', { chain: 1n }))).toBe(
      'record at 224, LSN 4: the chain of a record is wrong',
    )
    const swapped = sound().bytes()
    swapped.set(sound().bytes().subarray(128, 176), 80)
    expect(await defectOf(swapped)).toBe('record at 80, LSN 1: the chain of a record is wrong')
  })

  test('of the sequence', async () => {
    expect(await defectOf(sound().record('x', { lsn: 6 }))).toBe('record at 224, LSN 4: record 6 stands where 4 should')
    expect(await defectOf(sound().record('x', { lsn: 3 }))).toBe('record at 224, LSN 4: record 3 stands where 4 should')
    expect(await defectOf(sound().record('x', { epoch: 0 }))).toBe('record at 224, LSN 4: epoch 0 follows epoch 1')
    expect(await defectOf(sound().record('x', { timeMs: 2 }))).toBe('record at 224, LSN 4: the time goes back')
  })

  test('of a seal', async () => {
    for (const fields of [{ records: 2 }, { sealedBytes: 8 }, { lastChain: 1n }, { lsn: 4 }]) {
      expect(await defectOf(sound().seal(fields))).toBe('record at 224, LSN 4: the seal does not fit the segment')
    }
    expect(await defectOf(sound().seal().zeros(1))).toBe('record at 224, LSN 4: bytes follow the seal')
    expect(await defectOf(sound().record('of type seal', { type: 2, lsn: 3 }))).toBe(
      'record at 224, LSN 4: the seal does not fit the segment',
    )
  })

  test('that is none: a verified record of a newer format', async () => {
    const newer = 'are of a newer format'
    expect(await defectOf(sound().record('x', { type: 3 }))).toBe(
      `newer at 224, LSN 4: record type 3 or its flags ${newer}`,
    )
    expect(await defectOf(sound().record('x', { flags: 1 }))).toBe(
      `newer at 224, LSN 4: record type 1 or its flags ${newer}`,
    )
    expect(await defectOf(sound().record('x', { type: 3, chain: 1n }))).toBe(
      'record at 224, LSN 4: the chain of a record is wrong',
    )
  })

  test('behind the records of an older segment counts only if it is of a newer format', async () => {
    expect(await defectOf(sound().record('x', { type: 3 }), { untilLsn: 3 })).toMatch(/^newer at 224/)
    expect(await defectOf(sound().zeros(50), { untilLsn: 3 })).toBe('none')
  })

  test('keeps what the receiver throws', async () => {
    const onRecord = () => {
      throw new RangeError('enough')
    }
    await expect(scan(sound(), { onRecord })).rejects.toThrow(new RangeError('enough'))
  })
})

describe('the end of a segment', () => {
  const endsSealed = async (bytes: Uint8Array) => endsWithSeal((await opened(bytes)).file, SEED, checksum)

  test('is sealed by a seal, whatever happened to the records before it', async () => {
    const bytes = sound().seal().bytes()
    bytes[100]! ^= 1
    expect([await endsSealed(sound().seal().bytes()), await endsSealed(bytes)]).toEqual([true, true])
  })

  test('is open without one that holds in its place', async () => {
    const sealed = sound().seal().bytes()
    const seal = sealed.subarray(224)
    for (const [name, bytes] of [
      ['no seal', sound().bytes()],
      ['a cut seal', sealed.subarray(0, 295)],
      ['bytes behind it', joined(sealed, utf8('x'))],
      ['a seal elsewhere', joined(sound().record('more').bytes(), seal)],
      ['a damaged seal', joined(sealed.subarray(0, 290), new Uint8Array(6))],
      ['a seal of another store', sound().seal({ seedStoreId: OTHER_STORE_ID }).bytes()],
      ['nothing', new Uint8Array(0)],
      ['a seal alone', seal],
    ] as const) {
      expect(await endsSealed(bytes), name).toBe(false)
    }
  })
})

test('the error for damage names segment, offset, LSN, reason and mark', () => {
  const error = corruption('wal/x.wal', { reason: 'it is odd', offset: 80, lsn: 7 }, 9)
  expect(error.message).toBe(
    'the log is damaged in wal/x.wal at offset 80, LSN 7: it is odd (the durable mark is at LSN 9). Nothing was changed.',
  )
  expect([error.code, error.details]).toEqual([
    'ERR_LOG_CORRUPT',
    { segment: 'wal/x.wal', offset: 80, lsn: 7, reason: 'it is odd', markLsn: 9 },
  ])
  expect(corruption('a', { reason: 'b', offset: 0, lsn: 1 }, undefined).message).toContain('there is no durable mark')
})
