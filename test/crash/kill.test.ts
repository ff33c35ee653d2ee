import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
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
import { type Journal, type KillMoment, runUntilKilled } from './support/killed-process.ts'

// Small collections are compared entry by entry, because that is quicker.
vi.mock('../../src/engine/index/scan-or-walk.ts', () => ({ isScanQuicker: () => false }))

const base = mkdtempSync(join(tmpdir(), 'annals-kill-'))

/** Stores whose processes run side by side: what takes time is to start them. */
const STORES = 4
/** More than one process can write, so that what it has logged is still there when it is judged, though log was dropped. */
const HISTORY_BYTES = 192 * 1024
/** Whoever judges a store orders nothing in it. */
const QUIET = { bufferEntries: 1_000_000, consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY, threads: 0 }
const MAINTENANCE = ['flush', 'consolidate', 'rebuild']
/** One judgement in so many also reads everything back, and searches. */
const THOROUGH = 4
const SEARCHES = 5

beforeAll(() => ensureBuilt())
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** Anywhere from the opening on, among the acknowledgements, or around a snapshot. */
function pickMoment(source: Random): KillMoment {
  const kind = source.nextInt(3)
  if (kind === 0) return { word: 'opening', times: 1, afterMs: source.nextInt(80) }
  if (kind === 1) return { word: 'acknowledged', times: 1 + source.nextInt(200), afterMs: 0 }
  return { word: 'snapshotting', times: 1 + source.nextInt(6), afterMs: source.nextInt(12) }
}

/** What the log of the killed processes must hold, and does. */
class Judge {
  readonly model = new ContentModel()
  readonly directory: string
  /** Operations in the log. */
  operations = 0
  /** Records that the processes have logged by themselves. */
  maintenance = 0
  /** Openings from a snapshot. */
  fromSnapshot = 0
  /** Whether the beginning of the log is gone. */
  hasDroppedLog = false
  readonly #source: Random
  #judgements = 0

  constructor(directory: string, source: Random) {
    this.directory = directory
    mkdirSync(directory)
    this.#source = source
  }

  /** Opens the store, or a copy of it that leaves the unfinished end of its log to the next process, and checks it. */
  async check(copied: boolean, { acknowledged, snapshotLsn }: Journal, where: string): Promise<void> {
    const opened = copied ? `${this.directory}-copy` : this.directory
    if (copied) cpSync(this.directory, opened, { recursive: true })
    this.#judgements += 1
    const store = await VectorStore.open(opened, QUIET)
    try {
      const { lsn, recovery, oldestLsn } = store.stats()
      expect(recovery.snapshotLsn ?? 0, where).toBeGreaterThanOrEqual(snapshotLsn)
      expect(recovery.problems.join(), where).not.toContain('passed over')
      if (recovery.snapshotLsn !== undefined) this.fromSnapshot += 1
      this.hasDroppedLog ||= oldestLsn > 0
      await this.#follow(opened, lsn, acknowledged, where)
      expect(await contentOf(store), where).toBe(this.model.text())
      if (this.#judgements % THOROUGH === 0) {
        expect((await store.verify()).problems, where).toEqual([])
        await this.#search(store, where)
      }
      expect(store.stats().lsn, where).toBe(this.model.lsn)
    } finally {
      await store.close()
      if (copied) rmSync(opened, { recursive: true })
    }
  }

  /** Reads what is new in the log: the operations in their order, and what was acknowledged in its place. */
  async #follow(opened: string, lsn: number, acknowledged: ReadonlyMap<number, number>, where: string): Promise<void> {
    if (lsn === this.model.lsn) return
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

/** Kills one process after the other in one directory. Gives the number of acknowledged writes. */
async function killAll(judge: Judge, kills: number, seed: number): Promise<number> {
  const source = new Random(seed)
  let acknowledged = 0
  for (let kill = 1; kill <= kills; kill++) {
    const durability = source.pick(['sync', 'sync', 'async'] as const)
    const { lsn } = judge.model
    const before = judge.operations
    const options = { seed: seed * 1000 + kill, durability, doneOperations: before, historyBytes: HISTORY_BYTES }
    const moment = pickMoment(source)
    const journal = await runUntilKilled(judge.directory, options, moment)
    const last = Math.max(before, ...journal.acknowledged.keys())
    const where = `seed ${seed}, kill ${kill} (${durability}, ${JSON.stringify(moment)}), opened at ${journal.openedLsn}, tried ${journal.tried}, acknowledged ${last}`
    if (journal.openedLsn !== undefined) expect(journal.openedLsn, where).toBe(lsn)
    await judge.check(source.nextBoolean(), journal, where)
    expect(judge.operations, where).toBeGreaterThanOrEqual(last)
    expect(judge.operations, where).toBeLessThanOrEqual(Math.max(before, journal.tried))
    acknowledged += last - before
  }
  return acknowledged
}

describe('a process that is killed with SIGKILL while it writes to real files', { timeout: 3_600_000 }, () => {
  test('leaves an exact prefix with everything that it acknowledged, again and again in one directory', async () => {
    const judges = Array.from({ length: STORES }, (_, index) => {
      return new Judge(join(base, `store-${index}`), new Random(SEED * 100 + index))
    })
    const kills = judges.map((_, index) => Math.floor((KILLS + index) / STORES))
    const counts = await Promise.all(judges.map((judge, index) => killAll(judge, kills[index]!, SEED * 100 + index)))
    const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)
    const acknowledged = sumOf(counts)
    const maintenance = sumOf(judges.map((judge) => judge.maintenance))
    const fromSnapshot = sumOf(judges.map((judge) => judge.fromSnapshot))
    report(
      `${sumOf(kills)} processes killed with SIGKILL, ${acknowledged} acknowledged writes, all there; ${maintenance} pieces of ` +
        `work on the index were logged meanwhile, ${fromSnapshot} openings were from a snapshot`,
    )
    expect(acknowledged).toBeGreaterThan(KILLS)
    expect(maintenance).toBeGreaterThan(KILLS / 10)
    expect(fromSnapshot).toBeGreaterThan(KILLS / 4)
    if (KILLS >= 200) expect(judges.every(({ hasDroppedLog }) => hasDroppedLog)).toBe(true)
  })
})
