// The process that one engine runs in. The parent sends { call, … } and gets { result } or { error } back, one at a time, so an
// engine's memory is its process's, and engines take turns on the core.
import { engineNamed } from './engines.mjs'
import { measurePass } from './pass.mjs'
import { peakRssBytes } from './peak-memory.mjs'
import { openVectorSource, readVectorFile } from './vector-file.mjs'

let session
let engine
let settings
let querySets
let currentEffort

const calls = {
  load({ engineName }) {
    engineNamed(engineName).load()
    return { version: engineNamed(engineName).version() }
  },

  async build({ engineName, directory, baseFile, dimensions, buildSettings }) {
    const source = openVectorSource(baseFile, dimensions)
    const cpuBefore = process.cpuUsage()
    const startMs = performance.now()
    const onProgress = (done) => process.send({ progress: { done, total: source.count } })
    const outcome = await engineNamed(engineName).build(directory, source, { ...buildSettings, onProgress })
    const buildMs = performance.now() - startMs
    const cpu = process.cpuUsage(cpuBefore)
    return { ...outcome, buildMs, cpuMs: (cpu.user + cpu.system) / 1000, peakRssBytes: peakRssBytes() }
  },

  async open({ engineName, directory, openSettings, queryFiles, dimensions }) {
    engine = engineNamed(engineName)
    settings = openSettings
    session = await engine.open(directory, openSettings)
    await session.settle?.()
    querySets = Object.fromEntries(
      Object.entries(queryFiles).map(([part, { file, count }]) => {
        const vectors = readVectorFile(file)
        const queries = Array.from({ length: count }, (_, row) =>
          session.prepareQuery(vectors.slice(row * dimensions, (row + 1) * dimensions)),
        )
        return [part, queries]
      }),
    )
    return { effortsThatDiffer: session.effortsThatDiffer }
  },

  /** Warm-up always uses tuning queries, so that no scored one was seen before. */
  async pass({ curveName, effort, part, from, k, warmUpQueries, minimumQueries, minimumMs, maximumMs }) {
    const curve = settings.curves.find(({ name }) => name === curveName)
    const key = `${curveName} ${effort}`
    if (key !== currentEffort) await session.useEffort(effort, curve, k)
    currentEffort = key
    const warmUp = querySets.tuning
    await measurePass(session, warmUp, { from, k, minimumQueries: warmUpQueries, minimumMs: 0, maximumMs })
    return measurePass(session, querySets[part], { from, k, minimumQueries, minimumMs, maximumMs })
  },

  async firstAnswer({ engineName, directory, openSettings, curveName, effort, queryFile, dimensions, k }) {
    const opened = await engineNamed(engineName).open(directory, openSettings)
    const curve = openSettings.curves.find(({ name }) => name === curveName)
    await opened.useEffort(effort, curve, k)
    const query = opened.prepareQuery(readVectorFile(queryFile).slice(0, dimensions))
    const rows = opened.rowsOf(await opened.search(query, k))
    session = opened
    return { rows, peakRssBytes: peakRssBytes() }
  },

  async settle() {
    await session.settle?.()
    return { settles: session.settle !== undefined, peakRssBytes: peakRssBytes() }
  },

  memory: () => ({ peakRssBytes: peakRssBytes() }),

  async close() {
    await session?.close()
    return {}
  },
}

process.on('message', async ({ call, ...given }) => {
  try {
    process.send({ result: await calls[call](given) })
  } catch (error) {
    process.send({ error: error?.stack ?? String(error) })
  }
})
// A parent that died leaves nobody to answer.
process.on('disconnect', () => process.exit(1))
