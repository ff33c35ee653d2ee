import './support/shared-kernel.ts'
import fc from 'fast-check'
import { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import { describe, expect, test } from 'vitest'
import type { StoreLocation } from '../../src/store/locations.ts'
import { VectorStore } from '../../src/store/vector-store.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { type GeneratedHistory, history } from '../support/store-generators.ts'
import { expectContent } from './support/expect-content.ts'
import { HistoryRun, type Place } from './support/history-run.ts'
import { surroundingsOf } from './support/store-fixture.ts'
import { temporaryDirectories } from './support/temporary-directories.ts'

/** Files in memory: the fastest, and the only ones on which a process can be killed within a test. */
class CrashablePlace implements Place {
  #files = new CrashableFiles()

  open(options: Parameters<Place['open']>[0]): Promise<VectorStore> {
    const { durability, segmentSizeBytes } = options
    return VectorStore.openWith(surroundingsOf(this.#files), { durability, segmentSizeBytes })
  }

  openReader(): Promise<VectorStore> {
    return VectorStore.openWith(surroundingsOf(this.#files), { readOnly: true })
  }

  kill(): void {
    this.#files = this.#files.restartImage()
  }
}

/** A directory or a database, opened as users open it. */
function placeAt(location: StoreLocation): Place {
  return {
    open: ({ durability, segmentSizeBytes }) => VectorStore.open(location, { durability, segmentSizeBytes }),
    openReader: () => VectorStore.open(location, { readOnly: true }),
  }
}

/** The heart of the promise: what is live, what is replayed, what a reader sees and what the model says are one. */
async function expectOneState(place: Place, generated: GeneratedHistory): Promise<void> {
  const run = new HistoryRun(place, generated)
  await run.run()
  const { query } = generated
  await expectContent(run.store, run.model, query)
  const live = await run.store.digest()
  const report = await run.store.verify()
  expect(report).toMatchObject({
    ok: true,
    problems: [],
    lsn: run.model.lsn,
    durableLsn: run.model.lsn,
    digest: live.data,
  })

  const reader = await place.openReader()
  await expectContent(reader, run.model, query)
  expect(await reader.digest()).toEqual(live)
  await reader.close()

  await run.reopen()
  await expectContent(run.store, run.model, query)
  expect(await run.store.digest()).toEqual(live)
  await run.store.close()
}

const directory = temporaryDirectories()

const PLACES: [string, () => Promise<Place>, numRuns: number][] = [
  ['files in memory, on which processes are killed', async () => new CrashablePlace(), 300],
  ['a directory', async () => placeAt(await directory()), 15],
  ['a MemoryLevel', async () => placeAt(new MemoryLevel()), 30],
  ['a Level', async () => placeAt(new Level(await directory())), 10],
]

describe('a random history', () => {
  test.each(PLACES)(
    'is one state live, replayed, beside its writer and in the model: %s',
    async (_, create, numRuns) => {
      const property = fc.asyncProperty(history, async (generated) => expectOneState(await create(), generated))
      await fc.assert(property, { numRuns })
    },
  )
})
