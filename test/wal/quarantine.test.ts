import { expect, test } from 'vitest'
import { copyBytes, quarantineTail } from '../../src/wal/quarantine.ts'
import { CrashableFiles, nothing } from '../support/crashable-files.ts'
import { outcomeOf } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'

const SEGMENT = 'wal/0000000000000001.wal'
const BYTES = new Random(3).nextBytes(3 * 1024 * 1024)

function filesWith(bytes: Uint8Array): CrashableFiles {
  const files = new CrashableFiles()
  files.writeWhole(SEGMENT, bytes)
  return files
}

test('the tail is copied, and the copy is there after a power loss', async () => {
  const files = filesWith(BYTES)
  expect(await quarantineTail(files, SEGMENT, 100)).toBe('quarantine/0000000000000001.wal.100')
  const copy = files.crashImage(nothing).readWhole('quarantine/0000000000000001.wal.100')
  expect(Buffer.compare(copy, BYTES.subarray(100))).toBe(0)
  expect(Buffer.compare(files.readWhole(SEGMENT), BYTES)).toBe(0)
})

test('a copy of the same place is kept beside the ones before it', async () => {
  const files = filesWith(BYTES.subarray(0, 200))
  for (const ending of ['', '.2', '.3']) {
    expect(await quarantineTail(files, SEGMENT, 100)).toBe(`quarantine/0000000000000001.wal.100${ending}`)
  }
  expect(files.paths()).toHaveLength(4)
})

test('it never takes more memory than a mebibyte', async () => {
  const files = filesWith(BYTES)
  await quarantineTail(files, SEGMENT, 0)
  const reads = files.operations.filter((operation) => operation.startsWith('read'))
  expect(reads.map((operation) => Number(/ (\d+)@/.exec(operation)?.[1]))).toEqual([1048576, 1048576, 1048576])
})

test('where it cannot be written, nothing is left of it', async () => {
  for (const [matching, fault, code] of [
    ['makeDirectory quarantine', 'EACCES', 'ERR_PERMISSION'],
    ['open quarantine/', 'EACCES', 'ERR_PERMISSION'],
    ['write quarantine/', 'ENOSPC', 'ERR_DISK_FULL'],
    ['sync quarantine/', 'EIO', 'ERR_IO'],
  ] as const) {
    const files = filesWith(BYTES.subarray(0, 200))
    files.failWhen((operation) => operation.startsWith(matching), fault)
    expect(await outcomeOf(quarantineTail(files, SEGMENT, 100)), matching).toBe(code)
    expect(files.paths(), matching).toEqual([SEGMENT])
  }
})

test('a leftover of an earlier try is replaced', async () => {
  const files = filesWith(BYTES.subarray(0, 200))
  files.writeWhole('quarantine/0000000000000001.wal.100.tmp', new Uint8Array(500))
  await quarantineTail(files, SEGMENT, 100)
  expect(files.readWhole('quarantine/0000000000000001.wal.100')).toEqual(BYTES.subarray(100, 200))
})

test('bytes are copied to another place over short writes', async () => {
  const files = filesWith(BYTES.subarray(0, 200))
  const source = await files.open(SEGMENT, 'read')
  const target = await files.open('target', 'create')
  files.failWhen((operation) => operation.startsWith('write'), { shortWrite: 7 }, 3)
  await copyBytes(source, 20, target, 5, 100)
  expect(files.readWhole('target').subarray(5)).toEqual(BYTES.subarray(20, 120))
})
