import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/base/errors.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** No file is longer; the number only ever goes down. */
const MOST_LINES = 500
/** The middle file is about this long; the number only ever goes down. */
const MOST_MEDIAN_LINES = 130

const files = ['src', 'test', 'scripts', 'demo', 'bench/source']
  .flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mts|mjs)$/.test(entry.name) && !entry.name.includes('.generated.'))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }))

const below = (directory: string) => files.filter(({ path }) => path.startsWith(directory))

describe('the style of the house', () => {
  it('keeps every file short', () => {
    const long = files.filter(({ text }) => text.split('\n').length > MOST_LINES + 1)
    expect(long.map(({ path }) => path)).toEqual([])
  })

  it('keeps the median source file near 120 lines', () => {
    const lengths = below('src')
      .map(({ text }) => text.split('\n').length)
      .sort((left, right) => left - right)
    expect(lengths[lengths.length >> 1]).toBeLessThanOrEqual(MOST_MEDIAN_LINES)
  })

  it('has no clock and no chance below store/', () => {
    const rooms = ['src/base', 'src/wal', 'src/engine', 'src/replay']
    const found = rooms
      .flatMap(below)
      .filter(({ text }) => /Date\.now|performance\.now|Math\.random|setTimeout|setInterval|getRandomValues/.test(text))
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('uses only deterministic arithmetic in the engine', () => {
    const found = below('src/engine').filter(({ text }) =>
      /Math\.(sin|cos|tan|exp|log|pow|cbrt|hypot|round)\b/.test(text),
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('leaves no test out', () => {
    const found = below('test').filter(
      ({ path, text }) => !path.endsWith('style.test.ts') && /\b(it|test|describe)\.(skip|only|todo)\b/.test(text),
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('lists every error code in the README', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    expect(ERROR_CODES.filter((code) => !readme.includes(`\`${code}\``))).toEqual([])
  })
})
