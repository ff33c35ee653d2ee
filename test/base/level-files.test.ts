import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import { beforeEach, describe, expect, test } from 'vitest'
import { type OpenFile, writeFully } from '../../src/base/files.ts'
import type { LevelDatabase, LevelOperation } from '../../src/base/level-database.ts'
import { LevelFiles } from '../../src/base/level-files.ts'
import { get, put } from '../suites/files-suite.ts'
import { Random } from '../support/random.ts'

const VIEW = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

let database: MemoryLevel
let files: LevelFiles
beforeEach(() => {
  database = new MemoryLevel()
  files = new LevelFiles(database)
})

async function keysOf(source: MemoryLevel = database): Promise<string[]> {
  return source.keys().all()
}

/** A database that tells each batch, and can fail the next one before or after it took effect. */
function observed(source: LevelDatabase) {
  const batches: { operations: LevelOperation[]; sync: boolean }[] = []
  const faults: { error: Error; takesEffect: boolean }[] = []
  const batch: LevelDatabase['batch'] = async (operations, options) => {
    batches.push({ operations, sync: options.sync })
    const fault = faults.shift()
    if (fault === undefined || fault.takesEffect) await source.batch(operations, options)
    if (fault !== undefined) throw fault.error
  }
  const through: LevelDatabase = {
    get: (key, options) => source.get(key, options),
    getMany: (keys, options) => source.getMany(keys, options),
    keys: (options) => source.keys(options),
    clear: (options) => source.clear(options),
    batch,
  }
  return { database: through, batches, faults }
}

describe('persistence', () => {
  test('a classic-level database, closed and opened again, has the same files', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'annals-level-'))
    const bytes = new Random(1).nextBytes(700_001)
    let level = new Level(directory)
    const first = new LevelFiles(level)
    await first.makeDirectory('wal')
    await put(first, 'wal/a', bytes)
    await put(first, 'b', Uint8Array.of(1))
    await first.remove('b')
    await level.close()
    level = new Level(directory)
    const second = new LevelFiles(level)
    expect(await second.list('')).toEqual(['wal'])
    expect(Buffer.compare(await get(second, 'wal/a'), bytes)).toBe(0)
    await put(second, 'c', Uint8Array.of(3))
    expect(Buffer.compare(await get(second, 'wal/a'), bytes)).toBe(0)
    await level.close()
    await rm(directory, { recursive: true })
  })

  test('a new file never takes the number of one that is there', async () => {
    await put(files, 'a', Uint8Array.of(1))
    await put(new LevelFiles(database), 'b', Uint8Array.of(2))
    const third = new LevelFiles(database)
    expect([...(await get(third, 'a')), ...(await get(third, 'b'))]).toEqual([1, 2])
  })
})

describe('other keys', () => {
  test('are neither read nor written, be they ever so near', async () => {
    const near = ['annals', 'annals9', 'annals:!', 'annals;', 'a', 'zzz', 'annals:blocl', 'annals:entry0']
    for (const key of near) await database.put(key, 'mine')
    await files.makeDirectory('d')
    await put(files, 'd/a', new Uint8Array(50_000))
    const file = await files.open('d/a', 'update')
    await file.truncate(0)
    await files.remove('d/a')
    await file.close()
    for (const key of near) expect(await database.get(key)).toBe('mine')
    expect((await keysOf()).filter((key) => !near.includes(key))).toEqual(['annals:entry///d', 'annals:format'])
  })

  test('two prefixes are two file systems', async () => {
    const other = new LevelFiles(database, { prefix: 'other:' })
    await put(files, 'a', Uint8Array.of(1))
    await put(other, 'a', Uint8Array.of(2))
    await other.remove('a')
    expect([...(await get(files, 'a'))]).toEqual([1])
    expect(await other.list('')).toEqual([])
  })

  test('a sublevel holds a file system', async () => {
    const sublevel = database.sublevel<string, object>('mine', { valueEncoding: 'json' })
    const inside = new LevelFiles(sublevel)
    await put(inside, 'a', Uint8Array.of(7))
    expect([...(await get(inside, 'a'))]).toEqual([7])
    expect((await keysOf()).every((key) => key.startsWith('!mine!'))).toBe(true)
  })
})

