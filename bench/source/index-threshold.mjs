// From which size on a walk is quicker than comparing everything, and how many of what a walk finds have to be compared again.
import { generatedSet } from './generated-set.mjs'
import { entriesOf, searchManyPass, searchPass, shareOfRow, splitHeldOut, vectorAt } from './index-data.mjs'
import { exactTruth, recallOf } from './index-truth.mjs'
import { importPatched } from './patched-build.mjs'
import { formatMiB, formatNumber, markdownTable, median, quantile } from './statistics.mjs'

const MIB = 2 ** 20
/** Bytes of originals that are tried, a factor of 1.41 apart. */
const SIZES = Array.from({ length: 11 }, (_, step) => 2 ** (step / 2) * 0.25 * MIB)
const FILTERED_SIZES = Array.from({ length: 9 }, (_, step) => 2 ** step * 0.125 * MIB)
/** Below it a search for 10 always compares everything: they are more than a twentieth. */
const FEWEST = 200
const QUERIES = 200
const FILTERED_QUERIES = 64
const RESCORED = [20, 30, 40, 60]
const RESCORED_LIST_SIZES = [60, 100, 160, 320]
const MOST_GENERATED = 100_000

/** In the copy every search walks unless it is exact, and how many it rescores is a global. */
const PATCHES = [
  { file: 'engine/index/scan-or-walk.js', pattern: /const FEW_BYTES = [^;]+;/, replacement: 'const FEW_BYTES = 0;' },
  {
    file: 'engine/index/list-sizes.js',
    pattern: /function rescoredCount\([^)]*\) \{/,
    replacement: '$& if (globalThis.benchRescored !== undefined) return globalThis.benchRescored;',
  },
]

export async function benchIndexThreshold(data, { rounds, directory }) {
  const { package: patched, found } = await importPatched(directory, PATCHES)
  const generated = (count) => {
    const { base, queries, dimensions, metric } = generatedSet(count)
    return asSet(base, queries, dimensions, metric)
  }
  const words = splitHeldOut(data)
  const sets = [firstComponents(words, 25), { ...words, metric: 'cosine' }, generated(largestOf(768))]
  const crossings = []
  const tables = []
  for (const set of sets) {
    const points = await measureSizes(patched.VectorStore, set, rounds)
    crossings.push(crossingLine(set, points))
    tables.push(sizeTable(set, points))
  }
  const hard = generated(Math.min(MOST_GENERATED, data.ids.length))
  return [
    `In force: \`${found[0]}\` A walk has the default list; both give the 10 nearest.`,
    crossings.join('\n'),
    ...tables,
    'Under a filter, which all searches of a block share: the entries that pass, one by one or by a walk:',
    await filteredTable(patched.VectorStore, { ...words, metric: 'cosine' }, rounds),
    'Compared again on their originals, at equal list: recall@10 (QPS):',
    await rescoredTable(patched.VectorStore, { ...words, metric: 'cosine' }, rounds),
    await rescoredTable(patched.VectorStore, hard, rounds),
  ].join('\n\n')
}

function asSet(vectors, queries, dimensions, metric) {
  const ids = Array.from({ length: vectors.length / dimensions }, (_, row) => `row-${row}`)
  const rows = Array.from({ length: queries.length / dimensions }, (_, row) =>
    vectorAt({ vectors: queries, dimensions }, row),
  )
  return { base: { ids, vectors, dimensions }, queries: rows, metric }
}

function firstComponents({ base, queries }, dimensions) {
  const vectors = new Float32Array(base.ids.length * dimensions)
  for (let row = 0; row < base.ids.length; row += 1)
    vectors.set(vectorAt(base, row).subarray(0, dimensions), row * dimensions)
  return {
    base: { ids: base.ids, vectors, dimensions },
    queries: queries.map((query) => query.subarray(0, dimensions)),
    metric: 'cosine',
  }
}

function largestOf(dimensions) {
  return Math.floor(SIZES.at(-1) / (dimensions * 4))
}

/** A store in memory whose first `count` entries are all in the index. */
async function withIndexed(VectorStore, { base, metric }, count, work) {
  // Without threads `searchMany` does everything on this one, so that both ways are timed on it.
  const store = await VectorStore.ephemeral({ threads: 0, bufferEntries: Number.MAX_SAFE_INTEGER })
  try {
    const words = await store.collection('words', { dimensions: base.dimensions, metric })
    await words.addAll(entriesOf(base, 0, count))
    await words.optimize()
    return await work(words)
  } finally {
    await store.close()
  }
}

async function measureSizes(VectorStore, set, rounds) {
  const rowBytes = set.base.dimensions * 4
  const counts = SIZES.map((bytes) => Math.floor(bytes / rowBytes))
  const points = []
  for (const count of counts.filter((each) => each >= FEWEST && each <= set.base.ids.length))
    points.push(await withIndexed(VectorStore, set, count, (words) => measureSize(words, set, count, rounds)))
  return points
}

