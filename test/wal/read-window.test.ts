import { expect, test } from 'vitest'
import { ReadWindow } from '../../src/wal/read-window.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { outcomeOf } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'

const MEBIBYTE = 1024 * 1024
const BYTES = new Random(1).nextBytes(3 * MEBIBYTE)

async function windowOver(bytes: Uint8Array, sizeBytes = bytes.byteLength) {
  const files = new CrashableFiles()
  files.writeWhole('file', bytes)
  const file = await files.open('file', 'update')
  return { files, file, window: new ReadWindow(file, sizeBytes) }
}

test('holds nothing at first, then what was loaded', async () => {
  const { window } = await windowOver(BYTES)
  expect(window.holds(0, 1)).toBe(false)
  await window.load(100, 10)
  expect(window.borrow(100, 10)).toEqual(BYTES.subarray(100, 110))
  expect([window.holds(99, 1), window.holds(100, MEBIBYTE), window.holds(100, MEBIBYTE + 1)]).toEqual([
    false,
    true,
    false,
  ])
})

test('reads a mebibyte at a time, so that small records cost few calls', async () => {
  const { files, window } = await windowOver(BYTES)
  for (let offset = 0; offset < BYTES.byteLength; offset += 64) {
    if (!window.holds(offset, 64)) await window.load(offset, 64)
  }
  expect(files.operations.filter((operation) => operation.startsWith('read'))).toHaveLength(3)
})

test('grows for one that is longer, and no further', async () => {
  const { files, window } = await windowOver(BYTES)
  await window.load(8, 2 * MEBIBYTE)
  expect(Buffer.compare(window.borrow(8, 2 * MEBIBYTE), BYTES.subarray(8, 8 + 2 * MEBIBYTE))).toBe(0)
  expect(files.operations.at(-1)).toBe(`read file ${2 * MEBIBYTE}@8`)
})

test('ends with the file as it was when the window was made', async () => {
  const { file, window } = await windowOver(BYTES.subarray(0, 100))
  await file.write(BYTES.subarray(100, 200), 100)
  await window.load(90, 10)
  expect([window.sizeBytes, window.holds(90, 10), window.holds(90, 11)]).toEqual([100, true, false])
})

test('says when the file became shorter meanwhile', async () => {
  const { file, window } = await windowOver(BYTES.subarray(0, 100))
  await file.truncate(95)
  expect(await outcomeOf(window.load(90, 10))).toBe('ERR_IO')
  expect(window.holds(90, 10)).toBe(false)
})
