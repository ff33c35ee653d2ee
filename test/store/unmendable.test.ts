import { describe, expect, test } from 'vitest'
import type { StoreError } from '../../src/base/errors.ts'
import { SEAL_BYTES } from '../../src/wal/format.ts'
import type { CrashableFiles, FaultCode } from '../support/crashable-files.ts'
import { errorOf } from '../support/log-fixture.ts'
import { endingOf, StoreFixture, someEntries } from './support/store-fixture.ts'

const SEGMENT_PATH = 'wal/0000000000000001.wal'

/** What a process leaves that was killed in the middle of a write: three entries on disk, and 20 bytes that are no record. */
async function tornFiles(): Promise<CrashableFiles> {
  const { fixture, vectors } = await StoreFixture.withCollection()
  await vectors.add(someEntries(3))
  const files = fixture.files.restartImage()
  files.writeWhole(SEGMENT_PATH, Uint8Array.of(...files.readWhole(SEGMENT_PATH), ...new Uint8Array(20).fill(1)))
  return files
}

describe('a log whose end cannot be mended', () => {
  test.each<[FaultCode, string]>([
    ['EACCES', 'ERR_PERMISSION'],
    ['ENOSPC', 'ERR_DISK_FULL'],
  ])('is served for reading, and says what it needs: %s', async (fault, code) => {
    const files = await tornFiles()
    const before = files.contentHash()
    files.failWhen((operation) => operation.includes('quarantine'), fault, 100)
    const problems: StoreError[] = []
    const { store } = await StoreFixture.open({ onProblem: (problem) => problems.push(problem) }, files)
    expect(store.readOnly).toBe(true)
    expect(store.stats()).toMatchObject({ lsn: 2, readOnly: true })
    const vectors = await store.collection('vectors')
    expect([vectors.count(), (await vectors.search([1, 2])).hits.length]).toEqual([3, 3])

    const error = await errorOf(vectors.add(someEntries(1)))
    expect(error.code).toBe('ERR_READ_ONLY')
    expect((error.cause as StoreError).code).toBe(code)
    expect(error.message).toMatch(/cannot be mended.*Make room, or give the right to write, and reopen/)
    expect(problems.map((problem) => [problem.code, problem.message])).toEqual([['ERR_READ_ONLY', error.message]])
    await store.close()
    expect(files.contentHash()).toBe(before)
  })

  test('opens for writing once there is room, and says where the end went', async () => {
    const files = await tornFiles()
    files.failWhen((operation) => operation.includes('quarantine'), 'ENOSPC')
    await (await StoreFixture.open({}, files)).store.close()
    const { store } = await StoreFixture.open({}, files)
    expect(store.readOnly).toBe(false)
    const { quarantined, problems } = store.stats().recovery
    expect(files.readWhole(quarantined!).byteLength).toBe(20)
    expect(problems).toEqual([expect.stringContaining(quarantined!)])
    expect(await (await store.collection('vectors')).add(someEntries(4))).toMatchObject({ added: 1 })
    await store.close()
  })

  test('gives up the lock when the problem callback throws', async () => {
    const files = await tornFiles()
    files.failWhen((operation) => operation.includes('quarantine'), 'ENOSPC')
    let isReleased = false
    const release = async () => {
      isReleased = true
    }
    const onProblem = () => {
      throw new RangeError('no')
    }
    expect(await endingOf(() => StoreFixture.open({ onProblem }, files, { release }))).toBe('RangeError')
    expect(isReleased).toBe(true)
  })
})

describe('a log that is damaged', () => {
  test.each<[string, (files: CrashableFiles) => void]>([
    ['in a record below the mark', (files) => files.flipBit(SEGMENT_PATH, 100 * 8)],
    ['in its header', (files) => files.flipBit(SEGMENT_PATH, 20 * 8)],
    ['by its length', (files) => files.cut(SEGMENT_PATH, files.readWhole(SEGMENT_PATH).byteLength - SEAL_BYTES - 1)],
    ['by all of it', (files) => files.cut(SEGMENT_PATH, 0)],
  ])('%s refuses to open, changes no byte, and can be verified', async (_, damage) => {
    const { fixture, store, vectors } = await StoreFixture.withCollection()
    await vectors.add(someEntries(3))
    await store.close()
    const files = fixture.files.restartImage()
    damage(files)
    const before = files.contentHash()
    const error = await errorOf(StoreFixture.open({}, files))
    expect(error.code).toBe('ERR_LOG_CORRUPT')
    expect(error.details).toMatchObject({ segment: SEGMENT_PATH, offset: expect.any(Number), lsn: expect.any(Number) })
    expect(files.contentHash()).toBe(before)
    expect(files.mutations).toEqual([])
  })
})
