import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BuiltCli } from './support/built-cli.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { someVectors } from './support/vector-bytes.ts'

const VECTORS = 40_000

let cli: CliFixture
let file: string
beforeEach(async () => {
  cli = await CliFixture.create()
  file = await cli.writeFvecs('many.fvecs', someVectors(VECTORS, 32))
})
afterEach(() => cli.remove())

async function storedCount(): Promise<number> {
  const { collections } = await cli.json<{ collections: { count: number }[] }>('stats', cli.store)
  return collections[0]?.count ?? 0
}

/** Resolves once so many bytes of the log are on disk. */
async function logReaches(sizeBytes: number): Promise<void> {
  const directory = join(cli.store, 'wal')
  for (;;) {
    const names = await readdir(directory).catch(() => [])
    const sizes = await Promise.all(names.map((name) => stat(join(directory, name)).catch(() => ({ size: 0 }))))
    if (sizes.reduce((sum, { size }) => sum + size, 0) > sizeBytes) return
    await sleep(2)
  }
}

describe('an interrupt within an import', () => {
  test('stops reading, keeps what was read, and says how much', async () => {
    const onSigint = (listener: () => void) => {
      void logReaches(20_000).then(listener)
      return () => undefined
    }
    const { exitCode, stdout, stderr } = await cli.runWith(
      { onSigint },
      'import',
      cli.store,
      'rows',
      file,
      '--batch',
      '20',
      '--json',
    )
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: '' })
    const report = JSON.parse(stdout) as { vectors: number; interrupted: boolean; durableLsn: number }
    expect(report.interrupted).toBe(true)
    expect(report.vectors).toBeGreaterThan(0)
    expect(report.vectors).toBeLessThan(VECTORS)
    expect(await storedCount()).toBe(report.vectors)
    expect((await cli.json<{ lsn: number }>('digest', cli.store)).lsn).toBe(report.durableLsn)
  })

  test('before the store is open leaves nothing behind', async () => {
    const onSigint = (listener: () => void) => {
      listener()
      return () => undefined
    }
    const { exitCode, stdout, stderr } = await cli.runWith({ onSigint }, 'import', cli.store, 'rows', file)
    expect(exitCode).toBe(130)
    expect(stdout + stderr).toMatch(/interrupted/)
  })

  test('the listener is taken off at the end', async () => {
    const listeners = new Set<() => void>()
    const onSigint = (listener: () => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
    const small = await cli.writeFvecs('few.fvecs', someVectors(3, 2))
    await cli.runWith({ onSigint }, 'import', cli.store, 'rows', small)
    await cli.runWith({ onSigint }, 'import', cli.store, 'rows', cli.path('nowhere.fvecs'))
    expect(listeners.size).toBe(0)
  })
})

describe('SIGINT to the process', () => {
  test('ends it with 130 after what was in flight is on disk', async () => {
    const running = new BuiltCli('import', cli.store, 'rows', file, '--batch', '20')
    await logReaches(20_000)
    running.child.kill('SIGINT')
    const { exitCode, stdout, stderr } = await running.result
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: '' })
    const [, count] = /^interrupted: ([\d,]+) vectors of 32 dimensions/.exec(stdout) ?? []
    expect(Number(count?.replaceAll(',', ''))).toBe(await storedCount())
    expect(stdout).toMatch(/\ndurable up to LSN [\d,]+, log /)
  })

  test('twice ends it at once, and the store opens', async () => {
    const running = new BuiltCli('import', cli.store, 'rows', file, '--batch', '20')
    await logReaches(20_000)
    running.child.kill('SIGINT')
    running.child.kill('SIGINT')
    expect((await running.result).exitCode).toBe(130)
    expect(await storedCount()).toBeGreaterThan(0)
    expect((await cli.run('verify', cli.store)).exitCode).toBe(0)
  })
})
