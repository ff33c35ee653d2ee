import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { readHexFiles } from '../support/hex-file.ts'
import { bytesOfComponents, type VectorType } from '../support/typed-vectors.ts'
import { open, SnapshotFixture, STORE_ID } from './snapshot-fixture.ts'

/** Written by manifest version 2 and never changed again: every later release has to read these bytes. */
const GOLDEN = readHexFiles(readFileSync(new URL('../fixtures/golden-snapshot/version-2.hex', import.meta.url), 'utf8'))
const LSN = 8

const HELD = [
  ['float16', 2, 'cosine', [1, -0, 2 ** -24, 65_504]],
  ['int8', 2, 'euclidean', [-128, 127, 0, -1]],
  ['uint8', 2, 'dot', [255, 0, 1, 128]],
  ['binary', 16, 'hamming', [...bits(0b1000_0000_0000_0101), ...bits(0b0111_1111_0000_0000)]],
] as const

/** Bit 0 first. */
function bits(number: number): number[] {
  return Array.from({ length: 16 }, (_, bit) => (number >> bit) & 1)
}

function entriesOf(type: VectorType, components: readonly number[]) {
  return { ids: ['a', 'b'], vectors: bytesOfComponents(type, components) }
}

/** A collection of each type with two entries. */
async function writeToday() {
  const files = new CrashableFiles()
  const store = new SnapshotFixture(new StoreState())
  for (const [vectorType, dimensions, metric, components] of HELD) {
    store.apply({ type: 'create', name: vectorType, dimensions, metric, vectorType })
    const collection = store.state.collectionByName(vectorType)!
    store.apply({ type: 'add', collection: collection.creationLsn, ...entriesOf(vectorType, components) })
  }
  store.startIndexes()
  await store.write(files)
  return { files, store }
}

function goldenFiles(): CrashableFiles {
  const files = new CrashableFiles()
  for (const { path, bytes } of GOLDEN) files.writeWhole(path, bytes)
  return files
}

describe('the bytes of a snapshot with vectors of other types than float32', () => {
  test('are what is written today', async () => {
    const { files } = await writeToday()
    expect(GOLDEN.map(({ path }) => path).sort()).toEqual(files.paths())
    for (const { path, bytes } of GOLDEN) expect(files.readWhole(path), path).toEqual(bytes)
  })

  test('are read back as what was written', async () => {
    const { state, manifest } = await open(goldenFiles(), LSN, STORE_ID)
    expect(await new SnapshotFixture(state).digests()).toEqual([manifest.dataDigest, manifest.indexDigest])
    expect(
      state.collections().map(({ name, vectorType, distanceMetric }) => [name, vectorType, distanceMetric]),
    ).toEqual(HELD.map(([type, , metric]) => [type, type, metric]))
    for (const [type, dimensions, , components] of HELD) {
      const collection = state.collectionByName(type)!
      expect([...collection.copyVector(0), ...collection.copyVector(1)]).toEqual([...components])
      expect(collection.copyVector(0)).toHaveLength(dimensions)
      expect(collection.borrowRows(0, 2).bytes).toEqual(bytesOfComponents(type, components))
    }
    expect(state.collectionByName('int8')!.copyOriginal(0)).toEqual(Int8Array.of(-128, 127))
    expect(state.collectionByName('uint8')!.copyOriginal(1)).toEqual(Uint8Array.of(1, 128))
    expect(state.collectionByName('binary')!.copyOriginal(0)).toEqual(Uint8Array.of(0b0000_0101, 0b1000_0000))
  })

  test('are of a version of their own, which releases without types refuse by name', () => {
    const manifest = GOLDEN.find(({ path }) => path.endsWith('.manifest'))!
    expect(new DataView(manifest.bytes.buffer, manifest.bytes.byteOffset).getUint32(8, true)).toBe(2)
  })
})
