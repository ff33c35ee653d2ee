import { beforeEach, describe, expect, test } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { type OpenFile, writeFully } from '../../src/base/files.ts'
import { CrashableFiles, type CrashChooser, CrashSignal, everything, nothing, random } from './crashable-files.ts'
import { Random } from './random.ts'

let files: CrashableFiles
beforeEach(() => {
  files = new CrashableFiles()
})

function filled(size: number, byte: number): Uint8Array {
  return new Uint8Array(size).fill(byte)
}

/** A file that is durable, name and all, with the handle that wrote it. */
async function durableFile(path: string, bytes: Uint8Array): Promise<OpenFile> {
  files.writeWhole(path, bytes)
  return files.open(path, 'update')
}

/** The first byte of each sector: tests fill sectors with one value. */
function sectorsOf(image: CrashableFiles, path: string): number[] {
  const bytes = image.readWhole(path)
  return Array.from({ length: Math.ceil(bytes.byteLength / 512) }, (_, sector) => bytes[sector * 512]!)
}

/** Answers sectors from a list, in the order they are asked for; takes the newest size and entries. */
function sectorChoices(...choices: number[]): CrashChooser {
  return { ...everything, sector: () => choices.shift()! }
}

/** Every distinct image that `seeds` random power losses leave, as a function of it. */
function outcomes<Value>(source: CrashableFiles, view: (image: CrashableFiles) => Value, seeds = 300): Set<Value> {
  return new Set(Array.from({ length: seeds }, (_, seed) => view(source.crashImage(random(seed)))))
}

describe('what a power loss leaves of a file', () => {
  test('all that was synced', async () => {
    const file = await durableFile('a', filled(1024, 1))
    await writeFully(file, filled(1024, 2), 512)
    await file.sync()
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['1,2,2']))
  })

  test('any subset of the sectors written since, beside the durable ones', async () => {
    const file = await durableFile('a', filled(1536, 1))
    await writeFully(file, filled(1024, 2), 0)
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(
      new Set(['1,1,1', '1,2,1', '2,1,1', '2,2,1']),
    )
    expect(sectorsOf(files.crashImage(sectorChoices(0, 1)), 'a')).toEqual([1, 2, 1])
    expect(sectorsOf(files, 'a')).toEqual([2, 2, 1])
  })

  test('a sector not written past the durable end is zeros, at any size it has had', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(512, 2), 512)
    await writeFully(file, filled(512, 3), 1024)
    const seen = outcomes(files, (image) => sectorsOf(image, 'a').join())
    expect(seen).toEqual(new Set(['1', '1,0', '1,2', '1,0,0', '1,2,0', '1,0,3', '1,2,3']))
  })

  test('part of a sector is never torn, and its other bytes stay', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(100, 2), 200)
    const whole = (image: CrashableFiles) => Buffer.from(image.readWhole('a')).toString('hex')
    const written = filled(512, 1).fill(2, 200, 300)
    expect(outcomes(files, whole)).toEqual(
      new Set([Buffer.from(filled(512, 1)).toString('hex'), Buffer.from(written).toString('hex')]),
    )
  })

  test('a sector written twice may hold what it held in between', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(512, 2), 0)
    await writeFully(file, filled(512, 3), 0)
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['1', '2', '3']))
  })

  test('a cut may be there or not, and leaves zeros or the old bytes where it is not', async () => {
    const file = await durableFile('a', filled(1024, 1))
    await file.truncate(512)
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['1', '1,1', '1,0']))
    await file.sync()
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['1']))
  })

  test('nothing and everything are the two ends', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(1024, 2), 0)
    expect(sectorsOf(files.crashImage(nothing), 'a')).toEqual([1])
    expect(sectorsOf(files.crashImage(everything), 'a')).toEqual([2, 2])
  })

  test('random images come as near to nothing and everything as to halves', async () => {
    const file = await durableFile('a', filled(64 * 512, 1))
    await writeFully(file, filled(64 * 512, 2), 0)
    const counts = outcomes(files, (image) => sectorsOf(image, 'a').filter((byte) => byte === 2).length)
    expect(Math.min(...counts)).toBeLessThan(6)
    expect(Math.max(...counts)).toBe(64)
    expect(counts.size).toBeGreaterThan(20)
  })

  test('a file never synced whose name survives may have any of its content', async () => {
    const file = await files.open('a', 'create')
    await writeFully(file, filled(1024, 2), 0)
    await files.syncDirectory('')
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['', '0,0', '0,2', '2,0', '2,2']))
  })
})

