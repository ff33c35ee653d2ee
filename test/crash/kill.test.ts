import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readLog } from '../../src/store/inspect.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { Random } from '../support/random.ts'
import { ensureBuilt } from './support/built-package.ts'
import { ContentModel, contentOf } from './support/content.ts'
import { KILLS, report, SEED } from './support/crash-settings.ts'
import { operationAt } from './support/kill-workload.mjs'
import { type KillMoment, runUntilKilled } from './support/killed-process.ts'

// Small collections are compared entry by entry, because that is quicker.
vi.mock('../../src/engine/index/scan-or-walk.ts', () => ({ isScanQuicker: () => false }))

const base = mkdtempSync(join(tmpdir(), 'annals-kill-'))
const directory = join(base, 'store')

/** Whoever judges a store orders nothing in it. */
const QUIET = { bufferEntries: 1_000_000, consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY, threads: 0 }
const MAINTENANCE = ['flush', 'consolidate', 'rebuild']
const SEARCHES = 5

beforeAll(() => ensureBuilt())
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** Half of the kills fall anywhere from the opening on, half among the acknowledgements. */
function pickMoment(source: Random): KillMoment {
  return source.nextBoolean() ? { afterMs: source.nextInt(80) } : { afterAcknowledgements: 1 + source.nextInt(200) }
}

/** What the log of the killed processes must hold, and does. */
class Judge {
  readonly model = new ContentModel()
  /** Operations in the log. */
  operations = 0
  /** Records that the processes have logged by themselves. */
  maintenance = 0
  readonly #source: Random

  constructor(source: Random) {
    this.#source = source
  }

  /** Opens the store, or a copy of it that leaves the unfinished end of its log to the next process, and checks it. */
  async check(copied: boolean, acknowledged: ReadonlyMap<number, number>, where: string): Promise<void> {
    const opened = copied ? join(base, 'copy') : directory
    if (copied) cpSync(directory, opened, { recursive: true })
    const store = await VectorStore.open(opened, QUIET)
    try {
      await this.#follow(opened, store.stats().lsn, acknowledged, where)
      expect(await contentOf(store), where).toBe(this.model.text())
      expect((await store.verify()).problems, where).toEqual([])
      await this.#search(store, where)
      expect(store.stats().lsn, where).toBe(this.model.lsn)
    } finally {
      await store.close()
      if (copied) rmSync(opened, { recursive: true })
    }
  }

  /** Reads what is new in the log: the operations in their order, and what was acknowledged in its place. */
  async #follow(opened: string, lsn: number, acknowledged: ReadonlyMap<number, number>, where: string): Promise<void> {
    for await (const { lsn: at, events } of readLog(opened, { from: this.model.lsn + 1 })) {
      const type = events[0]?.type ?? ''
      if (MAINTENANCE.includes(type)) {
        this.maintenance += 1
        this.model.pass()
        continue
      }
      this.operations += 1
      const operation = operationAt(this.operations)
      expect(type, where).toBe(operation.type)
      this.model.apply(operation)
      expect([0, at, undefined], where).toContain(acknowledged.get(this.operations))
    }
    expect(this.model.lsn, where).toBe(lsn)
  }

  /** Once the index is built, walks through it find entries by their own vectors. */
  async #search(store: VectorStore, where: string): Promise<void> {
    const [name] = store.collections().map((collection) => collection.name)
    if (name === undefined) return
    const collection = await store.collection(name)
    await collection.settled()
    const ids: string[] = []
    for await (const id of collection.ids()) ids.push(id)
    for (const entry of await collection.getMany(this.#source.shuffle(ids).slice(0, SEARCHES))) {
      const { hits } = await collection.search(entry!.vector)
      expect(hits[0], where).toEqual({ id: entry!.id, distance: 0 })
    }
  }
}

describe('a process that is killed with SIGKILL while it writes to real files', { timeout: 3_600_000 }, () => {
  test('leaves an exact prefix with everything that it acknowledged, again and again in one directory', async () => {
    const source = new Random(SEED)
    const judge = new Judge(source)
    let acknowledged = 0
    for (let kill = 1; kill <= KILLS; kill++) {
      const durability = source.pick(['sync', 'sync', 'async'] as const)
      const { lsn } = judge.model
      const before = judge.operations
      const options = { seed: SEED * 1000 + kill, durability, doneOperations: before }
      const journal = await runUntilKilled(directory, options, pickMoment(source))
      const last = Math.max(before, ...journal.acknowledged.keys())
      const where = `kill ${kill} (${durability}), opened at ${journal.openedLsn}, tried ${journal.tried}, acknowledged ${last}`
      if (journal.openedLsn !== undefined) expect(journal.openedLsn, where).toBe(lsn)
      await judge.check(source.nextBoolean(), journal.acknowledged, where)
      expect(judge.operations, where).toBeGreaterThanOrEqual(last)
      expect(judge.operations, where).toBeLessThanOrEqual(Math.max(before, journal.tried))
      acknowledged += last - before
    }
    report(
      `${KILLS} processes killed with SIGKILL, ${acknowledged} acknowledged writes, all there; ${judge.maintenance} pieces of work ` +
        'on the index were logged meanwhile',
    )
    expect(acknowledged).toBeGreaterThan(KILLS)
    expect(judge.maintenance).toBeGreaterThan(KILLS / 10)
  })
})
