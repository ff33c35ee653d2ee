import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Files, type OpenFile, writeFully } from '../../src/base/files.ts'
import { Random } from '../support/random.ts'
import { fileCommands, runAgainstModel } from './files-model.ts'
import { noReadNowTests, readNowTests } from './read-now-tests.ts'

/** An empty file system to test, and what to do when the test is over. */
export interface FilesUnderTest {
  readonly files: Files
  dispose(): Promise<void>
}

/**
 * Every sentence of the contract in `files.ts` that holds without a crash, for one implementation. `readsNow`: whether its
 * files can be read on the calling thread.
 */
export function describeFiles(
  name: string,
  factory: () => Promise<FilesUnderTest>,
  { readsNow }: { readonly readsNow: boolean },
): void {
  describe(name, () => {
    let files: Files
    let dispose: () => Promise<void>
    beforeEach(async () => {
      const made = await factory()
      files = made.files
      dispose = () => made.dispose()
    })
    afterEach(() => dispose())

    describe('opening', () => openingTests(() => files))
    describe('paths', () => pathTests(() => files))
    describe('bytes', () => byteTests(() => files))
    describe('names', () => nameTests(() => files))
    describe('handles', () => handleTests(() => files))
    describe('sizes that hurt', () => sizeTests(() => files))
    describe('reading at once', () => (readsNow ? readNowTests : noReadNowTests)(() => files))

    test('behaves as a map of byte arrays over random histories', async () => {
      await fc.assert(
        fc.asyncProperty(fileCommands, async (commands) => {
          const fresh = await factory()
          try {
            await runAgainstModel(fresh.files, commands)
          } finally {
            await fresh.dispose()
          }
        }),
        { numRuns: 40 },
      )
    })
  })
}

/** Writes a whole new file, and closes it. */
export async function put(files: Files, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, 'create')
  await writeFully(file, bytes, 0)
  await file.sync()
  await file.close()
}

/** Reads a whole file by its name. */
export async function get(files: Files, path: string): Promise<Uint8Array> {
  const file = await files.open(path, 'read')
  try {
    return await contentOf(file)
  } finally {
    await file.close()
  }
}

async function contentOf(file: OpenFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.size())
  expect(await file.read(bytes, 0)).toBe(bytes.byteLength)
  return bytes
}

function text(string: string): Uint8Array {
  return new TextEncoder().encode(string)
}

function failsWith(code: string) {
  return expect.objectContaining({
    name: 'StoreError',
    code,
    details: expect.objectContaining({ path: expect.any(String) }),
  })
}

function openingTests(files: () => Files): void {
  test('create makes an empty file and refuses one that exists', async () => {
    const file = await files().open('a', 'create')
    expect(await file.size()).toBe(0)
    await file.close()
    await expect(files().open('a', 'create')).rejects.toEqual(failsWith('ERR_FILE_EXISTS'))
  })

  test('create refuses a directory of that name', async () => {
    await files().makeDirectory('d')
    await expect(files().open('d', 'create')).rejects.toEqual(failsWith('ERR_FILE_EXISTS'))
  })

  test.each(['read', 'update'] as const)('%s refuses a file that does not exist', async (mode) => {
    await expect(files().open('a', mode)).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().open('no/a', mode)).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
  })

  test.each(['read', 'update'] as const)('%s refuses a directory', async (mode) => {
    await files().makeDirectory('d')
    await expect(files().open('d', mode)).rejects.toEqual(failsWith('ERR_IO'))
  })

  test('create refuses a parent that does not exist, or is a file', async () => {
    await put(files(), 'a', text('x'))
    await expect(files().open('no/a', 'create')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().open('a/b', 'create')).rejects.toEqual(failsWith('ERR_IO'))
    await expect(files().open('a/b', 'read')).rejects.toEqual(failsWith('ERR_IO'))
  })

  test('a file open for reading cannot be changed', async () => {
    await put(files(), 'a', text('kept'))
    const file = await files().open('a', 'read')
    await expect(file.write(text('x'), 0)).rejects.toEqual(failsWith('ERR_IO'))
    await expect(file.truncate(0)).rejects.toEqual(failsWith('ERR_IO'))
    expect(await contentOf(file)).toEqual(text('kept'))
    await file.close()
  })

  test('update reads and writes what is there', async () => {
    await put(files(), 'a', text('abcd'))
    const file = await files().open('a', 'update')
    await writeFully(file, text('XY'), 1)
    expect(await contentOf(file)).toEqual(text('aXYd'))
    await file.close()
    expect(await get(files(), 'a')).toEqual(text('aXYd'))
  })
}