describe('what a power loss leaves of names', () => {
  test('a new file, only after its directory was synced', async () => {
    const file = await files.open('a', 'create')
    await file.sync()
    expect(outcomes(files, (image) => image.paths().join())).toEqual(new Set(['', 'a']))
    await files.syncDirectory('')
    expect(outcomes(files, (image) => image.paths().join())).toEqual(new Set(['a']))
  })

  test('nothing in a directory whose own name is lost', async () => {
    await files.makeDirectory('d')
    const file = await files.open('d/a', 'create')
    await file.sync()
    await files.syncDirectory('d')
    expect(outcomes(files, (image) => image.paths().join())).toEqual(new Set(['', 'd/a']))
    await files.syncDirectory('')
    expect(outcomes(files, (image) => image.paths().join())).toEqual(new Set(['d/a']))
  })

  test('a removed file is there or not', async () => {
    files.writeWhole('a', filled(1, 1))
    await files.remove('a')
    expect(outcomes(files, (image) => image.paths().join())).toEqual(new Set(['', 'a']))
    await files.syncDirectory('')
    expect(outcomes(files, (image) => image.paths().join())).toEqual(new Set(['']))
  })

  test('a name that was renamed over shows old or new, never nothing, and the source is gone or not', async () => {
    files.writeWhole('target', filled(1, 1))
    files.writeWhole('source', filled(1, 2))
    await files.rename('source', 'target')
    const view = (image: CrashableFiles) => `${image.readWhole('target')[0]} ${image.paths().includes('source')}`
    expect(outcomes(files, view)).toEqual(new Set(['1 true', '1 false', '2 true', '2 false']))
    await files.syncDirectory('')
    expect(outcomes(files, view)).toEqual(new Set(['2 false']))
  })

  test('a name removed and made anew may be in any of its states', async () => {
    files.writeWhole('a', filled(1, 1))
    await files.remove('a')
    await (await files.open('a', 'create')).sync()
    const view = (image: CrashableFiles) =>
      image.paths().length === 0 ? 'absent' : `${image.readWhole('a').byteLength}`
    expect(outcomes(files, view)).toEqual(new Set(['1', 'absent', '0']))
  })

  test('a file that survives under two names is one file', async () => {
    files.writeWhole('a', filled(512, 1))
    await files.rename('a', 'b')
    const file = await files.open('b', 'update')
    await writeFully(file, filled(512, 2), 0)
    const choose: CrashChooser = { ...everything, entry: (count) => (count === 2 && entries++ === 0 ? 1 : 0) }
    let entries = 0
    const image = files.crashImage(choose)
    expect(image.paths()).toEqual(['a', 'b'])
    const handle = await image.open('a', 'update')
    await writeFully(handle, filled(1, 9), 0)
    expect(image.readWhole('b')[0]).toBe(9)
  })
})

