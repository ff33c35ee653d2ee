// `npm run bench`: every benchmark, one after the other, printed; with --write also into docs/BENCHMARKS.md.
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { VectorStore } from '../../dist/index.js'
import { benchEventLoop } from './event-loop.mjs'
import { benchEventLoopSnapshot } from './event-loop-snapshot.mjs'
import { benchExactSearch } from './exact-search.mjs'
import { loadGlove } from './glove.mjs'
import { benchIndexBuild } from './index-build.mjs'
import { benchIndexChurn } from './index-churn.mjs'
import { benchIndexSearch } from './index-search.mjs'
import { benchIndexThreshold } from './index-threshold.mjs'
import { benchIngest } from './ingest.mjs'
import { benchModes } from './modes.mjs'
import { benchReopen } from './reopen.mjs'
import { machineLine, writeSection } from './report.mjs'
import { benchSnapshots } from './snapshots.mjs'

const { values } = parseArgs({
  options: {
    write: { type: 'boolean' },
    rounds: { type: 'string', default: '5' },
    limit: { type: 'string' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const directory = fileURLToPath(new URL('../data/run', import.meta.url))
rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })

const data = loadGlove(values.limit === undefined ? undefined : Number(values.limit))
const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim()
const preamble = `${machineLine()}. ${data.ids.length.toLocaleString('en-US')} x ${data.dimensions} GloVe vectors. \`${command}\`.`

const sections = {
  ingest: () => benchIngest(data, { rounds, directory }),
  exact: () => withWholeStore((words) => benchExactSearch(words, data, { searches: 50 })),
  reopen: async () => {
    await withWholeStore(async () => {})
    return benchReopen(`${directory}/whole`, { rounds })
  },
  snapshots: () => benchSnapshots(data, { rounds, directory }),
  'index-build': () => benchIndexBuild(data, { rounds, directory }),
  'index-search': () => benchIndexSearch(data, { rounds, directory }),
  'index-threshold': () => benchIndexThreshold(data, { rounds, directory }),
  'index-churn': () => benchIndexChurn(data, { directory }),
  modes: () => benchModes({ directory, rounds, limit: values.limit && Number(values.limit) }),
  'event-loop': () => benchEventLoop(data, { directory }),
  'event-loop-snapshot': () => benchEventLoopSnapshot({ directory }),
}
if (values.only !== undefined && !(values.only in sections))
  throw new Error(`no section '${values.only}'; there are ${Object.keys(sections).join(', ')}`)

for (const [name, run] of Object.entries(sections)) {
  if (values.only !== undefined && values.only !== name) continue
  const text = `${preamble} Rounds: ${rounds}.\n\n${await run()}`
  console.log(`\n## ${name}\n\n${text}`)
  if (values.write) writeSection(name, text)
}
rmSync(directory, { recursive: true, force: true })

/** A store with the whole set, made once. */
async function withWholeStore(work) {
  const store = await VectorStore.open(`${directory}/whole`)
  try {
    const words = await store.collection('words', { dimensions: data.dimensions, metric: 'cosine' })
    if (words.count() === 0) {
      await words.addAll(
        data.ids.map((id, row) => ({
          id,
          vector: data.vectors.subarray(row * data.dimensions, (row + 1) * data.dimensions),
        })),
      )
    }
    await words.settled()
    return await work(words)
  } finally {
    await store.close()
  }
}
