import { describe, expect, test } from 'vitest'
import { isStoreError, type StoreError } from '../../src/base/errors.ts'
import { markSlot, SegmentBuilder, STORE_ID, xxh64 } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { checkBounds, checkRecovered, expectState } from './support/check-recovered.ts'
import { report } from './support/crash-settings.ts'
import { openStore } from './support/open-store.ts'
import { closedStore, killedStore, type ThreeSegments } from './support/three-segments.ts'

const STORES = [await killedStore(), await closedStore()]
const MARK = 'wal/durable'
const MARK_SLOT_BYTES = 80
const MARK_SLOT_STRIDE = 4096

/**
 * Opens damaged files. Either it refuses with a typed error and changes no byte, or it serves an exact state that holds
 * everything at or below the durable mark.
 * @returns the error, if it refused.
 */
async function openDamaged(
  files: CrashableFiles,
  store: ThreeSegments,
  where: string,
): Promise<StoreError | undefined> {
  const { history, markLsn } = store
  const before = files.contentHash()
  const damaged = files.clone()
  let opened: Awaited<ReturnType<typeof openStore>>
  try {
    opened = await openStore(files)
  } catch (error) {
    if (!isStoreError(error, 'ERR_LOG_CORRUPT')) throw new Error(`${where}: ${error}`, { cause: error })
    if (files.contentHash() !== before) throw new Error(`${where}: it refused, but changed the files`)
    return error
  }
  const { lsn } = opened.stats()
  checkBounds({ lsn, snapshotLsn: 0 }, { floorLsn: markLsn, ceilingLsn: history.endLsn }, where)
  await expectState(opened, lsn, history, where)
  await opened.close()
  // Where something was cut, the whole of what recovery promises.
  if (lsn < history.endLsn) await checkRecovered(damaged, { floorLsn: markLsn, ceilingLsn: lsn }, history, where)
  return undefined
}

function* eachBit(path: string, bytes: Uint8Array): Generator<number> {
  for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
    // Nothing reads the gap behind a slot of the mark; one bit in each eight of its bytes shows that.
    const isGap = path === MARK && Math.floor(bit / 8) % MARK_SLOT_STRIDE >= MARK_SLOT_BYTES
    if (!isGap || bit % 67 === 0) yield bit
  }
}

/** The bytes that are in a header of a record, found by the table in docs/FORMAT.md. Seals are left out. */
function recordHeaders(bytes: Uint8Array, coveredBytes: number): Set<number> {
  const inHeader = new Set<number>()
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let offset = 80; offset < coveredBytes && bytes[offset + 4] === 1; ) {
    for (let index = 0; index < 36; index++) inHeader.add(offset + index)
    offset += Math.ceil((36 + view.getUint32(offset, true)) / 8) * 8 + 8
  }
  return inHeader
}

describe.each(STORES)('damage to $name of three segments', { timeout: 3_600_000 }, (store) => {
  const { files, coveredBytes, name } = store
  const paths = files.paths()

  test('has three segments and a mark', () => {
    expect(paths.filter((path) => path.endsWith('.wal'))).toHaveLength(3)
    expect(paths).toContain(MARK)
  })

  test('every bit flipped: what the mark covers is refused, and nothing is ever served with wrong bits', async () => {
    let flips = 0
    let refusals = 0
    for (const path of paths) {
      const bytes = files.readWhole(path)
      const headers = recordHeaders(bytes, coveredBytes.get(path) ?? 0)
      for (const bit of eachBit(path, bytes)) {
        const where = `bit ${bit} of ${path}`
        const flipped = files.clone()
        flipped.flipBit(path, bit)
        const refusal = await openDamaged(flipped, store, where)
        const byte = Math.floor(bit / 8)
        if (byte < (coveredBytes.get(path) ?? 0) && refusal === undefined)
          throw new Error(`${where}: it was not refused`)
        if (headers.has(byte)) {
          // A length, above all, is believed only after the checksum of the header that holds it.
          const reason = refusal?.details.reason
          if (reason !== 'the checksum of a record header is wrong')
            throw new Error(`${where}: the reason given is ${reason}`)
        }
        flips += 1
        if (refusal !== undefined) refusals += 1
      }
    }
    report(`${name}: ${flips} bits flipped, ${refusals} refused with nothing changed, the others served exactly`)
    expect(refusals).toBeGreaterThan(5000)
    expect(flips - refusals).toBeGreaterThan(1000)
  })

  test('every length of every file, and every file missing', async () => {
    let lengths = 0
    for (const path of paths) {
      const { byteLength } = files.readWhole(path)
      for (let size = 0; size < byteLength; size++) {
        if (path === MARK && size % MARK_SLOT_STRIDE > MARK_SLOT_BYTES && size % 61 !== 0) continue
        const where = `${path} cut to ${size} bytes`
        const cut = files.clone()
        cut.cut(path, size)
        const refusal = await openDamaged(cut, store, where)
        if (size < (coveredBytes.get(path) ?? 0) && refusal === undefined)
          throw new Error(`${where}: it was not refused`)
        lengths += 1
      }
      const missing = new CrashableFiles()
      for (const other of paths) if (other !== path) missing.writeWhole(other, files.readWhole(other))
      const refusal = await openDamaged(missing, store, `${path} missing`)
      expect(refusal === undefined, `${path} missing`).toBe(path === MARK)
    }
    report(`${name}: ${lengths} lengths of its files, all refused or served exactly`)
    expect(lengths).toBeGreaterThan(1200)
  })

  test('a newer format is refused by name, with nothing changed', async () => {
    for (const path of paths) {
      const newer = files.clone()
      const bytes = newer.readWhole(path)
      for (const start of path === MARK ? [0, MARK_SLOT_STRIDE] : [0]) {
        const frame = bytes.subarray(start, start + 80)
        const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
        view.setUint32(8, 2, true)
        view.setBigUint64(72, xxh64(frame.subarray(0, 72), 0n), true)
      }
      newer.writeWhole(path, bytes)
      await expectNewer(newer, path)
    }
  })
})

test('a record of a newer kind is refused by name, with nothing changed', async () => {
  for (const fields of [{ type: 9 }, { flags: 1 }]) {
    const files = new CrashableFiles()
    files.writeWhole('wal/0000000000000001.wal', new SegmentBuilder().header().record('of the future', fields).bytes())
    const mark = new Uint8Array(2 * MARK_SLOT_STRIDE)
    mark.set(markSlot({ storeId: STORE_ID, sequence: 0 }), 0)
    files.writeWhole(MARK, mark)
    await expectNewer(files, JSON.stringify(fields))
  }
})

async function expectNewer(files: CrashableFiles, where: string): Promise<void> {
  const before = files.contentHash()
  const error = await openStore(files).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(isStoreError(error, 'ERR_FORMAT_VERSION'), `${where}: ${error}`).toBe(true)
  expect(files.contentHash(), where).toBe(before)
}
