// Files of float32 rows and nothing else. Engines are fed from them in batches, so that the memory of a process that builds an
// index holds what the engine keeps and not a second copy of the data.
import { closeSync, openSync, readFileSync, readSync, renameSync, statSync, writeSync } from 'node:fs'

const FLUSH_ROWS = 4096

/** Writes rows as they come; the file appears when it is complete. */
export function writeVectorFile(path, dimensions, rows) {
  const temporaryPath = `${path}.${process.pid}.tmp`
  const file = openSync(temporaryPath, 'w')
  const pending = new Float32Array(FLUSH_ROWS * dimensions)
  let filled = 0
  const flush = () => {
    writeWhole(file, new Uint8Array(pending.buffer, 0, filled * dimensions * 4))
    filled = 0
  }
  for (const row of rows) {
    pending.set(row, filled * dimensions)
    filled += 1
    if (filled === FLUSH_ROWS) flush()
  }
  flush()
  closeSync(file)
  renameSync(temporaryPath, path)
}

function writeWhole(file, bytes) {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
}

export function readVectorFile(path) {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

/** What an adapter builds from: rows in order, each with its string id. */
export function openVectorSource(path, dimensions) {
  const count = statSync(path).size / 4 / dimensions
  return { dimensions, count, idOf: rowId, batches: (size) => readBatches(path, dimensions, count, size) }
}

export function rowId(row) {
  return `row-${row}`
}

export function rowOfId(id) {
  return Number(id.slice('row-'.length))
}

/** The vectors of a batch are valid until the next batch is asked for. */
function* readBatches(path, dimensions, count, size) {
  const buffer = new Float32Array(size * dimensions)
  const file = openSync(path, 'r')
  try {
    for (let first = 0; first < count; first += size) {
      const rows = Math.min(size, count - first)
      const bytes = new Uint8Array(buffer.buffer, 0, rows * dimensions * 4)
      const position = first * dimensions * 4
      for (let read = 0; read < bytes.length; ) {
        const got = readSync(file, bytes, read, bytes.length - read, position + read)
        if (got === 0) throw new Error(`${path} became shorter while it was read`)
        read += got
      }
      yield { first, rows, vectors: buffer.subarray(0, rows * dimensions) }
    }
  } finally {
    closeSync(file)
  }
}
