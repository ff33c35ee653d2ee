import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type BackupReport,
  type Digest,
  type SalvageReport,
  VectorStore,
  type VerifyReport,
} from '../../src/store/public.ts'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
  await cli.importWords(400)
})
afterEach(() => cli.remove())

const digestOf = (directory: string) => cli.json<Digest>('digest', directory)

async function damage(directory: string, name: RegExp): Promise<string> {
  const names = (await readdir(directory, { recursive: true })).sort()
  const path = names.find((one) => name.test(one))!
  const bytes = await readFile(join(directory, path))
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(join(directory, path), bytes)
  return path
}

async function deleteSome(): Promise<void> {
  const store = await VectorStore.open(cli.store, { segmentSizeBytes: 4096 })
  await (await store.collection('words')).delete(['the', 'of'])
  await store.close()
}

describe('annals backup', () => {
  test('copies a store, also beside its writer', async () => {
    await cli.json('snapshot', cli.store)
    await deleteSome()
    const writer = await VectorStore.open(cli.store)
    const { exitCode, stdout, stderr } = await cli.run('backup', cli.store, cli.path('copy'))
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/copy is a copy as of LSN 3: snapshot at LSN 2, 1 record, [\d.]+ KiB\n$/)
    await writer.close()
    expect(await digestOf(cli.path('copy'))).toEqual(await digestOf(cli.store))
    expect((await cli.run('verify', cli.path('copy'))).exitCode).toBe(0)
  })

  test('prints JSON', async () => {
    const report = await cli.json<BackupReport>('backup', cli.store, cli.path('copy'))
    expect(report).toEqual({ lsn: 2, records: 2, bytes: expect.any(Number), problems: [] })
  })

  test('says what it could not copy, and copies what makes up for it', async () => {
    await cli.json('snapshot', cli.store)
    const path = await damage(cli.store, /\.part$/)
    const { exitCode, stdout } = await cli.run('backup', cli.store, cli.path('copy'))
    expect(exitCode).toBe(0)
    expect(stdout).toContain('problem: the snapshot snapshots/0000000000000002.manifest was passed over')
    expect(stdout).toContain(path)
    expect(stdout).toMatch(/as of LSN 2: 2 records, /)
  })

  test('refuses a place that holds anything, and leaves it', async () => {
    await cli.write('notes.txt', 'mine')
    const { exitCode, stdout, stderr } = await cli.run('backup', cli.store, cli.directory)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(/it is not empty: it holds '\S+' \(ERR_FILE_EXISTS\)\n$/)
    expect((await readdir(cli.directory)).sort()).toEqual(['notes.txt', 'store', 'words.jsonl'])
    const itself = await cli.run('backup', cli.store, cli.store)
    expect(itself.stderr).toMatch(/it holds a store \(ERR_FILE_EXISTS\)\n$/)
    const nothing = await cli.run('backup', cli.path('nowhere'), cli.path('copy'))
    expect(nothing.stderr).toMatch(/\(ERR_STORE_NOT_FOUND\)\n$/)
  })

  test('is given up at an interrupt, and leaves what says so', async () => {
    const onSigint = (listener: () => void) => {
      listener()
      return () => undefined
    }
    await cli.json('snapshot', cli.store)
    const { exitCode, stderr } = await cli.runWith({ onSigint }, 'backup', cli.store, cli.path('copy'))
    expect(exitCode).toBe(130)
    expect(stderr).toMatch(/^annals: interrupted; what is in \S+copy is no store\n$/)
    const again = await cli.run('backup', cli.store, cli.path('copy'))
    expect(again.stderr).toMatch(/what is left of a copy that was interrupted/)
    const opened = await VectorStore.open(cli.path('copy')).catch((error) => error.code)
    expect(opened).toBe('ERR_LOG_CORRUPT')
  })
})

