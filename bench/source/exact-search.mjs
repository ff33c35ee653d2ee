// Exact search of the whole set through the public API, beside the memory bandwidth of the machine.
import { formatNumber, markdownTable, median, quantile, timeMs } from './statistics.mjs'

export async function benchExactSearch(words, data, { searches }) {
  const bytes = data.vectors.byteLength
  const copyGBs = median(Array.from({ length: 15 }, () => copyBandwidth(data.vectors)))
  const readGBs = median(Array.from({ length: 15 }, () => readBandwidth(data.vectors)))
  const rows = []
  for (const k of [10, 100, 1000]) {
    const latenciesMs = []
    for (let search = 0; search < searches; search += 1) {
      const row = (search * 7919) % data.ids.length
      const query = data.vectors.subarray(row * data.dimensions, (row + 1) * data.dimensions)
      latenciesMs.push(await timeMs(() => words.search(query, { k, exact: true })))
    }
    const p50Ms = quantile(latenciesMs, 0.5)
    const scanGBs = bytes / 1e9 / (p50Ms / 1000)
    rows.push([
      k,
      formatNumber(p50Ms),
      formatNumber(quantile(latenciesMs, 0.99)),
      formatNumber(scanGBs),
      `${(scanGBs / copyGBs).toFixed(2)} of copying, ${(scanGBs / readGBs).toFixed(2)} of reading`,
      searches,
    ])
  }
  const bandwidth = `Bandwidth of one core in the same run: copying ${formatNumber(copyGBs)} GB/s of source bytes, reading ${formatNumber(readGBs)} GB/s (medians of 15).`
  return `${bandwidth}\n\n${markdownTable(['k', 'p50 ms', 'p99 ms', 'GB/s of vectors', 'against bandwidth', 'n'], rows)}`
}

/** Copying from main memory into a piece that stays in cache: what every scan must do at least. */
function copyBandwidth(vectors) {
  const piece = new Float32Array(32 * 1024)
  const startMs = performance.now()
  for (let start = 0; start + piece.length <= vectors.length; start += piece.length)
    piece.set(vectors.subarray(start, start + piece.length))
  return vectors.byteLength / 1e9 / ((performance.now() - startMs) / 1000)
}

/** Reading alone, by comparing with a copy of itself in cache-sized pieces: the quickest pass over memory that Node offers. */
function readBandwidth(vectors) {
  const bytes = Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength)
  const startMs = performance.now()
  // A byte that does not occur makes memchr walk everything; the vectors hold every byte, so a long pattern is searched.
  bytes.indexOf(Buffer.alloc(64, 0xfe))
  return vectors.byteLength / 1e9 / ((performance.now() - startMs) / 1000)
}
