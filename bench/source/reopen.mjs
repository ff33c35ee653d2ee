// Reopening a store to its first correct answer, and until its index is back, beside reading the same bytes; and memory held against
// the process's own.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatMiB, formatNumber, markdownTable, median } from './statistics.mjs'

const CHILD = fileURLToPath(new URL('./reopen-child.mjs', import.meta.url))

/** Each reopening is a process of its own, so that nothing is warm but the page cache. */
export function benchReopen(storePath, { rounds }) {
  const runs = []
  for (let round = 0; round < rounds; round += 1) {
    const readMs = timeReading(storePath)
    const child = JSON.parse(execFileSync(process.execPath, ['--expose-gc', CHILD, storePath], { encoding: 'utf8' }))
    runs.push({ readMs, ...child })
  }
  const pick = (name) => median(runs.map((run) => run[name]))
  const ratio = median(runs.map(({ openMs, readMs }) => openMs / readMs)).toFixed(1)
  return [
    markdownTable(
      [
        'log MiB',
        'reading the bytes, ms',
        'open, ms (of reading)',
        'open to first answer, ms',
        'until settled, ms',
        'n',
      ],
      [
        [
          formatMiB(pick('logBytes')),
          formatNumber(pick('readMs')),
          `${formatNumber(pick('openMs'))} (${ratio}x)`,
          formatNumber(pick('answerMs')),
          formatNumber(pick('settledMs')),
          rounds,
        ],
      ],
    ),
    markdownTable(
      ['reported MiB', 'RSS growth MiB', 'reported / RSS', 'heap used MiB'],
      [
        [
          formatMiB(pick('reportedBytes')),
          formatMiB(pick('rssBytes')),
          (pick('reportedBytes') / pick('rssBytes')).toFixed(2),
          formatMiB(pick('heapBytes')),
        ],
      ],
    ),
  ].join('\n\n')
}

function timeReading(storePath) {
  const directory = join(storePath, 'wal')
  const startMs = performance.now()
  for (const name of readdirSync(directory)) readFileSync(join(directory, name))
  return performance.now() - startMs
}
