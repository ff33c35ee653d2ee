import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { ensureBuilt } from '../../crash/support/built-package.ts'
import { temporaryDirectories } from '../../store/support/temporary-directories.ts'

const SCRIPT = fileURLToPath(new URL('worker-process.mjs', import.meta.url))

const newDirectory = temporaryDirectories()

beforeAll(ensureBuilt)

/** What a process said, and how it ended. */
async function ended(
  verb: string,
  { nodeArguments = [], ...environment }: { nodeArguments?: string[]; NODE_OPTIONS?: string } = {},
): Promise<{ said: string; code: unknown }> {
  const child = spawn(process.execPath, [...nodeArguments, SCRIPT, verb], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const code = new Promise((resolve) => child.on('exit', (exitCode, signal) => resolve(exitCode ?? signal)))
  return { said: await text(child.stdout), code: await code }
}

test('a process that never closes ends although a job is under way', async () => {
  const { said, code } = await ended('forget')
  expect(said).toMatch(/^"begun"\n/)
  expect(code).toBe(0)
})

test('a process that waits for a job does not end before it', async () => {
  expect(await ended('wait')).toEqual({ said: '2000\n', code: 0 })
})

test('a process that waits for a search does not end before it', async () => {
  const { said, code } = await ended('search')
  expect(Number(said)).toBeGreaterThan(1900)
  expect(code).toBe(0)
})

test('workers load nothing that the process loads', async () => {
  const preload = join(await newDirectory(), 'preload.cjs')
  writeFileSync(preload, "require('fs').writeSync(1, require('worker_threads').threadId + ':')")
  for (const settings of [{ NODE_OPTIONS: `--require=${preload}` }, { nodeArguments: ['--require', preload] }]) {
    const { said, code } = await ended('search', settings)
    expect(said).toMatch(/^0:\d+\n$/)
    expect(code).toBe(0)
  }
})