describe('crashing', () => {
  test('before an operation it has no effect, after it has, and all later calls crash too', async () => {
    for (const when of ['before', 'after'] as const) {
      files = new CrashableFiles()
      const file = await durableFile('a', filled(512, 1))
      files.crashAt(2, when)
      await writeFully(file, filled(512, 2), 0)
      await expect(file.write(filled(512, 3), 0)).rejects.toThrow(CrashSignal)
      expect(sectorsOf(files, 'a')).toEqual([when === 'before' ? 2 : 3])
      expect(files.isCrashed).toBe(true)
      await expect(file.sync()).rejects.toThrow(CrashSignal)
      await expect(file.size()).rejects.toThrow(CrashSignal)
      await expect(files.list('')).rejects.toThrow(CrashSignal)
      await expect(files.open('a', 'read')).rejects.toThrow(CrashSignal)
      await expect(file.close()).rejects.toThrow(CrashSignal)
    }
  })

  test('the signal is no store error', () => {
    expect(isStoreError(new CrashSignal())).toBe(false)
  })

  test('counts all operations, and mutations apart', async () => {
    await files.makeDirectory('wal')
    const file = await files.open('wal/a', 'create')
    await file.write(filled(512, 1), 64)
    await file.read(new Uint8Array(8), 0)
    await file.truncate(10)
    await file.size()
    await file.sync()
    await file.close()
    await files.rename('wal/a', 'wal/b')
    await files.list('wal')
    await files.remove('wal/b')
    await files.syncDirectory('wal')
    expect(files.operations).toEqual([
      'makeDirectory wal',
      'open wal/a create',
      'write wal/a 512@64',
      'read wal/a 8@0',
      'truncate wal/a to 10',
      'size wal/a',
      'sync wal/a',
      'close wal/a',
      'rename wal/a -> wal/b',
      'list wal',
      'remove wal/b',
      'syncDirectory wal',
    ])
    expect(files.mutations).toEqual(files.operations.filter((text) => !/^(read|size|close|list)/.test(text)))
  })

  test('a killed process leaves all it wrote, and a later power loss may still take what was not synced', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(512, 2), 0)
    await files.open('b', 'create')
    files.crashNow()
    const restarted = files.restartImage()
    expect(restarted.isCrashed).toBe(false)
    expect(restarted.operations).toEqual([])
    expect(sectorsOf(restarted, 'a')).toEqual([2])
    expect(restarted.paths()).toEqual(['a', 'b'])
    const lost = restarted.crashImage(nothing)
    expect([lost.paths(), sectorsOf(lost, 'a')]).toEqual([['a'], [1]])
    const again = await restarted.open('a', 'update')
    await again.sync()
    expect(sectorsOf(restarted.crashImage(nothing), 'a')).toEqual([2])
    expect(sectorsOf(files.crashImage(nothing), 'a')).toEqual([1])
  })

  test('the file operations of a crash image start with nothing pending', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(512, 2), 0)
    expect(files.crashImage(everything).pendingSummary()).toBe('')
  })
})

describe('faults', () => {
  test.each([
    ['EIO', 'ERR_IO'],
    ['ENOSPC', 'ERR_DISK_FULL'],
    ['EACCES', 'ERR_PERMISSION'],
  ] as const)('%s fails one operation of any kind without effect', async (fault, code) => {
    const file = await durableFile('a', filled(512, 1))
    for (const run of [
      () => file.write(filled(512, 2), 0),
      () => file.truncate(0),
      () => file.read(new Uint8Array(1), 0),
      () => file.size(),
      () => files.open('b', 'create'),
      () => files.rename('a', 'b'),
      () => files.remove('a'),
      () => files.makeDirectory('d'),
      () => files.list(''),
    ]) {
      files.failAt(files.operations.length + 1, fault)
      await expect(run()).rejects.toMatchObject({ name: 'StoreError', code, cause: { code: fault } })
    }
    expect([files.paths(), sectorsOf(files, 'a')]).toEqual([['a'], [1]])
    expect(files.pendingSummary()).toBe('')
    expect(await file.write(filled(512, 2), 0)).toBe(512)
  })

  test('a write may fail after any part of it', async () => {
    const file = await durableFile('a', filled(4, 1))
    files.failAt(files.operations.length + 1, { code: 'EIO', writtenBytes: 3 })
    await expect(file.write(filled(6, 2), 2)).rejects.toMatchObject({ code: 'ERR_IO' })
    expect([...files.readWhole('a')]).toEqual([1, 1, 2, 2, 2])
  })

  test('a short write succeeds, and the next write finds the disk full', async () => {
    const file = await durableFile('a', filled(0, 0))
    files.failAt(files.operations.length + 1, { shortWrite: 3, thenDiskFull: true })
    expect(await file.write(filled(8, 2), 0)).toBe(3)
    expect([...files.readWhole('a')]).toEqual([2, 2, 2])
    expect(await file.read(new Uint8Array(3), 0)).toBe(3)
    await expect(file.write(filled(5, 2), 3)).rejects.toMatchObject({ code: 'ERR_DISK_FULL' })
    expect(await file.write(filled(5, 2), 3)).toBe(5)
  })

  test('a short write alone is made up for by writeFully', async () => {
    const file = await durableFile('a', filled(0, 0))
    files.failAt(files.operations.length + 1, { shortWrite: 0 })
    await writeFully(file, Uint8Array.of(1, 2, 3), 0)
    expect([...files.readWhole('a')]).toEqual([1, 2, 3])
    expect(files.operations.slice(-2)).toEqual(['write a 3@0', 'write a 2@1'])
  })

  test('failWhen picks operations by their text, so many times', async () => {
    const file = await durableFile('a', filled(512, 1))
    files.failWhen((operation) => operation.startsWith('sync '), 'EIO', 2)
    await file.write(filled(512, 2), 0)
    await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO' })
    await file.sync()
    files.failWhen(() => true, 'EIO')
    files.clearFaults()
    await file.sync()
  })

  test('a crash at a faulty operation is a crash', async () => {
    const file = await durableFile('a', filled(512, 1))
    files.crashAt(1, 'after')
    files.failAt(files.operations.length + 1, 'EIO')
    await expect(file.write(filled(512, 2), 0)).rejects.toThrow(CrashSignal)
  })
})

