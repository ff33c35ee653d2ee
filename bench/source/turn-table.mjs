// What phases did to the event loop, as a table: a row each.
import { formatNumber, markdownTable, quantile } from './statistics.mjs'
import { LONG_MS, percentileMs } from './turns.mjs'

/** `result` of a phase: how long each of the searches beside it took, or nothing. */
export function phaseTable(phases) {
  const header = [
    'while',
    's',
    'turns: p50 ms',
    'p99',
    'p99.9',
    'longest',
    'its processor time',
    `${LONG_MS} ms of that or more`,
  ]
  header.push(
    `time in turns over ${LONG_MS} ms`,
    'timer delay p99 ms',
    'p99.9',
    'longest',
    'searches a second',
    'p99 ms',
  )
  const rows = phases.map(({ name, turns, delay, longest, totalMs, longMs, longOwn, result }) => {
    const latenciesMs = result ?? []
    return [
      name,
      formatNumber(totalMs / 1000),
      ...[50, 99, 99.9].map((percentile) => formatNumber(percentileMs(turns, percentile))),
      formatNumber(turns.max / 1e6),
      longest.length === 0 ? '-' : formatOwn(longest[0]),
      longOwn,
      `${((100 * longMs) / totalMs).toFixed(2)} %`,
      ...[99, 99.9].map((percentile) => formatNumber(percentileMs(delay, percentile))),
      formatNumber(delay.max / 1e6),
      latenciesMs.length === 0 ? '-' : formatNumber((latenciesMs.length * 1000) / totalMs),
      latenciesMs.length === 0 ? '-' : formatNumber(quantile(latenciesMs, 0.99)),
    ]
  })
  return markdownTable(header, rows)
}

export function formatOwn({ ownMs }) {
  return ownMs === undefined ? '-' : formatNumber(ownMs)
}
