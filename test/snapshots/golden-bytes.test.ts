import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { readHexFiles } from '../support/hex-file.ts'
import { digestsOf, open, SnapshotFixture, STORE_ID } from './snapshot-fixture.ts'

/** Written by format version 1 and never changed again: every later release has to read these bytes. */
const GOLDEN = readHexFiles(readFileSync(new URL('../fixtures/golden-snapshot/version-1.hex', import.meta.url), 'utf8'))
const FIRST_LSN = 4
const SECOND_LSN = 6

/** Two collections, one with a graph; then one entry more, and a snapshot that shares what has not changed. */
async function writeToday() {
  const files = new CrashableFiles()
  const store = new SnapshotFixture(new StoreState())
  const words = store.create('words', 2, 'cosine')
  store.startIndexes()
  const document = Uint8Array.of(0xa1, 0x61, 0x6e, 0x01)
  store.add(words, { king: [1, 2.5], queen: [-0.5, 1e-40], häuser: [3, -0] }, [document, undefined, undefined])
  store.flush(words, 'bulk')
  store.create('empty', 3, 'euclidean')
  store.startIndexes()
  const first = await store.write(files)
  store.add(words, { twin: [1, 2.5] })
  store.delete(words, 'queen')
  await store.write(files, { previous: first.manifest })
  return { files, store }
}

function goldenFiles(): CrashableFiles {
  const files = new CrashableFiles()
  for (const { path, bytes } of GOLDEN) files.writeWhole(path, bytes)
  return files
}

describe('the bytes of format version 1', () => {
  test('are what is written today', async () => {
    const { files } = await writeToday()
    expect(GOLDEN.map(({ path }) => path).sort()).toEqual(files.paths())
    for (const { path, bytes } of GOLDEN) expect(files.readWhole(path), path).toEqual(bytes)
  })

  test.each([FIRST_LSN, SECOND_LSN])('are read back as what was written at LSN %i', async (lsn) => {
    const { state, manifest } = await open(goldenFiles(), lsn, STORE_ID)
    const restored = new SnapshotFixture(state)
    expect(await restored.digests()).toEqual([manifest.dataDigest, manifest.indexDigest])
    const words = state.collectionByName('words')!
    expect(words.idAt(2)).toBe('häuser')
    expect(words.documentAt(0)).toEqual(Uint8Array.of(0xa1, 0x61, 0x6e, 0x01))
    expect([...new Uint32Array(words.copyVector(2).buffer)]).toEqual([0x40400000, 0x80000000])
    expect(words.slotOf('queen')).toBe(lsn === FIRST_LSN ? 1 : undefined)
    expect(words.index.served.built?.graph.linkedCount).toBe(3)
  })

  test('are written again the same from what was read', async () => {
    const golden = goldenFiles()
    const { state } = await open(golden, FIRST_LSN)
    const files = new CrashableFiles()
    const { manifest } = await new SnapshotFixture(state).write(files)
    for (const path of files.paths()) expect(files.readWhole(path), path).toEqual(golden.readWhole(path))
    expect(files.paths()).toHaveLength(manifest.parts.length + 1)
    const { store } = await writeToday()
    expect(await digestsOf(new SnapshotFixture((await open(golden, SECOND_LSN)).state).state)).toEqual(
      await store.digests(),
    )
  })
})