describe('a sync that fails', () => {
  test('keep: visible, called clean, and never durable until written again', async () => {
    const file = await durableFile('a', filled(1024, 1))
    await writeFully(file, filled(1024, 2), 0)
    files.failAt(files.operations.length + 1, { sync: 'keep' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO', cause: { code: 'EIO' } })
    await file.sync()
    expect(sectorsOf(files, 'a')).toEqual([2, 2])
    expect(sectorsOf(files.crashImage(everything), 'a')).toEqual([1, 1])
    expect(files.pendingSummary()).toBe('a: size 1024, sectors 0-1 lost by a failed sync')
    expect(sectorsOf(files.restartImage().crashImage(everything), 'a')).toEqual([1, 1])
    await writeFully(file, filled(512, 2), 0)
    await file.sync()
    expect(sectorsOf(files.crashImage(nothing), 'a')).toEqual([2, 1])
  })

  test('keep: a length goes durable with the next good sync, its bytes do not', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(512, 2), 512)
    files.failAt(files.operations.length + 1, 'EIO')
    await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO' })
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['1', '1,0']))
    await file.sync()
    expect(outcomes(files, (image) => sectorsOf(image, 'a').join())).toEqual(new Set(['1,0']))
  })

  test('drop: what is seen goes back to what is durable', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(1024, 2), 0)
    files.failAt(files.operations.length + 1, { sync: 'drop' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO' })
    expect(sectorsOf(files, 'a')).toEqual([1])
    expect(await file.size()).toBe(512)
    expect(files.pendingSummary()).toBe('')
  })

  test('drop: brings back what a cut took away', async () => {
    const file = await durableFile('a', filled(1300, 1))
    await file.truncate(100)
    files.failAt(files.operations.length + 1, { sync: 'drop' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO' })
    expect(files.readWhole('a')).toEqual(filled(1300, 1))
  })

  test('mixed: each sector on its own is written, kept or dropped', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      files = new CrashableFiles()
      const file = await durableFile('a', filled(512, 1))
      await writeFully(file, filled(512, 2), 0)
      files.failAt(files.operations.length + 1, { sync: 'mixed', seed })
      await expect(file.sync()).rejects.toMatchObject({ code: 'ERR_IO' })
      await file.sync()
      seen.add(`sees ${sectorsOf(files, 'a')}, has ${sectorsOf(files.crashImage(everything), 'a')}`)
    }
    expect(seen).toEqual(new Set(['sees 1, has 1', 'sees 2, has 1', 'sees 2, has 2']))
  })

  test('of a directory, keep: the name is seen but not durable until it is made again', async () => {
    await files.open('a', 'create')
    files.failAt(files.operations.length + 1, { sync: 'keep' })
    await expect(files.syncDirectory('')).rejects.toMatchObject({ code: 'ERR_IO' })
    await files.syncDirectory('')
    expect(files.paths()).toEqual(['a'])
    expect(files.crashImage(everything).paths()).toEqual([])
    await files.rename('a', 'b')
    await files.syncDirectory('')
    expect(files.crashImage(nothing).paths()).toEqual(['b'])
  })

  test('of a directory, drop: the names go back', async () => {
    files.writeWhole('a', filled(1, 1))
    files.writeWhole('b', filled(1, 2))
    await files.rename('b', 'a')
    files.failAt(files.operations.length + 1, { sync: 'drop' })
    await expect(files.syncDirectory('')).rejects.toMatchObject({ code: 'ERR_IO' })
    expect(files.paths()).toEqual(['a', 'b'])
    expect(files.readWhole('a')[0]).toBe(1)
  })

  test('of a directory, mixed: each name on its own', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      files = new CrashableFiles()
      await files.open('a', 'create')
      files.failAt(files.operations.length + 1, { sync: 'mixed', seed })
      await expect(files.syncDirectory('')).rejects.toMatchObject({ code: 'ERR_IO' })
      seen.add(`sees '${files.paths()}', has '${files.crashImage(everything).paths()}'`)
    }
    expect(seen).toEqual(new Set(["sees '', has ''", "sees 'a', has ''", "sees 'a', has 'a'"]))
  })
})

