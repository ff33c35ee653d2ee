import type { LevelDatabase } from '../base/level-database.ts'
import { LevelFiles } from '../base/level-files.ts'
import { yieldToEventLoop } from './event-loop.ts'
import type { StoreIdentity } from './open-stores.ts'
import { type Surroundings, storeNotFound } from './store-core.ts'

/** Where a store is: the path of a directory, or an open or opening abstract-level database. */
export type StoreLocation = string | LevelDatabase

/** A location found, and how to get at it. */
export interface Located {
  readonly identity: StoreIdentity
  readonly surroundings: (mode: { lock: boolean }) => Promise<Surroundings>
}

const COMMON = {
  now: () => Date.now(),
  randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
  yieldToEventLoop,
  release: async () => {},
}

/**
 * Finds a location.
 * @throws StoreError `ERR_STORE_NOT_FOUND` for a directory that is not there and is not to be made; TypeError.
 */
export async function locate(location: StoreLocation, { create }: { create: boolean }): Promise<Located> {
  if (typeof location === 'string') return locateOnDisk(location, create)
  if (typeof location !== 'object' || location === null || typeof location.batch !== 'function') {
    throw new TypeError('a store is opened at the path of a directory, or in an abstract-level database')
  }
  return {
    identity: location,
    surroundings: async () => ({ ...COMMON, name: 'the database', files: filesOf(location) }),
  }
}

/** One `LevelFiles` to a database: a reader and a writer in one process go through the same. */
const filesByDatabase = new WeakMap<LevelDatabase, LevelFiles>()

function filesOf(database: LevelDatabase): LevelFiles {
  const files = filesByDatabase.get(database) ?? new LevelFiles(database)
  filesByDatabase.set(database, files)
  return files
}

async function locateOnDisk(path: string, create: boolean): Promise<Located> {
  // Loaded when first needed, so that a bundle for a browser, which gives a database, needs nothing of Node.
  const { locateDirectory, NodeFiles } = await import('../base/node-files.ts')
  const found = await locateDirectory(path, { create })
  if (found === undefined) throw storeNotFound(path)
  const { realPath, identity } = found
  return {
    identity,
    surroundings: async ({ lock }) => {
      const { acquireLock } = await import('./lock.ts')
      const held = lock ? await acquireLock(realPath) : undefined
      return { ...COMMON, name: path, files: new NodeFiles(realPath), release: async () => held?.release() }
    },
  }
}

/** A database in memory that ends with its store. */
export async function createEphemeralSurroundings(): Promise<Surroundings> {
  const { MemoryLevel } = await import('memory-level')
  const database = new MemoryLevel<string, Uint8Array>({
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    storeEncoding: 'view',
  })
  return {
    ...COMMON,
    name: 'an ephemeral store',
    files: new LevelFiles(database),
    release: () => database.close(),
  }
}