describe('space', () => {
  test('a removed file leaves nothing behind', async () => {
    await put(files, 'a', new Uint8Array(100_000).fill(1))
    await files.remove('a')
    expect(await keysOf()).toEqual(['annals:format'])
  })

  test('a file that was renamed over leaves nothing behind', async () => {
    await put(files, 'a', new Uint8Array(100_000).fill(1))
    await put(files, 'b', Uint8Array.of(2))
    const before = (await keysOf()).length
    await files.rename('b', 'a')
    expect(before - (await keysOf()).length).toBe(Math.ceil(100_000 / 4096) + 2)
  })

  test('a removed file that is open goes with its last handle', async () => {
    await put(files, 'a', new Uint8Array(100_000).fill(1))
    const handles = [await files.open('a', 'read'), await files.open('a', 'update')] as const
    await files.remove('a')
    await handles[0].close()
    expect((await keysOf()).length).toBeGreaterThan(25)
    const reading = handles[1].read(new Uint8Array(100_000), 0)
    await handles[1].close()
    expect(await reading).toBe(100_000)
    expect(await keysOf()).toEqual(['annals:format'])
  })

  test('a closing handle waits for its reads before the blocks go', async () => {
    await put(files, 'a', new Uint8Array(9000).fill(1))
    const slow = {
      ...observed(database).database,
      getMany: async (keys: string[], options: typeof VIEW) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return database.getMany<string, Uint8Array>(keys, options)
      },
    }
    const own = new LevelFiles(slow)
    const file = await own.open('a', 'read')
    await own.remove('a')
    const target = new Uint8Array(9000)
    const reading = file.read(target, 0)
    await file.close()
    expect(await reading).toBe(9000)
    expect(target.every((byte) => byte === 1)).toBe(true)
    expect(await keysOf()).toEqual(['annals:format'])
  })

  test('a file closed without a sync, then removed, leaves nothing behind', async () => {
    const file = await files.open('a', 'create')
    await writeFully(file, new Uint8Array(9000), 0)
    await file.close()
    await files.remove('a')
    expect(await keysOf()).toEqual(['annals:format'])
  })

  test('what a killed process left is freed before the first change', async () => {
    await put(files, 'a', new Uint8Array(100_000).fill(1))
    await files.open('a', 'read')
    await files.remove('a')
    expect((await keysOf()).length).toBeGreaterThan(25)
    const restarted = new LevelFiles(database)
    expect(await restarted.list('')).toEqual([])
    expect((await keysOf()).length).toBeGreaterThan(25)
    await restarted.makeDirectory('d')
    expect(await keysOf()).toEqual(['annals:entry///d', 'annals:format'])
  })

  test('a cut frees the blocks behind it', async () => {
    await put(files, 'a', new Uint8Array(100_000).fill(1))
    const file = await files.open('a', 'update')
    await file.truncate(5000)
    expect((await keysOf()).filter((key) => key.includes(':block/'))).toHaveLength(2)
    await file.close()
  })

  test('a file extended a thousand times the memory takes none', async () => {
    const file = await files.open('a', 'create')
    await file.truncate(2 ** 50)
    const target = new Uint8Array(10_000).fill(1)
    expect(await file.read(target, 2 ** 49)).toBe(10_000)
    expect(target.every((byte) => byte === 0)).toBe(true)
    await file.truncate(10)
    expect(await file.size()).toBe(10)
    await file.close()
  })
})