describe('tools for tests', () => {
  test('copies and their original go separate ways', async () => {
    const file = await durableFile('a', filled(512, 1))
    const copy = files.clone()
    await writeFully(file, filled(512, 2), 0)
    const other = await copy.open('a', 'update')
    await writeFully(other, filled(512, 3), 512)
    expect([sectorsOf(files, 'a'), sectorsOf(copy, 'a')]).toEqual([[2], [1, 3]])
  })

  test('equal trees have equal hashes, and any difference shows', () => {
    files.writeWhole('d/a', filled(10, 1))
    const hash = files.contentHash()
    expect(files.clone().contentHash()).toBe(hash)
    files.flipBit('d/a', 13)
    expect([...files.readWhole('d/a').subarray(0, 3)]).toEqual([1, 0x21, 1])
    expect(files.contentHash()).not.toBe(hash)
    files.flipBit('d/a', 13)
    expect(files.contentHash()).toBe(hash)
    files.cut('d/a', 9)
    expect(files.contentHash()).not.toBe(hash)
    expect(files.crashImage(nothing).readWhole('d/a')).toEqual(filled(9, 1))
  })

  test('what is pending is told in words', async () => {
    const file = await durableFile('a', filled(512, 1))
    await writeFully(file, filled(1024, 2), 512)
    await files.open('b', 'create')
    expect(files.pendingSummary()).toBe('a: size 512|1536, sectors 1-2 unsynced\nentry b: absent|file of 0')
  })

  test('mutations are watched one by one, each when all that does not wait for it is done', async () => {
    const file = await durableFile('a', filled(512, 1))
    const [before, seen]: [number, string[]] = [files.mutations.length, []]
    let resolved = 0
    files.watchMutations((mutation, text) =>
      seen.push(`${mutation - before} ${text}: ${sectorsOf(files, 'a')}, ${resolved}`),
    )
    const writes = [2, 3].map((byte) => file.write(filled(512, byte), 0).then(() => Promise.resolve()))
    await Promise.all([...writes.map((write) => write.then(() => resolved++)), file.size()])
    await file.sync()
    expect(seen).toEqual(['1 write a 512@0: 1, 0', '2 write a 512@0: 2, 1', '3 sync a: 3, 2'])
    expect(files.operations.slice(-4)).toEqual(['write a 512@0', 'write a 512@0', 'size a', 'sync a'])
  })

  test('an image without anything pending costs no copy of the bytes', () => {
    files.writeWhole('a', new Random(1).nextBytes(400_000))
    const before = process.memoryUsage().arrayBuffers
    const images = Array.from({ length: 200 }, (_, seed) => files.crashImage(random(seed)))
    // Copies would be 80 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000)
    expect(new Set(images.map((image) => image.contentHash())).size).toBe(1)
  })

  test('a whole history of operations gives the same image for the same seed', async () => {
    const file = await durableFile('a', filled(4096, 1))
    await writeFully(file, new Random(2).nextBytes(3000), 500)
    expect(files.crashImage(random(7)).contentHash()).toBe(files.crashImage(random(7)).contentHash())
    expect(outcomes(files, (image) => image.contentHash(), 50).size).toBeGreaterThan(20)
  })
})

describe('reading at once', () => {
  test('is an operation like others: it is counted, fails by faults, and no crash is survived', async () => {
    const files = new CrashableFiles()
    files.writeWhole('a', Uint8Array.of(1, 2, 3))
    const file = await files.open('a', 'read')
    const target = new Uint8Array(2)
    expect([file.readNow!(target, 1), ...target]).toEqual([2, 2, 3])
    expect(files.operations).toEqual(['open a read', 'readNow a 2@1'])
    files.failWhen((operation) => operation.startsWith('readNow'), 'EIO')
    expect(() => file.readNow!(target, 0)).toThrow(expect.objectContaining({ code: 'ERR_IO' }))
    expect(file.readNow!(target, 0)).toBe(2)
    files.crashNow()
    expect(() => file.readNow!(target, 0)).toThrow(CrashSignal)
  })
})
