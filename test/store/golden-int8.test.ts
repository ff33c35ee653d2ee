import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { OpenOptions } from '../../src/store/options.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { readHexFiles } from '../support/hex-file.ts'
import { ON_DEMAND } from './support/index-fixture.ts'
import { filesOf } from './support/snapshot-files.ts'
import { bitsOf, StoreFixture } from './support/store-fixture.ts'

/** Written by format version 1 and never changed again: every later release has to open it. */
const GOLDEN = readHexFiles(readFileSync(new URL('../fixtures/golden-int8/version-1.hex', import.meta.url), 'utf8'))
const SNAPSHOT_LSN = 5
const DIGEST = { lsn: 10, data: '1bbab86464f142f9', index: 'ff093dc6e669404b' }

function goldenFiles(): CrashableFiles {
  const files = new CrashableFiles()
  for (const { path, bytes } of GOLDEN) files.writeWhole(path, bytes)
  return files
}

async function modesOf(options: OpenOptions): Promise<[name: string, mode: string][]> {
  const { store } = await StoreFixture.open({ threads: 0, ...options }, goldenFiles())
  const modes = store.collections().map(({ name, quantization }): [string, string] => [name, quantization])
  await store.close()
  return modes
}

describe('a store in the mode int8 of format version 1', () => {
  test.each([
    ['from its snapshot', SNAPSHOT_LSN, (path: string) => path !== ''],
    ['from its log alone', undefined, (path: string) => !path.startsWith('snapshots/')],
    ['without the log below its snapshot', SNAPSHOT_LSN, (path: string) => !path.endsWith('0001.wal')],
  ])('opens %s, bit for bit, and goes on', async (_, snapshotLsn, isWanted) => {
    const { store } = await StoreFixture.open({ ...ON_DEMAND, threads: 0 }, filesOf(goldenFiles(), isWanted))
    expect(store.stats().recovery.problems).toEqual([])
    expect(store.stats().recovery.snapshotLsn).toBe(snapshotLsn)
    expect(await store.digest()).toEqual(DIGEST)
    const [words, pairs] = [await store.collection('words'), await store.collection('pairs')]
    expect([words.stats().quantization, pairs.stats().quantization]).toEqual(['int8', 'int8'])
    expect([words.count(), pairs.count()]).toEqual([4, 2])
    expect(bitsOf((await words.get('king'))?.vector)).toEqual([0x3f800000, 0x40200000, 0x80000000])
    expect(await words.get('queen')).toEqual({
      id: 'queen',
      vector: Float32Array.of(0.5, 0.5, 0.5),
      metadata: { rank: 2 },
    })
    expect(await words.get('gone')).toBeUndefined()
    expect((await words.search([3, 0.1, -7], { k: 1 })).hits[0]!.id).toBe('häuser')
    expect(bitsOf((await pairs.get('b'))?.vector)).toEqual(bitsOf([16_777_217, 3.4028234663852886e38]))
    expect((await store.verify()).problems).toEqual([])
    await words.add([{ id: 'new', vector: [1, 2, 3] }])
    expect((await words.quantize('none')).lsn).toBe(12)
    expect((await store.snapshot()).lsn).toBe(12)
    await store.close()
  })

  test('has the modes that it had at each LSN', async () => {
    expect(await modesOf({ at: 4 })).toEqual([['words', 'none']])
    expect(await modesOf({ at: SNAPSHOT_LSN })).toEqual([['words', 'int8']])
    expect(await modesOf({ at: 6 })).toEqual([
      ['words', 'int8'],
      ['pairs', 'int8'],
    ])
    expect(await modesOf({ at: 8 })).toEqual([
      ['words', 'int8'],
      ['pairs', 'none'],
    ])
    expect(await modesOf({ readOnly: true })).toEqual([
      ['words', 'int8'],
      ['pairs', 'int8'],
    ])
  })
})