describe('durability', () => {
  test('a write is one batch, and a sync writes again what was not synced', async () => {
    const watched = observed(database)
    const file = await new LevelFiles(watched.database).open('a', 'create')
    expect(watched.batches.every(({ sync }) => sync)).toBe(true)
    watched.batches.length = 0
    await writeFully(file, new Uint8Array(6000).fill(1), 0)
    await writeFully(file, new Uint8Array(10).fill(2), 6000)
    expect(watched.batches.map(({ sync, operations }) => [sync, operations.length])).toEqual([
      [false, 3],
      [false, 2],
    ])
    await file.sync()
    const last = watched.batches.at(-1)!
    expect(last.sync).toBe(true)
    expect(last.operations.map(({ key }) => key.split(':')[1])).toEqual([
      'inode/00000000000001',
      'block/00000000000001/00000000000000',
      'block/00000000000001/00000000000001',
    ])
    await file.sync()
    expect(watched.batches).toHaveLength(3)
    await file.close()
  })

  test('a sync through a later handle finds what an earlier one wrote', async () => {
    const watched = observed(database)
    const own = new LevelFiles(watched.database)
    const file = await own.open('a', 'create')
    await writeFully(file, Uint8Array.of(1), 0)
    await file.close()
    const again = await own.open('a', 'read')
    await again.sync()
    expect(watched.batches.at(-1)).toMatchObject({
      sync: true,
      operations: [{}, { type: 'put', value: Uint8Array.of(1) }],
    })
    await again.close()
  })

  test('names change in one synced batch', async () => {
    await put(files, 'a', Uint8Array.of(1))
    await put(files, 'b', Uint8Array.of(2))
    const watched = observed(database)
    const own = new LevelFiles(watched.database)
    await own.rename('a', 'b')
    expect(watched.batches[0]!.sync).toBe(true)
    expect(watched.batches[0]!.operations.map(({ type, key }) => `${type} ${key}`)).toEqual([
      'put annals:entry///b',
      'del annals:entry///a',
      'put annals:orphan/00000000000002',
    ])
  })

  test('much that waits is synced by the write itself', async () => {
    const watched = observed(database)
    const file = await new LevelFiles(watched.database).open('a', 'create')
    await writeFully(file, new Uint8Array(1_000_000), 0)
    expect(watched.batches.at(-1)!.sync).toBe(true)
    await file.close()
  })
})

describe('a batch that fails', () => {
  const noSpace = Object.assign(new Error('IO error: 000003.log: No space left on device'), { code: 'LEVEL_IO_ERROR' })

  test.each([
    [noSpace, 'ERR_DISK_FULL'],
    [new Error('outer', { cause: new Error('IO error: LOCK: Permission denied') }), 'ERR_PERMISSION'],
    [Object.assign(new Error('x'), { name: 'QuotaExceededError' }), 'ERR_DISK_FULL'],
    [new Error('anything'), 'ERR_IO'],
  ])('%s becomes %s', async (error, code) => {
    const watched = observed(database)
    const file = await new LevelFiles(watched.database).open('a', 'create')
    watched.faults.push({ error, takesEffect: false })
    const failing = file.write(Uint8Array.of(1), 0)
    await expect(failing).rejects.toMatchObject({ name: 'StoreError', code, cause: error, details: { path: 'a' } })
    await file.close()
  })

  test.each([
    [5000, true],
    [5000, false],
    [30_000, true],
  ])('is cut away by truncate to %i, whether or not it took effect (%s)', async (size, takesEffect) => {
    const watched = observed(database)
    const file = await new LevelFiles(watched.database).open('a', 'create')
    await writeFully(file, new Uint8Array(5000).fill(1), 0)
    watched.faults.push({ error: noSpace, takesEffect })
    await expect(file.write(new Uint8Array(20_000).fill(2), 5000)).rejects.toMatchObject({ code: 'ERR_DISK_FULL' })
    await file.truncate(size)
    await writeFully(file, Uint8Array.of(3), 30_000)
    await file.sync()
    await file.close()
    const content = await get(new LevelFiles(database), 'a')
    expect(content.subarray(0, 5000).every((byte) => byte === 1)).toBe(true)
    expect(content.subarray(5000, 30_000).every((byte) => byte === 0)).toBe(true)
  })

  test('at a create does not lend its number to the next file', async () => {
    const watched = observed(database)
    const own = new LevelFiles(watched.database)
    await own.makeDirectory('d')
    watched.faults.push({ error: noSpace, takesEffect: true })
    await expect(own.open('a', 'create')).rejects.toMatchObject({ code: 'ERR_DISK_FULL' })
    await put(own, 'b', Uint8Array.of(2))
    expect(await get(own, 'a')).toEqual(new Uint8Array(0))
  })

  test('a closed database is ERR_IO', async () => {
    await put(files, 'a', Uint8Array.of(1))
    const file = await files.open('a', 'read')
    await database.close()
    await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: 'ERR_IO' })
    await expect(files.list('')).rejects.toMatchObject({ code: 'ERR_IO' })
  })
})

