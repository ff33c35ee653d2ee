import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const source = join(root, 'src')

/** The house's one straight arrow: each room and the rooms it may import from. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wal: ['base'],
  engine: ['base'],
  snapshots: ['base', 'engine'],
  replay: ['base', 'wal', 'engine', 'snapshots'],
  store: ['base', 'wal', 'engine', 'snapshots', 'replay'],
  cli: ['store'],
}

/** The packages that may be imported at run time, and the rooms that may import each. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'cbor-x': ['base'],
  'xxhash-wasm': ['base'],
  level: ['store'],
  'memory-level': ['store'],
}

interface Import {
  readonly file: string
  readonly specifier: string
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes(`${join('kernel', 'assembly')}/`))
}

function importsOf(file: string, text: string): Import[] {
  const found = text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'([\w@./:-]+)'/g)
  return [...found].map((match) => ({ file, specifier: match[1] as string }))
}

function roomOf(file: string): string {
  return relative(source, file).split('/')[0] as string
}

/** What is wrong with an import, or `undefined`. */
function violation({ file, specifier }: Import): string | undefined {
  const room = roomOf(file)
  const shown = `${relative(root, file)} imports ${specifier}`
  if (!specifier.startsWith('.')) {
    if (specifier.startsWith('node:')) return nodeViolation(room, file, shown)
    return PACKAGES[specifier]?.includes(room) ? undefined : `${shown}, which is not for ${room}/`
  }
  const target = roomOf(resolve(dirname(file), specifier))
  if (target === room || (MAY_IMPORT[room] ?? []).includes(target)) return undefined
  return `${shown}: ${room}/ must not know ${target}/`
}

/** Node's own modules stay at the edges, so that the rest runs in a browser too. */
function nodeViolation(room: string, file: string, shown: string): string | undefined {
  const allowed =
    room === 'cli' ||
    ['base/node-files.ts', 'base/node-directories.ts', 'store/lock.ts', 'engine/workers/worker-thread.ts'].includes(
      relative(source, file),
    )
  return allowed ? undefined : `${shown}: only the command line and the Node ends of ports may`
}

const files = filesBelow(source).filter((file) => file !== join(source, 'index.ts'))

describe('the import arrow', () => {
  it('holds for every import of every file', () => {
    const imports = files.flatMap((file) => importsOf(file, readFileSync(file, 'utf8')))
    expect(imports.length).toBeGreaterThan(100)
    expect(imports.map(violation).filter((found) => found !== undefined)).toEqual([])
  })

  it.each([
    ['base/errors.ts', "import { Log } from '../wal/log.ts'", 'base/ must not know wal/'],
    ['wal/log.ts', "import type { StoreState } from '../engine/store-state.ts'", 'wal/ must not know engine/'],
    ['engine/digest.ts', "const { Log } = await import('../wal/log.ts')", 'engine/ must not know wal/'],
    ['cli/main.ts', "export { Log } from '../wal/log.ts'", 'cli/ must not know wal/'],
    ['engine/digest.ts', "import { readFileSync } from 'node:fs'", 'only the command line'],
    ['engine/digest.ts', "import 'left-pad'", 'which is not for engine/'],
  ])('refuses a violation planted in %s', (file, text, message) => {
    const found = importsOf(join(source, file), text).map(violation)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(message)
  })

  it('lets only the materializer change a state', () => {
    const changers = files.filter((file) =>
      importsOf(file, readFileSync(file, 'utf8')).some(({ specifier }) => specifier.endsWith('/apply-event.ts')),
    )
    expect(changers.map((file) => relative(source, file))).toEqual(['replay/materializer.ts'])
  })
})
