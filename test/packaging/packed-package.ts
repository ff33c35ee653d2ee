import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** A project in a temporary folder that has the packed package installed, as a user would. */
export interface ConsumerProject {
  readonly directory: string
  write(name: string, text: string): string
  run(command: string, commandArguments: readonly string[]): string
  remove(): void
}

/**
 * Packs the package as it would be published and lays it out in a fresh project. Its dependencies are linked from this
 * repository, so that nothing is fetched.
 */
export function createConsumerProject(): ConsumerProject {
  if (!existsSync(join(repositoryRoot, 'dist/index.js'))) throw new Error('build first: npm run build')
  const directory = mkdtempSync(join(tmpdir(), 'annals-consumer-'))
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  })
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  execFileSync('tar', ['-xzf', join(directory, filename), '-C', directory])
  mkdirSync(join(directory, 'node_modules'))
  cpSync(join(directory, 'package'), join(directory, 'node_modules/annals'), { recursive: true })
  for (const name of [
    'level',
    'abstract-level',
    'memory-level',
    'cbor-x',
    'xxhash-wasm',
    'classic-level',
    'browser-level',
    'module-error',
    'maybe-combine-errors',
    'level-transcoder',
    'level-supports',
    'functional-red-black-tree',
    'node-gyp-build',
    'buffer',
    'base64-js',
    'ieee754',
    'is-buffer',
    'napi-macros',
  ]) {
    const installed = join(repositoryRoot, 'node_modules', name)
    if (existsSync(installed)) symlinkSync(installed, join(directory, 'node_modules', name))
  }
  return {
    directory,
    write: (name, text) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    },
    run: (command, commandArguments) =>
      execFileSync(command, [...commandArguments], {
        cwd: directory,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
