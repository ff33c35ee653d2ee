// The endless workload of the processes that are killed: the operations have numbers from 1 on, and which one a number stands for
// follows from it alone, so that a process which knows how many are in its store knows how to go on, and the one that judges it
// knows what must be there.

const DIMENSIONS = 8
const COLLECTION = 'words'
/** The collection is dropped and made again once in so many operations. */
const LIFETIME_OPERATIONS = 401
/** It begins with an import of so many batches. */
const IMPORT_BATCHES = 3
const BATCH_ENTRIES = 60
/** Its mode is switched once in so many operations. */
const SWITCH_OPERATIONS = 29
const MODES = ['int8', 'binary', 'none']

/** @param {number} number */
export function operationAt(number) {
  const age = (number - 1) % LIFETIME_OPERATIONS
  if (age === 0) return { type: 'create', name: COLLECTION, dimensions: DIMENSIONS, metric: 'euclidean' }
  if (age === LIFETIME_OPERATIONS - 1) return { type: 'drop', name: COLLECTION }
  const next = numbersOf(number)
  if (age <= IMPORT_BATCHES) {
    const first = (age - 1) * BATCH_ENTRIES
    const entries = Array.from({ length: BATCH_ENTRIES }, (_, index) => entryOf(`i${first + index}`, next))
    return { type: 'add', name: COLLECTION, entries }
  }
  if (age % SWITCH_OPERATIONS === 0) return { type: 'quantize', name: COLLECTION, mode: MODES[next() % MODES.length] }
  const id = () => `w${next() % 60}`
  const imported = () => `i${next() % (IMPORT_BATCHES * BATCH_ENTRIES)}`
  const kind = next() % 8
  if (kind === 0) return { type: 'delete', name: COLLECTION, ids: [id(), ...Array.from({ length: 9 }, imported)] }
  if (kind === 1) return { type: 'update', name: COLLECTION, id: id(), metadata: { number } }
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
