// The two sets that engines are compared on, as files: base, scored queries, and tuning queries that are none of the scored ones.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadGlove } from '../glove.mjs'
import { HARD_COUNT, HARD_DIMENSIONS, hardRows } from './hard-768.mjs'
import { createRandom } from './random.mjs'
import { writeVectorFile } from './vector-file.mjs'

export const DATA_DIRECTORY = fileURLToPath(new URL('../../data/compare', import.meta.url))
const HELD_OUT = 1000
/** Length of the noise on a tuning query against the length of its word: with less they are easier than the rare words that score. */
const TUNING_NOISE = 2

export const DATA_SETS = {
  glove: { title: 'GloVe', plotName: 'glove', metric: 'cosine', write: writeGlove },
  'hard-768': { title: 'Generated 768', plotName: '768', metric: 'euclidean', write: writeHard },
}

/** Makes the files of a set unless they are there, and says what they hold. `limit` takes only so many rows of the base. */
export function prepareDataSet(name, limit) {
  const { title, plotName, metric, write } = DATA_SETS[name]
  const directory = join(DATA_DIRECTORY, limit === undefined ? name : `${name}-${limit}`)
  const files = Object.fromEntries(['base', 'queries', 'tuning'].map((part) => [part, join(directory, `${part}.f32`)]))
  mkdirSync(directory, { recursive: true })
  // A set is made anew when the recipe changes: without that a stale file would pass for it.
  const recipe = join(directory, `recipe-${recipeHash()}`)
  if (!existsSync(recipe) || !Object.values(files).every((file) => existsSync(file))) {
    process.stderr.write(`making the vectors of ${name}\n`)
    write(files, limit)
    writeVectorFile(recipe, 1, [])
  }
  const dimensions = name === 'glove' ? 100 : HARD_DIMENSIONS
  const bytes = readFileSync(files.base)
  const hash = createHash('sha256').update(bytes)
  for (const part of ['queries', 'tuning']) hash.update(readFileSync(files[part]))
  const count = bytes.length / 4 / dimensions
  return { name, title, plotName, metric, dimensions, count, directory, files, hash: hash.digest('hex').slice(0, 16) }
}

function recipeHash() {
  const hash = createHash('sha256')
  for (const file of ['data-sets.mjs', 'hard-768.mjs', 'random.mjs'])
    hash.update(readFileSync(new URL(file, import.meta.url)))
  return hash.digest('hex').slice(0, 12)
}

/** The last words, which are the rarest, are the scored queries; tuning queries are words of the base with noise on them. */
function writeGlove(files, limit = Number.POSITIVE_INFINITY) {
  const { vectors, ids, dimensions } = loadGlove()
  const whole = ids.length - HELD_OUT
  const count = Math.min(limit, whole)
  const rowAt = (row) => vectors.subarray(row * dimensions, (row + 1) * dimensions)
  writeVectorFile(files.base, dimensions, mapRange(count, rowAt))
  writeVectorFile(
    files.queries,
    dimensions,
    mapRange(HELD_OUT, (index) => rowAt(whole + index)),
  )
  const random = createRandom(100_001)
  writeVectorFile(
    files.tuning,
    dimensions,
    mapRange(HELD_OUT, () => {
      const word = rowAt(random.integer(count))
      const deviation = TUNING_NOISE * Math.sqrt(word.reduce((sum, value) => sum + value * value, 0) / dimensions)
      return word.map((value) => value + deviation * random.normal())
    }),
  )
}

function writeHard(files, limit = Number.POSITIVE_INFINITY) {
  writeVectorFile(files.base, HARD_DIMENSIONS, hardRows('base', Math.min(limit, HARD_COUNT)))
  writeVectorFile(files.queries, HARD_DIMENSIONS, hardRows('queries', HELD_OUT))
  writeVectorFile(files.tuning, HARD_DIMENSIONS, hardRows('tuning', HELD_OUT))
}

function* mapRange(count, valueAt) {
  for (let index = 0; index < count; index += 1) yield valueAt(index)
}
