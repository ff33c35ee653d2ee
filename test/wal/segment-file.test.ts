import { expect, test } from 'vitest'
import { createSegment, encodeSeal, publishSegment } from '../../src/wal/segment-file.ts'
import { segmentStart } from '../../src/wal/segment-scan.ts'
import { SyncFailure } from '../../src/wal/sync-failure.ts'
import { FIRST_SEGMENT, SegmentBuilder } from '../support/byte-builder.ts'
import { CrashableFiles, nothing } from '../support/crashable-files.ts'
import { checksum, outcomeOf } from '../support/log-fixture.ts'

const PATH = 'wal/0000000000000001.wal'

async function filesWithDirectory(): Promise<CrashableFiles> {
  const files = new CrashableFiles()
  await files.makeDirectory('wal')
  await files.syncDirectory('')
  return files
}

test('a segment has its name only once it is whole, and then keeps it through a power loss', async () => {
  const files = await filesWithDirectory()
  const segment = await createSegment(files, FIRST_SEGMENT, checksum)
  expect(files.paths()).toEqual([`${PATH}.tmp`])
  await segment.file.sync()
  await publishSegment(files, segment)
  const image = files.crashImage(nothing)
  expect(image.paths()).toEqual([PATH])
  expect(image.readWhole(PATH)).toEqual(new SegmentBuilder().header().bytes())
})

test('a leftover under the temporary name is replaced', async () => {
  const files = await filesWithDirectory()
  files.writeWhole(`${PATH}.tmp`, new Uint8Array(500).fill(1))
  await createSegment(files, FIRST_SEGMENT, checksum)
  expect(files.readWhole(`${PATH}.tmp`)).toEqual(new SegmentBuilder().header().bytes())
})

test('a full disk is an ordinary error, and a directory that does not sync is not', async () => {
  const files = await filesWithDirectory()
  files.failWhen((operation) => operation.startsWith('write'), { code: 'ENOSPC', writtenBytes: 9 })
  expect(await outcomeOf(createSegment(files, FIRST_SEGMENT, checksum))).toBe('ERR_DISK_FULL')
  expect(files.operations.at(-1)).toBe(`close ${PATH}.tmp`)
  const segment = await createSegment(files, FIRST_SEGMENT, checksum)
  files.failWhen((operation) => operation === 'syncDirectory wal', 'EIO')
  await expect(publishSegment(files, segment)).rejects.toBeInstanceOf(SyncFailure)
})

test('a seal is the bytes of the table in FORMAT.md', () => {
  const built = new SegmentBuilder().header().record('one').record('two')
  const end = { lsn: 2, chain: built.chain, timeMs: 2, epoch: 1, offset: 176 }
  expect(encodeSeal(FIRST_SEGMENT, end, checksum)).toEqual(built.seal().bytes().subarray(176))
})

test('a segment starts behind its header, at what its header says was before', () => {
  const header = { ...FIRST_SEGMENT, epoch: 4, firstLsn: 9, previousTimeMs: 55 }
  expect(segmentStart(header)).toEqual({ lsn: 8, chain: FIRST_SEGMENT.previousChain, timeMs: 55, epoch: 4, offset: 80 })
})