function pathTests(files: () => Files): void {
  const bad = ['../a', 'a/../b', '/a', 'a\\b', 'a//b', 'a/', './a', 'a\0b', '\ud800']

  test.each(bad)('%j is a mistake in the program', async (path) => {
    await expect(files().open(path, 'create')).rejects.toThrow(TypeError)
    await expect(files().rename(path, 'b')).rejects.toThrow(TypeError)
    await expect(files().rename('b', path)).rejects.toThrow(TypeError)
    await expect(files().remove(path)).rejects.toThrow(TypeError)
    await expect(files().list(path)).rejects.toThrow(TypeError)
    await expect(files().makeDirectory(path)).rejects.toThrow(TypeError)
    await expect(files().syncDirectory(path)).rejects.toThrow(TypeError)
  })

  test('the directory itself is no file', async () => {
    await expect(files().open('', 'read')).rejects.toThrow(TypeError)
    await expect(files().remove('')).rejects.toThrow(TypeError)
  })

  test('an unknown mode is a mistake in the program', async () => {
    await expect(files().open('a', 'append' as 'read')).rejects.toThrow(TypeError)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('position and size %s are mistakes in the program', async (value) => {
    const file = await files().open('a', 'create')
    await expect(file.read(new Uint8Array(1), value)).rejects.toThrow(RangeError)
    await expect(file.write(new Uint8Array(1), value)).rejects.toThrow(RangeError)
    await expect(file.truncate(value)).rejects.toThrow(RangeError)
    await file.close()
  })
}

function byteTests(files: () => Files): void {
  test('a read gives less than asked only at the end', async () => {
    await put(files(), 'a', text('0123456789'))
    const file = await files().open('a', 'read')
    const target = new Uint8Array(4)
    expect([await file.read(target, 3), ...target]).toEqual([4, ...text('3456')])
    expect(await file.read(target, 8)).toBe(2)
    expect(target.subarray(0, 2)).toEqual(text('89'))
    expect(await file.read(target, 10)).toBe(0)
    expect(await file.read(target, 1_000_000)).toBe(0)
    expect(await file.read(new Uint8Array(0), 0)).toBe(0)
    await file.close()
  })

  test('a read leaves what it does not fill', async () => {
    await put(files(), 'a', text('ab'))
    const file = await files().open('a', 'read')
    const memory = new Uint8Array(8).fill(9)
    expect(await file.read(memory.subarray(2, 6), 0)).toBe(2)
    expect([...memory]).toEqual([9, 9, ...text('ab'), 9, 9, 9, 9])
    await file.close()
  })

  test('a write takes a view, Buffers included, and does not read it after it settles', async () => {
    const file = await files().open('a', 'create')
    const bytes = Buffer.from('..hello..')
    await writeFully(file, bytes.subarray(2, 7), 0)
    bytes.fill(0)
    expect(await contentOf(file)).toEqual(text('hello'))
    await file.sync()
    expect(await contentOf(file)).toEqual(text('hello'))
    await file.close()
  })

  test('an empty write changes nothing, wherever it is', async () => {
    const file = await files().open('a', 'create')
    expect(await file.write(new Uint8Array(0), 100)).toBe(0)
    expect(await file.size()).toBe(0)
    await file.close()
  })

  test.each([1, 511, 4095, 4096, 4097, 70_000])('a gap of %i bytes is zeros', async (gap) => {
    const file = await files().open('a', 'create')
    await writeFully(file, text('ab'), 0)
    await writeFully(file, text('yz'), 2 + gap)
    const content = await contentOf(file)
    expect(content).toEqual(Uint8Array.of(...text('ab'), ...new Uint8Array(gap), ...text('yz')))
    await file.close()
  })

  test.each([0, 1, 4096, 5000, 8191, 8192])('cut at %i and extended again, the rest is zeros', async (size) => {
    const bytes = new Uint8Array(10_000).fill(7)
    await put(files(), 'a', bytes)
    const file = await files().open('a', 'update')
    await file.truncate(size)
    expect(await file.size()).toBe(size)
    expect(await contentOf(file)).toEqual(bytes.subarray(0, size))
    await file.truncate(12_000)
    expect(await contentOf(file)).toEqual(Uint8Array.from({ length: 12_000 }, (_, index) => (index < size ? 7 : 0)))
    await file.close()
  })

  test('cut, then written beyond the cut, the gap is zeros', async () => {
    const file = await files().open('a', 'create')
    await writeFully(file, new Uint8Array(20_000).fill(7), 0)
    await file.sync()
    await file.truncate(100)
    await writeFully(file, text('z'), 15_000)
    const content = await contentOf(file)
    expect(content.byteLength).toBe(15_001)
    expect(content.subarray(100, 15_000).every((byte) => byte === 0)).toBe(true)
    await file.close()
  })
}

function nameTests(files: () => Files): void {
  test('lists files and directories in code-unit order', async () => {
    // Beyond the basic plane, code units and UTF-8 disagree about the order.
    const names = ['b', 'B', 'a10', 'a2', 'é', '\uff5e', '\u{1f600}', 'a.b', 'a-b', 'a']
    for (const name of names) await put(files(), name, text(name))
    await files().makeDirectory('a0')
    await put(files(), 'a0/inside', text(''))
    expect(await files().list('')).toEqual([...names, 'a0'].sort())
    expect(await files().list('a0')).toEqual(['inside'])
  })

  test('list refuses what does not exist, and a file', async () => {
    await put(files(), 'a', text(''))
    await expect(files().list('no')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().list('a')).rejects.toEqual(failsWith('ERR_IO'))
  })

  test('makes directories in directories, and minds neither the top nor one that is there', async () => {
    await files().makeDirectory('')
    await files().makeDirectory('d')
    await files().makeDirectory('d')
    await files().makeDirectory('d/e')
    await put(files(), 'd/e/f', text('deep'))
    expect(await get(files(), 'd/e/f')).toEqual(text('deep'))
    expect(await files().list('d')).toEqual(['e'])
    expect(await files().list('d/e')).toEqual(['f'])
  })

  test('makes no directory without a parent, nor over a file', async () => {
    await put(files(), 'a', text(''))
    await expect(files().makeDirectory('no/d')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().makeDirectory('a')).rejects.toEqual(failsWith('ERR_FILE_EXISTS'))
    await expect(files().makeDirectory('a/d')).rejects.toEqual(failsWith('ERR_IO'))
  })

  test('syncs a directory that exists', async () => {
    await files().makeDirectory('d')
    await files().syncDirectory('')
    await files().syncDirectory('d')
    await expect(files().syncDirectory('no')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
  })

  test('renames a file, into another directory too', async () => {
    await files().makeDirectory('d')
    await put(files(), 'a', text('moved'))
    await files().rename('a', 'b')
    await files().rename('b', 'd/c')
    expect(await files().list('')).toEqual(['d'])
    expect(await get(files(), 'd/c')).toEqual(text('moved'))
  })

  test('a rename replaces what stands at its target', async () => {
    await put(files(), 'old', new Uint8Array(9000).fill(1))
    await put(files(), 'new', text('new'))
    await files().rename('new', 'old')
    expect(await files().list('')).toEqual(['old'])
    expect(await get(files(), 'old')).toEqual(text('new'))
  })

  test('a rename to its own name changes nothing', async () => {
    await put(files(), 'a', text('same'))
    await files().rename('a', 'a')
    expect(await get(files(), 'a')).toEqual(text('same'))
  })

  test('rename and remove are for files that exist', async () => {
    await files().makeDirectory('d')
    await put(files(), 'a', text('a'))
    await expect(files().rename('no', 'b')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().rename('a', 'no/b')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().rename('d', 'b')).rejects.toEqual(failsWith('ERR_IO'))
    await expect(files().rename('a', 'd')).rejects.toEqual(failsWith('ERR_IO'))
    await expect(files().remove('no')).rejects.toEqual(failsWith('ERR_FILE_NOT_FOUND'))
    await expect(files().remove('d')).rejects.toEqual(failsWith('ERR_IO'))
    expect(await files().list('')).toEqual(['a', 'd'])
  })

  test('a removed name is free, and its new file shares nothing with the old', async () => {
    await put(files(), 'a', new Uint8Array(10_000).fill(7))
    await files().remove('a')
    expect(await files().list('')).toEqual([])
    const file = await files().open('a', 'create')
    await writeFully(file, text('z'), 9_000)
    expect((await contentOf(file)).subarray(0, 9_000).every((byte) => byte === 0)).toBe(true)
    await file.close()
  })
}

function handleTests(files: () => Files): void {
  test('a removed file stays readable and writable through its handles', async () => {
    await put(files(), 'a', text('still here'))
    const first = await files().open('a', 'update')
    const second = await files().open('a', 'read')
    await files().remove('a')
    await writeFully(first, text('S'), 0)
    await first.close()
    expect(await contentOf(second)).toEqual(text('Still here'))
    await second.close()
  })

  test('a file that was renamed over stays readable through its handles', async () => {
    await put(files(), 'a', text('old'))
    await put(files(), 'b', text('new'))
    const old = await files().open('a', 'read')
    await files().rename('b', 'a')
    expect(await contentOf(old)).toEqual(text('old'))
    expect(await get(files(), 'a')).toEqual(text('new'))
    await old.close()
    expect(await get(files(), 'a')).toEqual(text('new'))
  })

  test('a handle follows its file to a new name', async () => {
    const file = await files().open('a', 'create')
    await files().rename('a', 'b')
    await writeFully(file, text('followed'), 0)
    expect(await get(files(), 'b')).toEqual(text('followed'))
    await file.close()
  })

  test('two handles see one file', async () => {
    const writer = await files().open('a', 'create')
    const reader = await files().open('a', 'read')
    await writeFully(writer, text('shared'), 0)
    expect(await contentOf(reader)).toEqual(text('shared'))
    await writer.truncate(2)
    expect(await reader.size()).toBe(2)
    await writer.close()
    expect(await contentOf(reader)).toEqual(text('sh'))
    await reader.close()
  })

  test('what was written stays when the handle closes without a sync', async () => {
    const file = await files().open('a', 'create')
    await writeFully(file, text('unsynced'), 0)
    await file.close()
    const again = await files().open('a', 'update')
    expect(await contentOf(again)).toEqual(text('unsynced'))
    await again.sync()
    await again.close()
  })

  test('a closed handle refuses everything but closing', async () => {
    const file = await files().open('a', 'create')
    await file.close()
    await file.close()
    await expect(file.read(new Uint8Array(1), 0)).rejects.toEqual(failsWith('ERR_IO'))
    await expect(file.write(new Uint8Array(1), 0)).rejects.toEqual(failsWith('ERR_IO'))
    await expect(file.truncate(0)).rejects.toEqual(failsWith('ERR_IO'))
    await expect(file.size()).rejects.toEqual(failsWith('ERR_IO'))
    await expect(file.sync()).rejects.toEqual(failsWith('ERR_IO'))
  })

  test('reads may overlap each other and a write behind them', async () => {
    const bytes = new Random(1).nextBytes(300_000)
    await put(files(), 'a', bytes)
    const file = await files().open('a', 'update')
    const pieces = Array.from({ length: 30 }, () => new Uint8Array(10_000))
    const more = new Random(2).nextBytes(200_000)
    await Promise.all([
      ...pieces.map((piece, index) => file.read(piece, index * 10_000)),
      writeFully(file, more, bytes.byteLength),
    ])
    for (const [index, piece] of pieces.entries()) {
      expect(Buffer.compare(piece, bytes.subarray(index * 10_000, (index + 1) * 10_000))).toBe(0)
    }
    expect(Buffer.compare((await contentOf(file)).subarray(bytes.byteLength), more)).toBe(0)
    await file.close()
  })

  test('calls on different files may overlap', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `file-${index}`)
    await Promise.all(names.map((name) => put(files(), name, text(name.repeat(500)))))
    const contents = await Promise.all(names.map((name) => get(files(), name)))
    expect(contents).toEqual(names.map((name) => text(name.repeat(500))))
  })
}

function sizeTests(files: () => Files): void {
  test('5 MiB in one call, and back in one call', async () => {
    const bytes = new Random(5).nextBytes(5 * 1024 * 1024)
    await put(files(), 'large', bytes)
    const back = await get(files(), 'large')
    expect(Buffer.compare(back, bytes)).toBe(0)
  })

  test('a thousand small appends, read back across every boundary', async () => {
    const random = new Random(6)
    const file = await files().open('a', 'create')
    const parts: Uint8Array[] = []
    let position = 0
    for (let count = 0; count < 1000; count++) {
      const part = random.nextBytes(1 + random.nextInt(40))
      await writeFully(file, part, position)
      parts.push(part)
      position += part.byteLength
    }
    await file.sync()
    const expected = Buffer.concat(parts)
    expect(Buffer.compare(await contentOf(file), expected)).toBe(0)
    for (let count = 0; count < 200; count++) {
      const start = random.nextInt(expected.byteLength)
      const target = new Uint8Array(random.nextInt(9000))
      const read = await file.read(target, start)
      expect(read).toBe(Math.min(target.byteLength, expected.byteLength - start))
      expect(Buffer.compare(target.subarray(0, read), expected.subarray(start, start + read))).toBe(0)
    }
    await file.close()
  })
}
