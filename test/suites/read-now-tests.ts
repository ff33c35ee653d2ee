import { expect, test } from 'vitest'
import { type Files, writeFully } from '../../src/base/files.ts'
import { Random } from '../support/random.ts'

const NOW = new TextEncoder().encode('now')
const CLOSED = expect.objectContaining({ name: 'StoreError', code: 'ERR_IO' })

export function readNowTests(files: () => Files): void {
  test('gives what reading gives, and less than asked only at the end', async () => {
    expect(files().readsNow).toBe(true)
    const bytes = new Random(7).nextBytes(200_000)
    const file = await files().open('a', 'create')
    await writeFully(file, bytes, 0)
    const random = new Random(8)
    for (let count = 0; count < 100; count++) {
      const start = random.nextInt(bytes.byteLength + 10)
      const target = new Uint8Array(random.nextInt(150_000))
      const read = file.readNow!(target, start)
      expect(read).toBe(Math.min(target.byteLength, Math.max(0, bytes.byteLength - start)))
      expect(Buffer.compare(target.subarray(0, read), bytes.subarray(start, start + read))).toBe(0)
      expect(target.subarray(read).every((byte) => byte === 0)).toBe(true)
    }
    const memory = new Uint8Array(8).fill(9)
    expect(file.readNow!(memory.subarray(2, 6), bytes.byteLength - 2)).toBe(2)
    expect([...memory]).toEqual([9, 9, ...bytes.subarray(-2), 9, 9, 9, 9])
    await file.close()
  })

  test('sees what was written a call before, and what is left of a removed file', async () => {
    const file = await files().open('a', 'create')
    await writeFully(file, NOW, 3)
    await files().remove('a')
    const target = new Uint8Array(6)
    expect([file.readNow!(target, 0), ...target]).toEqual([6, 0, 0, 0, ...NOW])
    await file.truncate(4)
    expect(file.readNow!(target, 3)).toBe(1)
    await file.close()
  })

  test('refuses a closed file, and a position that is none', async () => {
    const file = await files().open('a', 'create')
    for (const position of [-1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => file.readNow!(new Uint8Array(1), position)).toThrow(RangeError)
    }
    const closing = file.close()
    expect(() => file.readNow!(new Uint8Array(1), 0)).toThrow(CLOSED)
    await closing
    expect(() => file.readNow!(new Uint8Array(1), 0)).toThrow(CLOSED)
  })
}

export function noReadNowTests(files: () => Files): void {
  test('is not offered', async () => {
    const file = await files().open('a', 'create')
    expect([file.readNow, files().readsNow]).toEqual([undefined, undefined])
    await file.close()
  })
}
