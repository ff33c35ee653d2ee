// The endless workload of the processes that are killed: which operation a LSN has follows from the LSN alone, so that a
// process which knows where its store is knows how to go on, and the one that judges it knows what must be there.

const DIMENSIONS = 8
const COLLECTION = 'words'
/** The collection is dropped and made again once in so many records. */
const LIFETIME_RECORDS = 251

/** @param {number} lsn */
export function operationAt(lsn) {
  const age = (lsn - 1) % LIFETIME_RECORDS
  if (age === 0) return { type: 'create', name: COLLECTION, dimensions: DIMENSIONS, metric: 'euclidean' }
  if (age === LIFETIME_RECORDS - 1) return { type: 'drop', name: COLLECTION }
  const next = numbersOf(lsn)
  const id = () => `w${next() % 60}`
  const kind = next() % 8
  if (kind === 0) return { type: 'delete', name: COLLECTION, ids: [id(), id()] }
  if (kind === 1) return { type: 'update', name: COLLECTION, id: id(), metadata: { lsn } }
  const entries = Array.from({ length: 1 + (next() % 6) }, () => entryOf(id(), next))
  return { type: 'add', name: COLLECTION, entries }
}

function entryOf(id, next) {
  const vector = Array.from({ length: DIMENSIONS }, () => (next() % 2001) / 1000 - 1)
  return next() % 2 === 0 ? { id, vector } : { id, vector, metadata: { n: next() } }
}

/** Whole numbers that follow from a seed. */
export function numbersOf(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}