describe('annals verify', () => {
  test('shows snapshots, and what opens', async () => {
    await cli.json('snapshot', cli.store)
    await deleteSome()
    const { exitCode, stdout } = await cli.run('verify', cli.store)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^snapshot {2}LSN 2, \d{4}-\d\d-\d\dT[\d:.]+Z, [\d.]+ KiB in \d+ parts$/m)
    expect(stdout).toMatch(/^opens +as of LSN 0 to 3$/m)
    expect(stdout).toMatch(/\nok: everything checks out\n$/)
  })

  test('tells harmless damage from damage that matters, and names the next step', async () => {
    await cli.json('snapshot', cli.store)
    const path = await damage(cli.store, /\.part$/)
    const { exitCode, stdout } = await cli.run('verify', cli.store)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /^damage: .*, offset [\d,]+, part of snapshot 2 \(ERR_SNAPSHOT_CORRUPT\) Nothing is lost by it.$/m,
    )
    expect(stdout).toMatch(/\ndamaged: 1 problem\nnext: the store opens with all that was written; annals backup /)
    const json = await cli.run('verify', cli.store, '--json')
    expect(json.exitCode).toBe(1)
    expect(JSON.parse(json.stdout) as VerifyReport).toMatchObject({
      ok: false,
      lsn: 2,
      snapshots: [{ lsn: 2, ok: false, time: expect.any(String) }],
      reachable: [{ from: 0, to: 2 }],
      problems: [{ code: 'ERR_SNAPSHOT_CORRUPT', effect: 'reserve', path, snapshots: [2] }],
    })
  })

  test('names salvage where something is lost', async () => {
    await damage(cli.store, /\.wal$/)
    const { stdout } = await cli.run('verify', cli.store)
    expect(stdout).toMatch(
      /\nnext: annals salvage \S+ <new-dir> --to 1 copies the state as of LSN 1; a backup may hold more\n$/,
    )
  })
})

describe('annals salvage', () => {
  test('copies what can be proven of a store that does not open', async () => {
    await deleteSome()
    const { digest } = await cli.json<VerifyReport>('verify', cli.store)
    const whole = await cli.run('salvage', cli.store, cli.path('whole'))
    expect({ exitCode: whole.exitCode, stderr: whole.stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(whole.stdout).toMatch(new RegExp(`^digest +${digest}$`, 'm'))
    expect(whole.stdout).toMatch(/^from +the log, and 3 records$/m)
    const segment = await damage(cli.store, /\.wal$/)
    const { exitCode, stdout, stderr } = await cli.run('salvage', cli.store, cli.path('new'))
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^damage: .*in ${segment}, offset [\\d,]+, LSN 2 \\(ERR_LOG_CORRUPT\\)$`, 'm'))
    expect(stdout).toMatch(/^not copied: LSN 2 to 3$/m)
    expect(stdout).toMatch(/new is a store as of LSN 1\n$/)
    expect(await cli.json('stats', cli.path('new'))).toMatchObject({ lsn: 1, epoch: 2 })
  })

  test('takes --to, and prints JSON', async () => {
    await cli.json('snapshot', cli.store)
    await deleteSome()
    const report = await cli.json<SalvageReport>('salvage', cli.store, cli.path('new'), '--to', '2')
    expect(report).toMatchObject({ lsn: 2, epoch: 2, entries: 400, snapshotLsn: 2, leftOut: [], problems: [] })
    expect(report.lost).toEqual({ from: 3, to: 3 })
    expect((await digestOf(cli.path('new'))).data).toBe(report.digest)
  })

  test('lists entries that it had to leave out', async () => {
    await cli.json('snapshot', cli.store)
    const names = await readdir(join(cli.store, 'wal'))
    for (const name of names.filter((one) => one.endsWith('.wal'))) {
      await writeFile(join(cli.store, 'wal', name), '')
    }
    await damage(cli.store, /-000001\.part$/)
    const { exitCode, stdout } = await cli.run('salvage', cli.store, cli.path('new'))
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^left out of words: \d+ entries: /m)
    expect(stdout).toMatch(/^indexes +built when the new store is open$/m)
  })

  test('refuses what it cannot do', async () => {
    const ahead = await cli.run('salvage', cli.store, cli.path('new'), '--to', '9')
    expect([ahead.exitCode, ahead.stderr]).toEqual([1, expect.stringMatching(/\(ERR_LSN_AHEAD\)\n$/)])
    const usage = await cli.run('salvage', cli.store, cli.path('new'), '--to', 'x')
    expect(usage.exitCode).toBe(2)
    const occupied = await cli.run('salvage', cli.store, cli.store)
    expect(occupied.stderr).toMatch(/\(ERR_FILE_EXISTS\)\n$/)
  })
})
