// What is nearest, by the store's own exact search, kept in bench/data/ under the hash of what it depends on.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const K = 10
/** Kept beyond k, so that entries exactly as far as the k-th count as right answers too. */
const SPARE = 8
const DIRECTORY = fileURLToPath(new URL('../data/truth', import.meta.url))

/**
 * @param name says which entries of the set there are, or may be hits, where that is not all of them
 * @returns {Promise<string[][]>} for each query the ids of its 10 nearest, and of those that tie with the last of them
 */
export async function exactTruth(words, set, queries, { name = 'all', filter } = {}) {
  const path = `${DIRECTORY}/${hashOf(set, queries, `${words.metric} ${name}`)}.json`
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'))
  const options = { k: K + SPARE, exact: true, ...(filter && { filter }) }
  const truth = (await words.searchMany(queries, options)).map(nearestOf)
  mkdirSync(DIRECTORY, { recursive: true })
  writeFileSync(`${path}.${process.pid}.tmp`, JSON.stringify(truth))
  renameSync(`${path}.${process.pid}.tmp`, path)
  return truth
}

/** Share of the 10 nearest that were found, over the results that there are. */
export function recallOf(results, truth) {
  let right = 0
  let wanted = 0
  for (const [query, { hits }] of results.entries()) {
    const ids = new Set(truth[query])
    const most = Math.min(K, ids.size)
    right += Math.min(most, hits.slice(0, K).filter(({ id }) => ids.has(id)).length)
    wanted += most
  }
  return right / wanted
}

function nearestOf({ hits }) {
  const last = hits[Math.min(K, hits.length) - 1]?.distance
  return hits.filter(({ distance }) => distance <= last).map(({ id }) => id)
}

function hashOf({ ids, vectors, dimensions }, queries, name) {
  const hash = createHash('sha256').update(`${name}\n${dimensions}\n${ids.length}\n`)
  hash.update(ids.join('\n')).update(bytesOf(vectors))
  for (const query of queries) hash.update(bytesOf(query))
  return hash.digest('hex').slice(0, 16)
}

function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
