// Memory of the index while something goes on: what its parts report, sampled.
const SAMPLE_MS = 20

/** Bytes of each part of the index that a store reports. */
export function indexBytes(store) {
  const { components } = store.memoryUsage()
  return Object.fromEntries(Object.entries(components).filter(([name]) => name.startsWith('index')))
}

export function sumOf(bytes) {
  return Object.values(bytes).reduce((sum, value) => sum + value, 0)
}

/** @returns what `work` gives, and the most bytes that the index had meanwhile */
export async function withPeak(store, work) {
  let peakBytes = sumOf(indexBytes(store))
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, sumOf(indexBytes(store)))
  }, SAMPLE_MS)
  try {
    const result = await work()
    return { result, peakBytes: Math.max(peakBytes, sumOf(indexBytes(store))) }
  } finally {
    clearInterval(timer)
  }
}
