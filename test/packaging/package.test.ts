import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConsumerProject, createConsumerProject, repositoryRoot } from './packed-package.ts'

let project: ConsumerProject

beforeAll(() => {
  project = createConsumerProject()
})

afterAll(() => project.remove())

const PROGRAM = `
const run = async ({ VectorStore }) => {
  const store = await VectorStore.open('./data')
  const words = await store.collection('words', { dimensions: 2, metric: 'cosine' })
  await words.add([{ id: 'east', vector: [1, 0] }, { id: 'north', vector: [0, 1] }])
  const { hits } = await words.search([1, 0.1], { k: 1 })
  console.log(hits[0].id, words.count())
  await store.close()
}
`

describe('the packed package', () => {
  it('works for import', () => {
    project.write('use.mjs', `${PROGRAM}\nimport * as annals from 'annals'\nawait run(annals)\n`)
    expect(project.run(process.execPath, ['use.mjs'])).toBe('east 2\n')
  })

  it('works for require', () => {
    project.write('use.cjs', `${PROGRAM}\nrun(require('annals'))\n`)
    expect(project.run(process.execPath, ['use.cjs'])).toBe('east 2\n')
  })

  it('has a command that starts', () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { version: string }
    expect(project.run(process.execPath, ['node_modules/annals/dist/cli/main.js', '--version']).trim()).toBe(version)
  })

  it('carries the documents and none of the tests', () => {
    const has = (path: string) => existsSync(join(project.directory, 'package', path))
    expect(
      ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/FORMAT.md', 'dist/index.d.ts'].filter((path) => !has(path)),
    ).toEqual([])
    expect(['test', 'src', 'bench', '.ci'].filter(has)).toEqual([])
  })

  it('passes publint', () => {
    const output = execFileSync(
      process.execPath,
      [join(repositoryRoot, 'node_modules/publint/src/cli.js'), '--strict'],
      {
        cwd: repositoryRoot,
        encoding: 'utf8',
      },
    )
    expect(output).toContain('All good!')
  })
})

describe('the declarations', () => {
  beforeAll(() => {
    const compilers = join(repositoryRoot, 'test/consumers')
    for (const name of ['package.json', 'package-lock.json'])
      copyFileSync(join(compilers, name), join(project.directory, name))
    // The compilers are installed beside the project, because two versions of one package cannot share a name.
    project.run('mkdir', ['compilers'])
    for (const name of ['package.json', 'package-lock.json'])
      copyFileSync(join(compilers, name), join(project.directory, 'compilers', name))
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit'], {
      cwd: join(project.directory, 'compilers'),
      stdio: 'pipe',
    })
    copyFileSync(join(repositoryRoot, 'test/packaging/consumer.mts'), join(project.directory, 'consumer.mts'))
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2022'],
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      typeRoots: ['./compilers/node_modules/@types'],
      types: ['node'],
    }
    project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['consumer.mts'] }))
  })

  it.each(['typescript-5.4', 'typescript-5.9', 'typescript-7'])(
    'compile under %s with every library checked',
    (compiler) => {
      const compile = () =>
        project.run(process.execPath, [`compilers/node_modules/${compiler}/bin/tsc`, '-p', 'tsconfig.json'])
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
