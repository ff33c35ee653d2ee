import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
  await cli.importWords(300)
})
afterEach(() => cli.remove())

/** Flips one bit in the middle of the largest file of the log. */
async function damageTheLog(): Promise<void> {
  const directory = join(cli.store, 'wal')
  const sizes = await Promise.all(
    (await readdir(directory))
      .filter((name) => name.endsWith('.wal'))
      .map(async (name) => {
        const path = join(directory, name)
        return { path, sizeBytes: (await stat(path)).size }
      }),
  )
  const { path } = sizes.sort((left, right) => right.sizeBytes - left.sizeBytes)[0]!
  const bytes = await readFile(path)
  const middle = bytes.length >> 1
  bytes[middle] = bytes[middle]! ^ 1
  await writeFile(path, bytes)
}

test('verify finds the damage, says where, and exits with 1', async () => {
  await damageTheLog()
  const { exitCode, stdout } = await cli.run('verify', cli.store)
  expect(exitCode).toBe(1)
  expect(stdout).toMatch(/^damage: .*\(ERR_[A-Z_]+\)$/m)
  expect(stdout).toMatch(/\ndamaged: 1 problem\nnext: annals salvage /)
  const json = await cli.run('verify', cli.store, '--json')
  expect(json.exitCode).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problems: [{ offset: expect.any(Number) }] })
})

test('the commands that open the store refuse it by name', async () => {
  await damageTheLog()
  for (const argv of [
    ['stats', cli.store],
    ['digest', cli.store],
    ['get', cli.store, 'words', 'king'],
  ]) {
    const { exitCode, stdout, stderr } = await cli.run(...argv)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toContain('(ERR_LOG_CORRUPT)')
  }
})

test('log prints what lies before the damage, then fails', async () => {
  await damageTheLog()
  const { exitCode, stdout, stderr } = await cli.run('log', cli.store)
  expect(stdout).toContain('create       words')
  expect(exitCode).toBe(1)
  expect(stderr).toContain('(ERR_LOG_CORRUPT)')
})
