// What the benchmarks of the index work on: words as entries, the last words as queries, and passes of searches that are timed.

const HELD_OUT = 1000

/** The last 1,000 words, which are the rarest, are queries; all before them are entries. */
export function splitHeldOut({ ids, vectors, dimensions }) {
  const count = ids.length - HELD_OUT
  if (count < HELD_OUT) throw new Error(`${ids.length} words are too few: ${HELD_OUT} of them are queries`)
  const base = { ids: ids.slice(0, count), vectors: vectors.subarray(0, count * dimensions), dimensions }
  const queries = Array.from({ length: HELD_OUT }, (_, index) => vectorAt({ vectors, dimensions }, count + index))
  return { base, queries }
}

export function vectorAt({ vectors, dimensions }, row) {
  return vectors.subarray(row * dimensions, (row + 1) * dimensions)
}

export function* entriesOf(set, from = 0, to = set.ids.length) {
  for (let row = from; row < to; row += 1) yield { id: set.ids[row], vector: vectorAt(set, row) }
}

/** Opens a store with one collection. */
export async function openWords(VectorStore, path, { dimensions, metric = 'cosine', ...options }) {
  const store = await VectorStore.open(path, options)
  return { store, words: await store.collection('words', { dimensions, metric }) }
}

/** One search after another, until all queries were answered once, or until the time is up. */
export async function searchPass(words, queries, options, mostMs = Number.POSITIVE_INFINITY) {
  const results = []
  const latenciesMs = []
  const startMs = performance.now()
  let beforeMs = startMs
  for (const query of queries) {
    results.push(await words.search(query, options))
    const nowMs = performance.now()
    latenciesMs.push(nowMs - beforeMs)
    beforeMs = nowMs
    if (beforeMs - startMs > mostMs) break
  }
  return { results, latenciesMs, qps: results.length / ((beforeMs - startMs) / 1000) }
}

/** All queries in one call. */
export async function searchManyPass(words, queries, options) {
  const startMs = performance.now()
  const results = await words.searchMany(queries, options)
  return { results, qps: results.length / ((performance.now() - startMs) / 1000) }
}

/** A number from 0 to 1 that a row always has: which rows are deleted, or pass a filter. */
export function shareOfRow(row) {
  let word = Math.imul(row ^ 0x5bd1e995, 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return ((word ^ (word >>> 16)) >>> 0) / 2 ** 32
}
