import { isStoreError } from '../../../src/base/errors.ts'
import type { Files } from '../../../src/base/files.ts'
import type { Collection } from '../../../src/store/collection.ts'
import { yieldToEventLoop } from '../../../src/store/event-loop.ts'
import type { CollectionSettings } from '../../../src/store/inputs.ts'
import type { OpenOptions } from '../../../src/store/options.ts'
import type { Surroundings } from '../../../src/store/store-core.ts'
import { VectorStore } from '../../../src/store/vector-store.ts'
import { CrashableFiles } from '../../support/crashable-files.ts'

/** Time of the first record, in ms since 1970. */
export const START_MS = 1_800_000_000_000

/** What a store needs besides its files, with a clock that counts and chance that repeats. */
export function surroundingsOf(files: Files, changes: Partial<Surroundings> = {}): Surroundings {
  let nowMs = START_MS
  return {
    files,
    name: 'the store',
    now: () => nowMs++,
    randomBytes: (count) => new Uint8Array(count).fill(7),
    yieldToEventLoop,
    release: async () => {},
    ...changes,
  }
}

/** A store on files in memory that can fail and be looked into. */
export class StoreFixture {
  readonly files: CrashableFiles
  readonly store: VectorStore

  private constructor(files: CrashableFiles, store: VectorStore) {
    this.files = files
    this.store = store
  }

  static async open(
    options: OpenOptions = {},
    files = new CrashableFiles(),
    changes: Partial<Surroundings> = {},
  ): Promise<StoreFixture> {
    return new StoreFixture(files, await VectorStore.openWith(surroundingsOf(files, changes), options))
  }

  /** A store with one collection, `vectors`: two dimensions and the euclidean distance unless told otherwise. */
  static async withCollection(
    settings: CollectionSettings = { dimensions: 2, metric: 'euclidean' },
    options: OpenOptions = {},
  ): Promise<{ fixture: StoreFixture; store: VectorStore; vectors: Collection }> {
    const fixture = await StoreFixture.open(options)
    return { fixture, store: fixture.store, vectors: await fixture.store.collection('vectors', settings) }
  }

  /** Syncs of files and directories so far. */
  get syncs(): string[] {
    return this.files.operations.filter((operation) => operation.startsWith('sync'))
  }

  /** Closes the store and opens it again. */
  async reopen(options: OpenOptions = {}): Promise<StoreFixture> {
    await this.store.close()
    return StoreFixture.open(options, this.files)
  }

  /** The process is killed and another opens the same files. */
  killAndReopen(options: OpenOptions = {}): Promise<StoreFixture> {
    return StoreFixture.open(options, this.files.restartImage())
  }

  /** Opens the files for reading, beside the store. */
  openReader(): Promise<StoreFixture> {
    return StoreFixture.open({ readOnly: true }, this.files)
  }
}

/** `count` entries `e0`, `e1`, …, all different and none zero. */
export function someEntries(
  count: number,
  dimensions = 2,
): { id: string; vector: number[]; metadata: { index: number } }[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `e${index}`,
    vector: Array.from({ length: dimensions }, (_, at) => index + 1 + at),
    metadata: { index },
  }))
}

/** The bit pattern of each component, so that -0 compares as what it is. */
export function bitsOf(vector: Float32Array | readonly number[] | undefined): number[] | undefined {
  return vector && [...new Uint32Array(Float32Array.from(vector).buffer)]
}

/** How a call ends: `'ok'`, the code of its store error, or the name of any other error. */
export async function endingOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'ok'
  } catch (error) {
    if (isStoreError(error)) return error.code
    return error instanceof Error ? error.name : `threw ${typeof error}`
  }
}

/** Everything that a call could have changed. */
export async function traceOf(store: VectorStore): Promise<{ lsn: number; digest: string; collections: unknown }> {
  const { data } = await store.digest()
  return { lsn: store.stats().lsn, digest: data, collections: store.collections() }
}

/** Waits until `holds`, a turn of the event loop at a time. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await yieldToEventLoop()
}

export async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const collected: Value[] = []
  for await (const value of values) collected.push(value)
  return collected
}