describe('damage', () => {
  const INODE = 'annals:inode/00000000000001'
  const ENTRY = 'annals:entry///a'

  async function damagedBy(key: string, value: Uint8Array): Promise<LevelFiles> {
    await put(files, 'a', Uint8Array.of(1, 2, 3))
    await database.put(key, value, VIEW)
    return new LevelFiles(database)
  }

  test.each([INODE, ENTRY])('any flipped bit of %s is ERR_IO', async (key) => {
    await put(files, 'a', Uint8Array.of(1, 2, 3))
    const good = new Uint8Array((await database.get(key, VIEW))!)
    for (let bit = 0; bit < good.byteLength * 8; bit++) {
      const bad = Uint8Array.from(good)
      bad[bit >> 3] = bad[bit >> 3]! ^ (1 << (bit & 7))
      await database.put(key, bad, VIEW)
      await expect(new LevelFiles(database).open('a', 'read')).rejects.toMatchObject({
        code: 'ERR_IO',
        details: { key },
      })
    }
  })

  test.each([INODE, ENTRY])('%s of the wrong length, or the text of another encoding, is ERR_IO', async (key) => {
    for (const value of [
      new Uint8Array(0),
      new Uint8Array(23),
      new Uint8Array(25),
      new TextEncoder().encode('x'.repeat(24)),
    ]) {
      const damaged = await damagedBy(key, value)
      await expect(damaged.open('a', 'read')).rejects.toMatchObject({ code: 'ERR_IO' })
      database = new MemoryLevel()
      files = new LevelFiles(database)
    }
  })

  test('a record under another key is ERR_IO', async () => {
    await put(files, 'b', Uint8Array.of(1))
    const other = await database.get('annals:entry///b', VIEW)
    await database.put(ENTRY, other!, VIEW)
    await expect(files.open('a', 'read')).rejects.toMatchObject({ code: 'ERR_IO' })
  })

  test('a size that is gone is ERR_IO, and its name can still be removed', async () => {
    await put(files, 'a', Uint8Array.of(1))
    await database.del(INODE)
    const own = new LevelFiles(database)
    await expect(own.open('a', 'read')).rejects.toMatchObject({ code: 'ERR_IO' })
    await own.remove('a')
    expect(await own.list('')).toEqual([])
  })

  test('a block that is gone reads as zeros, one that is too long is cut', async () => {
    await put(files, 'a', new Uint8Array(9000).fill(1))
    await database.del('annals:block/00000000000001/00000000000001')
    await database.put('annals:block/00000000000001/00000000000000', new Uint8Array(10_000).fill(5), VIEW)
    const content = await get(new LevelFiles(database), 'a')
    expect(content).toEqual(Uint8Array.from({ length: 9000 }, (_, index) => (index < 4096 ? 5 : index < 8192 ? 0 : 1)))
  })

  test('a new file does not share bytes with a name whose size is gone, nor with blocks without a file', async () => {
    await put(files, 'a', new Uint8Array(9000).fill(1))
    await put(files, 'b', new Uint8Array(0))
    await database.del(INODE)
    await database.del('annals:inode/00000000000002')
    await database.put('annals:block/00000000000009/00000000000000', Uint8Array.of(9), VIEW)
    const own = new LevelFiles(database)
    const file: OpenFile = await own.open('c', 'create')
    await file.truncate(9000)
    await file.close()
    expect((await get(own, 'c')).every((byte) => byte === 0)).toBe(true)
    expect((await keysOf()).filter((key) => key.includes(':inode/'))).toEqual(['annals:inode/0000000000000a'])
  })

  test('a newer format is refused by name', async () => {
    await put(files, 'a', Uint8Array.of(1))
    await database.put('annals:format', Uint8Array.of(0xff, 0x61, 0x00, 0xfe, 2), VIEW)
    await expect(new LevelFiles(database).list('')).rejects.toMatchObject({ code: 'ERR_FORMAT_VERSION' })
  })

  test('a database that keeps values as text is refused before anything is stored', async () => {
    const text = new MemoryLevel({ storeEncoding: 'utf8' })
    await expect(new LevelFiles(text).open('a', 'create')).rejects.toMatchObject({ name: 'StoreError' })
    expect((await keysOf(text)).filter((key) => key !== 'annals:format')).toEqual([])
  })
})
