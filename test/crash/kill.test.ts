import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { VectorStore } from '../../src/store/vector-store.ts'
import { Random } from '../support/random.ts'
import { ensureBuilt } from './support/built-package.ts'
import { ContentModel, contentOf } from './support/content.ts'
import { KILLS, report, SEED } from './support/crash-settings.ts'
import { operationAt } from './support/kill-workload.mjs'
import { type KillMoment, runUntilKilled } from './support/killed-process.ts'

const base = mkdtempSync(join(tmpdir(), 'annals-kill-'))
const directory = join(base, 'store')

beforeAll(() => ensureBuilt())
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** Half of the kills fall anywhere from the opening on, half among the acknowledgements. */
function pickMoment(source: Random): KillMoment {
  return source.nextBoolean() ? { afterMs: source.nextInt(80) } : { afterAcknowledgements: 1 + source.nextInt(200) }
}

/** Opens the store, or a copy of it that leaves the unfinished end of its log to the next process, and checks its content. */
async function recoveredLsn(model: ContentModel, copied: boolean, where: string): Promise<number> {
  const opened = copied ? join(base, 'copy') : directory
  if (copied) cpSync(directory, opened, { recursive: true })
  const store = await VectorStore.open(opened)
  try {
    const { lsn } = store.stats()
    while (model.lsn < lsn) model.apply(operationAt(model.lsn + 1))
    expect(await contentOf(store), where).toBe(model.text())
    expect((await store.verify()).problems, where).toEqual([])
    return lsn
  } finally {
    await store.close()
    if (copied) rmSync(opened, { recursive: true })
  }
}

describe('a process that is killed with SIGKILL while it writes to real files', { timeout: 3_600_000 }, () => {
  test('leaves an exact prefix with everything that it acknowledged, again and again in one directory', async () => {
    const source = new Random(SEED)
    const model = new ContentModel()
    let acknowledged = 0
    for (let kill = 1; kill <= KILLS; kill++) {
      const durability = source.pick(['sync', 'sync', 'async'] as const)
      const before = model.lsn
      const journal = await runUntilKilled(directory, SEED * 1000 + kill, durability, pickMoment(source))
      const where = `kill ${kill} (${durability}), ${JSON.stringify(journal)}`
      if (journal.openedLsn !== undefined) expect(journal.openedLsn, where).toBe(before)
      const lsn = await recoveredLsn(model, source.nextBoolean(), where)
      expect(lsn, where).toBeGreaterThanOrEqual(Math.max(before, journal.acknowledgedLsn))
      expect(lsn, where).toBeLessThanOrEqual(Math.max(before, journal.triedLsn))
      if (journal.acknowledgedLsn > before) acknowledged += journal.acknowledgedLsn - before
    }
    report(`${KILLS} processes killed with SIGKILL, ${acknowledged} acknowledged writes, all there`)
    expect(acknowledged).toBeGreaterThan(KILLS)
  })
})
