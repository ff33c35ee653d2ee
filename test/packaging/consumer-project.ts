import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** A project in a temporary folder that has the packed package installed, as a user would, and the tools of `test/consumers`. */
export interface ConsumerProject {
  readonly directory: string
  /** Writes a file and gives its path. */
  write(name: string, text: string): string
  /** Runs Node in the project and gives what it printed. */
  node(...nodeArguments: string[]): string
  remove(): void
}

/** Packs the package as it would be published and lays it out in a fresh project, beside the tools. */
export function createConsumerProject(): ConsumerProject {
  if (!existsSync(join(repositoryRoot, 'dist/index.js'))) throw new Error('build first: npm run build')
  const directory = mkdtempSync(join(tmpdir(), 'annals-consumer-'))
  cpSync(join(repositoryRoot, 'test/consumers/package.json'), join(directory, 'package.json'))
  // The versions are exact; a lock file would also list builds for platforms that a mirror may not have.
  run(
    'npm',
    ['install', '--ignore-scripts', '--no-package-lock', '--no-fund', '--no-audit', '--prefer-offline'],
    directory,
  )
  const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], repositoryRoot)
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  run('tar', ['-xzf', filename], directory)
  cpSync(join(directory, 'package'), join(directory, 'node_modules/annals'), { recursive: true })
  for (const name of runtimeDependencies('annals', repositoryRoot)) {
    cpSync(join(repositoryRoot, 'node_modules', name), join(directory, 'node_modules', name), { recursive: true })
  }
  return {
    directory,
    write: (name, text) => {
      const path = join(directory, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
      return path
    },
    node: (...nodeArguments) => run(process.execPath, nodeArguments, directory),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** The packages that the package needs at run time, and what they need, by name. */
function runtimeDependencies(name: string, packageDirectory: string, found = new Set<string>()): Set<string> {
  const { dependencies = {} } = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  for (const dependency of Object.keys(dependencies)) {
    if (dependency === name || found.has(dependency)) continue
    found.add(dependency)
    runtimeDependencies(dependency, join(repositoryRoot, 'node_modules', dependency), found)
  }
  return found
}

function run(command: string, commandArguments: readonly string[], directory: string): string {
  return execFileSync(command, commandArguments, {
    cwd: directory,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  })
}
