// `npm run check:memory`: holds what stores report of their memory against what processes have grown by; fails where these differ by
// more than 5 %, or, in the process that goes through everything, by 5 % of the most that it had. With --write the tables go into
// docs/BENCHMARKS.md; --vectors says how many; with --allocator default glibc's is as it comes.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadGlove } from './glove.mjs'
import { machineLine, writeSection } from './report.mjs'
import { formatMiB, markdownTable } from './statistics.mjs'

const CHILD = fileURLToPath(new URL('./memory-child.mjs', import.meta.url))
const MOST_DIFFERENCE = 0.05
/** Each is a process of its own, that goes on with the store that the one before has left. */
const PROCESSES = [
  ['import', 'search'],
  ['open', 'search', 'delete', 'search'],
  ['open', 'optimize', 'search'],
  ['open', 'int8', 'search'],
  ['open', 'search', 'binary', 'search'],
  ['open', 'search', 'none', 'search'],
  ['open', 'search'],
]
/** One after the other in one process. */
const TOGETHER = ['import', 'search', 'delete', 'optimize', 'int8', 'search', 'binary', 'none', 'search']
/**
 * What the collector of V8 keeps for young objects, and glibc's allocator in holes between what is in use, is no store's, and differs
 * from one run to the next by more than what is to be measured: both are told to keep little.
 */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1']
const SPARING = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' }

const { values } = parseArgs({
  options: {
    write: { type: 'boolean' },
    vectors: { type: 'string', default: '300000' },
    allocator: { type: 'string', default: 'sparing' },
  },
})
const count = Number(values.vectors)
loadGlove(1)

const rows = [...runApart(), ...runTogether()]
const worst = rows.filter(({ difference, allowed }) => Math.abs(difference) > allowed)
const command = `npm run check:memory -- ${process.argv.slice(2).join(' ')}`.trim()
const text = [
  `${machineLine()}. ${count.toLocaleString('en-US')} x 100 GloVe vectors, cosine. \`${command}\`.`,
  markdownTable(
    ['process', 'mode', 'after', 'reported MiB', 'process grew by MiB', 'reported / grown', 'bytes a vector'],
    rows.map(tableRow),
  ),
  'Bytes a vector by component, of those that have more than a tenth of one:',
  componentTable(rows),
].join('\n\n')
console.log(text)
if (values.write) writeSection('memory', text)
for (const { action, mode, difference } of worst)
  console.error(
    `${action} in mode ${mode}: reported ${(difference * 100).toFixed(1)} % beside what the process grew by`,
  )
process.exitCode = worst.length > 0 ? 1 : 0

function runApart() {
  const directory = mkdtempSync(join(tmpdir(), 'annals-memory-'))
  let mode = 'none'
  const found = PROCESSES.flatMap((actions, index) => {
    const measured = measure(directory, actions, mode, String(index + 1))
    mode = measured.at(-1).mode
    return measured
  })
  rmSync(directory, { recursive: true, force: true })
  return found
}

function runTogether() {
  const directory = mkdtempSync(join(tmpdir(), 'annals-memory-'))
  const found = measure(directory, TOGETHER, 'none', 'all')
  rmSync(directory, { recursive: true, force: true })
  // Holes in heaps are as large as what was there at the most: they are held against that.
  const most = Math.max(...found.map(({ rssBytes }) => rssBytes))
  return found.map((row) => ({ ...row, allowed: (MOST_DIFFERENCE * most) / row.rssBytes }))
}

function measure(directory, actions, modeBefore, name) {
  const environment = values.allocator === 'default' ? {} : SPARING
  const output = execFileSync(process.execPath, [...FLAGS, CHILD, directory, String(count), ...actions], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let mode = modeBefore
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const figures = JSON.parse(line)
      if (['int8', 'binary', 'none'].includes(figures.action)) mode = figures.action
      const difference = figures.reportedBytes / figures.rssBytes - 1
      console.error(`${name} ${figures.action}: ${formatMiB(figures.reportedBytes)} / ${formatMiB(figures.rssBytes)}`)
      return { name, mode, difference, allowed: MOST_DIFFERENCE, ...figures }
    })
}

function tableRow({ name, mode, action, reportedBytes, rssBytes }) {
  const ratio = (reportedBytes / rssBytes).toFixed(3)
  return [name, mode, action, formatMiB(reportedBytes), formatMiB(rssBytes), ratio, Math.round(reportedBytes / count)]
}

/** Of the process that goes through all modes. */
function componentTable(all) {
  const shown = all.filter(({ name, action }) => name === 'all' && action !== 'search')
  const names = [...new Set(shown.flatMap(({ components }) => Object.keys(components)))].filter((component) =>
    shown.some(({ components }) => (components[component] ?? 0) > count / 10),
  )
  return markdownTable(
    ['after', ...names.map((component) => `\`${component}\``), 'in all'],
    shown.map(({ action, components, reportedBytes }) => [
      action,
      ...names.map((component) => ((components[component] ?? 0) / count).toFixed(1)),
      (reportedBytes / count).toFixed(0),
    ]),
  )
}
