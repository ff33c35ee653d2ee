import { describe, expect, test } from 'vitest'
import {
  bytesText,
  countText,
  distanceText,
  durationText,
  quantityText,
  shortestFloat,
} from '../../src/cli/number-text.ts'
import { pairLines, tableLines, truncated } from '../../src/cli/table.ts'

describe('numbers for people', () => {
  test.each([
    [0, '0 B'],
    [1023, '1,023 B'],
    [1024, '1.0 KiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [4_079_244, '3.9 MiB'],
    [5 * 1024 ** 5, '5,120.0 TiB'],
  ])('%d bytes', (bytes, text) => expect(bytesText(bytes)).toBe(text))

  test.each([
    [0.24, '0.2 ms'],
    [999.4, '999 ms'],
    [1234, '1.2 s'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
  ])('%d ms', (durationMs, text) => expect(durationText(durationMs)).toBe(text))

  test('counts, quantities, distances', () => {
    expect(countText(341_479)).toBe('341,479')
    expect(quantityText(1, 'hit')).toBe('1 hit')
    expect(quantityText(1000, 'entry', 'entries')).toBe('1,000 entries')
    expect(distanceText(-1e-9)).toBe('0.000000')
    expect(distanceText(-12.5)).toBe('-12.500000')
  })

  test('a float32 is written as short as it can be read back', () => {
    for (const value of [0.1, -0.32307, 1 / 3, 3.4e38, 1e-45, 16_777_217, Math.PI]) {
      expect(Math.fround(shortestFloat(Math.fround(value)))).toBe(Math.fround(value))
    }
    expect(shortestFloat(Math.fround(-0.32307))).toBe(-0.32307)
  })
})

describe('tables', () => {
  test('align their columns and end without spaces', () => {
    expect(
      tableLines(
        [{ title: 'name' }, { title: 'n', align: 'right' }, { title: '' }],
        [
          ['aé', '1'],
          ['b', '1,000', 'x'],
        ],
      ),
    ).toEqual(['name      n', 'aé        1', 'b     1,000  x'])
    expect(
      pairLines([
        ['a', '1'],
        ['long', '2'],
      ]),
    ).toEqual(['a     1', 'long  2'])
  })

  test('truncation counts characters, not code units', () => {
    expect(truncated('😀😀😀', 3)).toBe('😀😀😀')
    expect(truncated('😀😀😀', 2)).toBe('😀…')
  })
})
