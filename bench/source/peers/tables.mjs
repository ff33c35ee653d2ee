// The results as Markdown.
import { formatMiB, formatNumber, markdownTable } from '../statistics.mjs'
import { bestAt, qpsAt } from './curves.mjs'

export const TARGETS = [0.9, 0.95, 0.99]

/** Every engine at its best, then every setting alone, then what is known about each engine. */
export function compareTables(results) {
  return [
    headOf(results),
    engineTable(results),
    'Each setting alone:',
    settingTable(results),
    notesOf(results),
    `![Recall and queries a second](recall-qps-${results.dataSet.plotName}.svg)`,
  ].join('\n\n')
}

function headOf({ dataSet, machine, core, queryCount, rounds, bare, k, command, left }) {
  const { count, dimensions, metric, title } = dataSet
  const where = core === undefined ? 'not pinned to a core (no taskset)' : `every process pinned to core ${core}`
  return [
    `${machine}. \`${command}\`. ${title}: ${count.toLocaleString('en-US')} x ${dimensions}, ${metric}, ${where}.`,
    `${queryCount} scored queries, recall@${k} against exact search in float64; other queries for tuning and warm-up.`,
    `"(2.00x)": annals answers twice as many. QPS is the median of ${rounds} rounds in which engines take turns, each in its own process, one query at a time, interpolated`,
    'at equal recall on each curve; the best of the settings that are named counts. "≥": the curve starts above that recall; "-": it',
    'never gets there. Memory is the peak resident size of a process; a bare Node takes',
    `${formatMiB(bare.rssBytes)} MiB, and ${formatNumber(bare.reopenMs)} ms to start and answer nothing.`,
    ...(left.length === 0 ? [] : [`Left out: ${left.join('; ')}.`]),
  ].join('\n')
}

function engineTable({ engines, dataSet, ours }) {
  const header = ['engine', ...TARGETS.map((target) => `QPS at ${target.toFixed(2)}`)]
  header.push(
    'best setting at .95',
    'build s',
    'peak MiB building',
    'searching',
    'bytes a vector on disk',
    'reopen to answer ms',
    'to full speed ms',
  )
  const rows = engines.map((engine) => {
    const best = TARGETS.map((target) => bestAt(curvesOf(engine), target))
    const entry = entryOfBest(engine, best)
    const cells = best.map((at, index) =>
      qpsCell(at, ours === engine.name ? undefined : ratioTo(engines, ours, index, at)),
    )
    return [
      `${engine.name} ${engine.version}`,
      ...cells,
      best[1] === undefined ? '-' : labelOf(best[1].curve),
      formatNumber(entry.build.buildMs / 1000),
      formatMiB(entry.build.peakRssBytes),
      formatMiB(entry.searchPeakRssBytes),
      formatNumber(entry.build.bytesOnDisk / dataSet.count),
      formatNumber(entry.reopenMs),
      settledCell(entry),
    ]
  })
  return markdownTable(header, rows)
}

/** Build time and size are those of the setting that is quickest at .95, or else of the nearest target that it reaches. */
function entryOfBest(engine, best) {
  const at = best[1] ?? best[0] ?? best[2]
  return at === undefined ? engine.entries[0] : at.curve.entry
}

function ratioTo(engines, ours, index, at) {
  const own = engines.find(({ name }) => name === ours)
  const reached = own === undefined ? undefined : bestAt(curvesOf(own), TARGETS[index])
  return at === undefined || reached === undefined ? undefined : reached.qps / at.qps
}

function qpsCell(at, ratio) {
  if (at === undefined) return '-'
  const qps = `${at.bracketed ? '' : '≥ '}${formatNumber(at.qps)}`
  return ratio === undefined ? qps : `${qps} (${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)}x)`
}

function settingTable({ engines, dataSet }) {
  const header = ['engine', 'setting', ...TARGETS.map((target) => `QPS at ${target.toFixed(2)}`)]
  header.push(
    'least recall',
    'most recall',
    'build s',
    'build CPU s',
    'bytes a vector on disk',
    'reopen ms',
    'to full speed ms',
    'its peak MiB',
  )
  const rows = engines.flatMap((engine) =>
    curvesOf(engine).map(({ entry, name, points }) => {
      const recalls = points.map(({ recall }) => recall)
      return [
        engine.name,
        labelOf({ entry, name }),
        ...TARGETS.map((target) => qpsCell(qpsAt(points, target))),
        Math.min(...recalls).toFixed(3),
        Math.max(...recalls).toFixed(4),
        formatNumber(entry.build.buildMs / 1000),
        formatNumber(entry.build.cpuMs / 1000),
        formatNumber(entry.build.bytesOnDisk / dataSet.count),
        formatNumber(entry.reopenMs),
        settledCell(entry),
        formatMiB(entry.reopenRssBytes),
      ]
    }),
  )
  return markdownTable(header, rows)
}

/** Empty where an engine gives no answer before its index is there. */
function settledCell({ settledMs }) {
  return settledMs === undefined ? '' : formatNumber(settledMs)
}

function notesOf({ engines }) {
  return engines.map(({ name, notes }) => `- ${name}: ${notes.join(' ')}`).join('\n')
}

/** The curves that were scored, each with the entry (setting and build) that it is of. */
export function curvesOf({ entries }) {
  return entries.flatMap((entry) =>
    entry.setting.curves
      .map(({ name }) => ({ entry, name, points: entry.points.filter(({ curveName }) => curveName === name) }))
      .filter(({ points }) => points.length > 0),
  )
}

function labelOf({ entry, name }) {
  return name === '' ? entry.setting.name : `${entry.setting.name}, ${name}`
}
