// From the start of a process to the first answer of an index that is on disk, and until it searches as quickly as ever; engines in
// turn, bare Node for comparison.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from '../statistics.mjs'
import { startChild } from './host.mjs'
import { say, showProgress } from './progress.mjs'

const BARE_CHILD = fileURLToPath(new URL('./bare-child.mjs', import.meta.url))

/**
 * Puts `reopenMs` and `reopenRssBytes` on each entry, and `settledMs` where the first answer comes before the index is back; gives the
 * same of a process that does nothing.
 */
export async function measureReopening(entries, dataSet, { core, rounds, k }) {
  const runs = new Map(entries.map((entry) => [entry, []]))
  const bare = []
  for (let round = 0; round < rounds; round += 1) {
    showProgress('reopening, rounds', round, rounds)
    bare.push(await timeChild({ core, script: BARE_CHILD }, {}))
    for (const entry of entries) {
      const { engine, setting, build, points } = entry
      const { curveName, effort } = points[points.length >> 1]
      const given = {
        engineName: engine.name,
        directory: join(build.directory, 'index'),
        openSettings: { ...setting, metric: dataSet.metric, dimensions: dataSet.dimensions },
        queryFile: dataSet.files.queries,
        dimensions: dataSet.dimensions,
        curveName,
        effort,
        k,
      }
      runs.get(entry).push(await timeAnswer({ core }, given))
    }
  }
  showProgress('reopening, rounds', rounds, rounds)
  for (const [entry, ofEntry] of runs) {
    entry.reopenMs = median(ofEntry.map(({ elapsedMs }) => elapsedMs))
    const settledMs = ofEntry.map((run) => run.settledMs)
    entry.settledMs = settledMs.includes(undefined) ? undefined : median(settledMs)
    entry.reopenRssBytes = median(ofEntry.map(({ peakRssBytes }) => peakRssBytes))
  }
  return {
    reopenMs: median(bare.map(({ elapsedMs }) => elapsedMs)),
    rssBytes: median(bare.map(({ peakRssBytes }) => peakRssBytes)),
  }
}

/** A failure shows as NaN in the table: the rest of a long run is worth having. */
async function timeAnswer(how, given) {
  try {
    const run = await timeChild(how, given)
    if (run.rows.length !== given.k) throw new Error(`it gave ${run.rows.length} of ${given.k} answers`)
    return run
  } catch (error) {
    say(`${given.engineName}: FAILED after reopening: ${error.message.split('\n')[0]}`)
    return { elapsedMs: Number.NaN, peakRssBytes: Number.NaN }
  }
}

async function timeChild(how, given) {
  const startMs = performance.now()
  const child = startChild(how)
  try {
    const answer = await child.ask('firstAnswer', given)
    const elapsedMs = performance.now() - startMs
    const { settles, peakRssBytes } = await child.ask('settle')
    return { ...answer, peakRssBytes, elapsedMs, ...(settles && { settledMs: performance.now() - startMs }) }
  } finally {
    await child.stop()
  }
}
