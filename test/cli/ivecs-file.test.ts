import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/cli/byte-reader.ts'
import { IvecsWriter, readIvecs } from '../../src/cli/ivecs-file.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { ivecsBytes } from './support/vector-bytes.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
})
afterEach(() => cli.remove())

async function readRows(path: string): Promise<number[][]> {
  const reader = await ByteReader.open(path)
  try {
    const rows: number[][] = []
    for await (const { values } of readIvecs(reader, path)) rows.push([...values])
    return rows
  } finally {
    await reader.close()
  }
}

async function writeRows(path: string, rows: readonly number[][]): Promise<void> {
  const writer = await IvecsWriter.create(path)
  for (const row of rows) await writer.write(row)
  await writer.close()
}

const INT32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

describe('an ivecs file', () => {
  test('is a width and its values, row after row, little-endian', async () => {
    await writeRows(cli.path('t.ivecs'), [[258, -1], [7]])
    const bytes = await readFile(cli.path('t.ivecs'))
    expect(bytes.toString('hex')).toBe(['02000000', '02010000', 'ffffffff', '01000000', '07000000'].join(''))
    expect(bytes).toEqual(ivecsBytes([[258, -1], [7]]))
  })

  test('gives back the rows that were written', async () => {
    let file = 0
    const rows = fc.array(fc.array(INT32, { minLength: 1, maxLength: 20 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(rows, async (written) => {
        const path = cli.path(`${file++}.ivecs`)
        await writeRows(path, written)
        expect(await readRows(path)).toEqual(written)
      }),
      { numRuns: 50, seed: 7 },
    )
  })

  test('may be larger than the blocks it is read in', async () => {
    const rows = Array.from({ length: 800 }, (_, row) => Array.from({ length: 101 }, (_, column) => row * 101 + column))
    const path = await cli.write('large.ivecs', ivecsBytes(rows))
    expect(await readRows(path)).toEqual(rows)
  })

  test('never replaces another', async () => {
    const path = await cli.write('t.ivecs', ivecsBytes([[1]]))
    await expect(IvecsWriter.create(path)).rejects.toThrow(`${path} is there already and will not be overwritten`)
    expect(await readRows(path)).toEqual([[1]])
  })

  test('that is discarded leaves nothing', async () => {
    const writer = await IvecsWriter.create(cli.path('t.ivecs'))
    await writer.write([1, 2])
    await writer.discard()
    expect(existsSync(cli.path('t.ivecs'))).toBe(false)
  })

  test('has no empty row', async () => {
    const writer = await IvecsWriter.create(cli.path('t.ivecs'))
    await expect(writer.write([])).rejects.toThrow(RangeError)
    await writer.discard()
  })
})

describe('a malformed row is named', () => {
  const cases: [title: string, tail: Buffer, message: string][] = [
    ['cut within the width', Buffer.from([3, 0]), 'record 2: the file ends within the row'],
    ['cut behind the width', ivecsBytes([[1]]).subarray(0, 4), 'record 2: the file ends within the row'],
    ['cut within the values', ivecsBytes([[1, 2, 3]]).subarray(0, 15), 'record 2: the file ends within the row'],
    ['a width of 0', Buffer.alloc(4), 'record 2: 0 cannot be the width of a row; is this file in ivecs format?'],
    ['a width below 0', Buffer.from([254, 255, 255, 255]), 'record 2: -2 cannot be the width of a row'],
    ['a width beyond reason', Buffer.from([0, 0, 0, 127]), 'record 2: 2130706432 cannot be the width of a row'],
  ]
  test.each(cases)('%s', async (_title, tail, message) => {
    const path = await cli.write('t.ivecs', Buffer.concat([ivecsBytes([[1, 2, 3]]), tail]))
    await expect(readRows(path)).rejects.toThrow(`${path}, ${message}`)
  })
})
