import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeFully } from '../../src/base/files.ts'
import { locateDirectory, NodeFiles } from '../../src/base/node-files.ts'
import { systemError } from '../../src/base/system-error.ts'

const isWindows = process.platform === 'win32'

let directory: string
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'annals-node-')))
})
afterEach(() => rm(directory, { recursive: true }))

describe('system errors', () => {
  test.each([
    ['ENOENT', 'ERR_FILE_NOT_FOUND'],
    ['EEXIST', 'ERR_FILE_EXISTS'],
    ['ENOSPC', 'ERR_DISK_FULL'],
    ['EDQUOT', 'ERR_DISK_FULL'],
    ['EACCES', 'ERR_PERMISSION'],
    ['EPERM', 'ERR_PERMISSION'],
    ['EROFS', 'ERR_PERMISSION'],
    ['EIO', 'ERR_IO'],
    ['toString', 'ERR_IO'],
  ])('%s becomes %s', (reason, code) => {
    const cause = Object.assign(new Error('system'), { code: reason })
    const error = systemError(cause, 'write', 'wal/a')
    expect(error).toMatchObject({ code, details: { path: 'wal/a', operation: 'write', reason } })
    expect(error.cause).toBe(cause)
  })

  test('what is no system error is ERR_IO, and a store error stays', () => {
    const error = systemError(new TypeError('x'), 'write', 'a')
    expect(error.code).toBe('ERR_IO')
    expect(systemError(error, 'read', 'b')).toBe(error)
  })

  test.skipIf(isWindows)('a directory closed to us is ERR_PERMISSION', async () => {
    // Nobody makes files in /sys, not even root, whom the mode of a directory does not stop.
    const closed = process.platform === 'linux' ? '/sys' : join(directory, 'closed')
    if (closed !== '/sys') await mkdir(closed, { mode: 0o500 })
    await expect(new NodeFiles(closed).open('a', 'create')).rejects.toMatchObject({ code: 'ERR_PERMISSION' })
    if (closed !== '/sys') await chmod(closed, 0o700)
  })

  test.skipIf(process.platform !== 'linux')('a full disk is ERR_DISK_FULL', async () => {
    await symlink('/dev/full', join(directory, 'full'))
    const file = await new NodeFiles(directory).open('full', 'update')
    await expect(file.write(new Uint8Array(10), 0)).rejects.toMatchObject({ code: 'ERR_DISK_FULL' })
    await expect(file.write(new Uint8Array(100_000), 0)).rejects.toMatchObject({ code: 'ERR_DISK_FULL' })
    await file.close()
  })
})

describe('NodeFiles', () => {
  test('a transfer is the same on either side of the size that leaves the thread', async () => {
    const file = await new NodeFiles(directory).open('a', 'create')
    let position = 0
    for (const size of [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1]) {
      await writeFully(file, new Uint8Array(size).fill(size & 0xff), position)
      const back = new Uint8Array(size)
      expect(await file.read(back, position)).toBe(size)
      expect(back.every((byte) => byte === (size & 0xff))).toBe(true)
      position += size
    }
    await file.close()
  })

  test('needs a root', () => {
    expect(() => new NodeFiles('')).toThrow(TypeError)
  })

  test('calls under way finish before their handle closes', async () => {
    const files = new NodeFiles(directory)
    const file = await files.open('a', 'create')
    const writing = file.write(new Uint8Array(3_000_000).fill(1), 0)
    const closing = file.close()
    expect(await writing).toBe(3_000_000)
    await closing
  })
})

describe('locateDirectory', () => {
  test('finds a directory by any path to it', async () => {
    await mkdir(join(directory, 'real'))
    await symlink(join(directory, 'real'), join(directory, 'link'), 'dir')
    const real = await locateDirectory(join(directory, 'real'), { create: false })
    const link = await locateDirectory(join(directory, 'link'), { create: false })
    expect(real?.realPath).toBe(join(directory, 'real'))
    expect(real?.identity).toMatch(/^\d+:\d+$/)
    expect(link).toEqual(real)
    const parent = await locateDirectory(directory, { create: false })
    expect(parent?.identity).not.toBe(real?.identity)
  })

  test('makes what is missing only when told', async () => {
    const path = join(directory, 'a', 'b', 'c')
    expect(await locateDirectory(path, { create: false })).toBeUndefined()
    const made = await locateDirectory(path, { create: true })
    expect(made?.realPath).toBe(path)
    expect(await locateDirectory(path, { create: true })).toEqual(made)
    expect(await locateDirectory(path, { create: false })).toEqual(made)
  })

  test('refuses a file', async () => {
    const path = join(directory, 'file')
    await writeFile(path, 'x')
    await expect(locateDirectory(path, { create: false })).rejects.toMatchObject({ code: 'ERR_FILE_EXISTS' })
    await expect(locateDirectory(path, { create: true })).rejects.toMatchObject({ code: 'ERR_FILE_EXISTS' })
    await expect(locateDirectory(join(path, 'below'), { create: false })).rejects.toMatchObject({ code: 'ERR_IO' })
    await expect(locateDirectory('', { create: false })).rejects.toThrow(TypeError)
  })
})