/** The two take turns in each round, after one that is not counted. */
async function measureSize(words, { base, queries }, count, rounds) {
  const some = spread(queries, QUERIES)
  const times = { scan: [], walk: [] }
  let walked
  let truth
  for (let round = -1; round < rounds; round += 1) {
    const scan = await searchPass(words, some, { k: 10, exact: true })
    const walk = await searchPass(words, some, { k: 10 })
    if (walk.results.some(({ exact }) => exact)) throw new Error('a search compared everything instead of walking')
    truth ??= scan.results.map(({ hits }) => hits.map(({ id }) => id))
    walked = walk.results
    if (round < 0) continue
    // Of single searches, because a pass is so short that one interruption would decide it.
    times.scan.push(1000 * quantile(scan.latenciesMs, 0.5))
    times.walk.push(1000 * quantile(walk.latenciesMs, 0.5))
  }
  const ratio = median(times.scan.map((scan, round) => scan / times.walk[round]))
  const [scanMicros, walkMicros] = [median(times.scan), median(times.walk)]
  return { count, bytes: count * base.dimensions * 4, scanMicros, walkMicros, ratio, recall: recallOf(walked, truth) }
}

function spread(values, count) {
  const step = Math.floor(values.length / count)
  return values.filter((_, index) => index % step === 0).slice(0, count)
}

/** Where scanning takes as long as walking, between the last size at which it is quicker and the next one. */
function crossingLine({ base: { dimensions } }, points) {
  const above = points.findLastIndex(({ ratio }) => ratio < 1) + 1
  const name = `- ${dimensions} dimensions:`
  if (above === points.length) return `${name} no walk is quicker up to ${formatMiB(points.at(-1).bytes)} MiB`
  if (above === 0) return `${name} a walk is quicker from less than ${formatMiB(points[0].bytes)} MiB on`
  const [low, high] = [points[above - 1], points[above]]
  const share = -Math.log(low.ratio) / (Math.log(high.ratio) - Math.log(low.ratio))
  const bytes = Math.exp(Math.log(low.bytes) + share * (Math.log(high.bytes) - Math.log(low.bytes)))
  return `${name} a walk is quicker from ${formatNumber(bytes / dimensions / 4)} entries on, ${formatMiB(bytes)} MiB of originals`
}

function sizeTable({ base: { dimensions }, metric }, points) {
  const header = [
    `entries (${dimensions} dimensions, ${metric})`,
    'MiB',
    'scan us',
    'walk us',
    'scan / walk',
    'recall@10',
  ]
  const rows = points.map(({ count, bytes, scanMicros, walkMicros, ratio, recall }) => [
    formatNumber(count),
    formatMiB(bytes),
    formatNumber(scanMicros),
    formatNumber(walkMicros),
    ratio.toFixed(2),
    recall.toFixed(4),
  ])
  return markdownTable(header, rows)
}

async function filteredTable(VectorStore, set, rounds) {
  const { base, queries } = set
  const total = base.ids.length
  const some = spread(queries, FILTERED_QUERIES)
  const counts = FILTERED_SIZES.map((bytes) => Math.floor(bytes / (base.dimensions * 4)))
  const rows = await withIndexed(VectorStore, set, total, async (words) => {
    const measured = []
    for (const count of counts.filter((each) => each >= FEWEST && each < total)) {
      const filter = new Set(base.ids.filter((_, row) => shareOfRow(row) < count / total))
      const ratios = []
      let walk
      let scan
      for (let round = -1; round < rounds; round += 1) {
        scan = await searchManyPass(words, some, { k: 10, filter, exact: true })
        walk = await searchManyPass(words, some, { k: 10, filter })
        if (round >= 0) ratios.push({ ratio: walk.qps / scan.qps, scan: 1e6 / scan.qps, walk: 1e6 / walk.qps })
      }
      const truth = scan.results.map(({ hits }) => hits.map(({ id }) => id))
      measured.push([
        formatNumber(filter.size),
        formatMiB(filter.size * base.dimensions * 4),
        `${formatNumber((filter.size / total) * 100)} %`,
        ...['scan', 'walk'].map((way) => formatNumber(median(ratios.map((each) => each[way])))),
        median(ratios.map(({ ratio }) => ratio)).toFixed(2),
        recallOf(walk.results, truth).toFixed(4),
      ])
    }
    return measured
  })
  const header = [`pass (of ${formatNumber(total)})`, 'MiB', 'share', 'one by one, us', 'walk us', 'one by one / walk']
  return markdownTable([...header, 'recall@10'], rows)
}

async function rescoredTable(VectorStore, set, rounds) {
  const { base, queries, metric } = set
  const rows = await withIndexed(VectorStore, set, base.ids.length, async (words) => {
    const truth = await exactTruth(words, base, queries)
    const measured = []
    for (const listSize of RESCORED_LIST_SIZES) {
      const passes = await rescoredPasses(words, queries, listSize, rounds)
      const cells = passes.map(({ results, times }) => {
        return `${recallOf(results, truth).toFixed(4)} (${formatNumber(median(times))})`
      })
      measured.push([listSize, ...cells])
    }
    return measured
  })
  const header = [
    `list (${formatNumber(base.ids.length)} x ${base.dimensions}, ${metric})`,
    ...RESCORED,
    'all',
    'as it is',
  ]
  return markdownTable(header, rows)
}

async function rescoredPasses(words, queries, listSize, rounds) {
  const passes = [...RESCORED, Number.POSITIVE_INFINITY, undefined].map((rescored) => ({ rescored, times: [] }))
  for (let round = -1; round < rounds; round += 1) {
    for (const pass of passes) {
      globalThis.benchRescored = pass.rescored
      const { results, qps } = await searchPass(words, queries, { k: 10, listSize })
      pass.results = results
      if (round >= 0) pass.times.push(qps)
    }
  }
  globalThis.benchRescored = undefined
  return passes
}
