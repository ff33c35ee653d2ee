import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConsumerProject, createConsumerProject, repositoryRoot } from './consumer-project.ts'
import { startNext } from './next-server.ts'

let project: ConsumerProject

beforeAll(() => {
  project = createConsumerProject()
}, 600_000)

afterAll(() => project.remove())

/** What each way of loading the package is asked to do. */
const PROGRAM = `
const run = async ({ VectorStore }) => {
  const store = await VectorStore.open('./data', { threads: 1 })
  await store.drop('words')
  const words = await store.collection('words', { dimensions: 2, metric: 'cosine' })
  await words.add([{ id: 'east', vector: [1, 0], metadata: { axis: [1] } }, { id: 'north', vector: new Float32Array([0, 1]) }])
  const { hits } = await words.search(new Float32Array([1, 0.1]), { k: 1, includeMetadata: true })
  const indexed = await useIndex(store)
  const { ok } = await store.verify()
  await store.close()
  return [hits[0].id, JSON.stringify(hits[0].metadata), indexed, ok].join(' ')
}
const useIndex = async (store) => {
  await store.drop('many')
  const many = await store.collection('many', { dimensions: 100 })
  const vectorOf = (row) => {
    let bits = row + 1
    return Array.from({ length: 100 }, (_, i) => {
      bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d) + i
      return (bits >>> 8) / 2 ** 24 - 0.5
    })
  }
  await many.addAll(Array.from({ length: 5000 }, (_, row) => ({ id: 'row ' + row, vector: vectorOf(row) })))
  await many.optimize()
  const workers = process.report.getReport().workers.length
  const [{ hits, exact }] = await many.searchMany([vectorOf(4321)], { k: 1 })
  return [hits[0].id, exact ? 'of all' : 'by index', many.stats().index.indexed, 'built by', workers].join(' ')
}
`
const ANSWER = 'east {"axis":[1]} row 4321 by index 5000 built by 1 true'

describe('the packed package', () => {
  it('works for import', () => {
    project.write('use.mjs', `${PROGRAM}\nimport * as annals from 'annals'\nconsole.log(await run(annals))\n`)
    expect(project.node('use.mjs').trim()).toBe(ANSWER)
  })

  it('works for require', () => {
    project.write('use.cjs', `${PROGRAM}\nrun(require('annals')).then(console.log)\n`)
    expect(project.node('use.cjs').trim()).toBe(ANSWER)
  })

  it('works in one file bundled by esbuild, with level left outside for its native code', () => {
    const bundle = ['--bundle', '--platform=node', '--format=esm', '--external:level', '--outfile=bundle.mjs']
    project.node('node_modules/esbuild/bin/esbuild', 'use.mjs', ...bundle)
    expect(project.node('bundle.mjs').trim()).toBe(ANSWER)
  })

  it('works under Jest, whose tests live in a realm of their own', () => {
    const test = `test('annals', async () => expect(await run(annals)).toBe('${ANSWER.replaceAll("'", "\\'")}'))`
    project.write('jest/store.test.mjs', `import * as annals from 'annals'\n${PROGRAM}\n${test}\n`)
    const config = JSON.stringify({
      rootDir: './jest',
      testMatch: ['**/*.test.mjs'],
      moduleDirectories: ['node_modules'],
    })
    const jest = ['node_modules/jest/bin/jest.js', '--config', config, '--json', '--silent']
    const output = project.node('--experimental-vm-modules', '--no-warnings', ...jest)
    expect(JSON.parse(output)).toMatchObject({ success: true, numPassedTests: 1 })
  })

  it('works in a route of Next.js that is told to leave it outside', async () => {
    project.write('next.config.mjs', "export default { serverExternalPackages: ['annals'] }\n")
    project.write(
      'app/layout.js',
      'export default function Layout({ children }) { return <html><body>{children}</body></html> }\n',
    )
    const route =
      "export const dynamic = 'force-dynamic'\nexport const GET = async () => new Response(await run(annals))"
    project.write('app/words/route.js', `import * as annals from 'annals'\n${PROGRAM}\n${route}\n`)
    project.node('node_modules/next/dist/bin/next', 'build')
    const server = await startNext(project.directory)
    try {
      expect(await (await fetch(`${server.url}/words`)).text()).toBe(ANSWER)
      expect(await (await fetch(`${server.url}/words`)).text()).toBe(ANSWER)
    } finally {
      server.stop()
    }
  }, 300_000)

  it('has a command that starts', () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string }
    expect(project.node('node_modules/annals/dist/cli/main.js', '--version').trim()).toBe(version)
  })

  it('carries the documents and none of the tests', () => {
    const has = (path: string) => existsSync(join(project.directory, 'package', path))
    const carried = ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/FORMAT.md', 'dist/index.d.ts']
    expect(carried.filter((path) => !has(path))).toEqual([])
    expect(['test', 'src', 'bench', '.ci'].filter(has)).toEqual([])
  })

  it('passes publint', () => {
    const publint = [join(repositoryRoot, 'node_modules/publint/src/cli.js'), '--strict']
    expect(execFileSync(process.execPath, publint, { cwd: repositoryRoot, encoding: 'utf8' })).toContain('All good!')
  })
})

describe('the declarations', () => {
  beforeAll(() => {
    copyFileSync(join(repositoryRoot, 'test/packaging/consumer.mts'), join(project.directory, 'consumer.mts'))
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2022'],
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    }
    project.write('tsconfig.consumer.json', JSON.stringify({ compilerOptions, include: ['consumer.mts'] }))
  })

  it.each(['typescript-5.4', 'typescript-5.9', 'typescript-7'])(
    'compile under %s with every library checked',
    (compiler) => {
      const compile = () => project.node(`node_modules/${compiler}/bin/tsc`, '-p', 'tsconfig.consumer.json')
      expect(messageOf(compile)).toBe('')
    },
  )
})

function messageOf(compile: () => string): string {
  try {
    return compile()
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
