import { describe, expect, test } from 'vitest'
import { errorOf, LogFixture, outcomeOf, readTexts, texts } from '../support/log-fixture.ts'

const SEGMENT = 'wal/0000000000000001.wal'

async function poisoned(options: { async?: number } = {}) {
  const log = await LogFixture.open()
  await log.append('r1')
  await log.appendEach(texts(options.async ?? 0, 2), 'async')
  log.files.failWhen((operation) => operation.startsWith(`sync ${SEGMENT}`), { sync: 'keep' })
  const outcomes = Promise.all(['lost', 'lost too'].map((text) => outcomeOf(log.append(text))))
  return { log, outcomes: await outcomes, operationsAfter: log.files.operations.length }
}

describe('after a failed sync', () => {
  test('outstanding writes are indeterminate, later ones are not tried', async () => {
    const { log, outcomes } = await poisoned()
    expect(outcomes).toEqual(['ERR_INDETERMINATE', 'ERR_INDETERMINATE'])
    expect(await outcomeOf(log.append('later'))).toBe('ERR_POISONED')
    expect(await outcomeOf(log.log.sync())).toBe('ERR_POISONED')
    expect([log.log.poison?.code, log.log.durablePosition.lsn]).toEqual(['ERR_INDETERMINATE', 1])
  })

  test('what waits behind the group is refused with it', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    log.files.failWhen((operation) => operation.startsWith(`sync ${SEGMENT}`), { sync: 'keep' })
    const first = outcomeOf(log.append('lost'))
    for (let turn = 0; turn < 3; turn++) await undefined
    const [behind, barrier] = [outcomeOf(log.append('behind')), outcomeOf(log.log.sync())]
    expect([await first, await behind, await barrier]).toEqual(Array(3).fill('ERR_INDETERMINATE'))
  })

  test('the errors keep what the disk said', async () => {
    const { log } = await poisoned()
    const saidByDisk = { code: 'ERR_IO', details: { path: `${SEGMENT}.tmp`, operation: 'sync' } }
    expect(log.log.poison?.cause).toMatchObject({ cause: saidByDisk })
    expect((await errorOf(log.append('later'))).cause).toBe(log.log.poison?.cause)
  })

  test('nothing is written, cut or synced any more, not even by closing', async () => {
    const { log, operationsAfter } = await poisoned()
    await outcomeOf(log.append('later'))
    await outcomeOf(log.close())
    expect(log.files.operations.slice(operationsAfter)).toEqual([`close ${SEGMENT}.tmp`, 'close wal/durable'])
  })

  test('closing says nothing where every caller was told', async () => {
    const { log } = await poisoned()
    expect(await outcomeOf(log.close())).toBeUndefined()
  })

  test('closing rejects where a write that was acknowledged as asynchronous may be lost', async () => {
    const { log } = await poisoned({ async: 2 })
    expect(await outcomeOf(log.close())).toBe('ERR_INDETERMINATE')
    expect(log.files.operations.at(-1)).toBe('close wal/durable')
  })

  test('closing rejects where its own sync failed above such a write', async () => {
    const log = await LogFixture.open()
    await log.append('r1', 'async')
    log.files.failWhen((operation) => operation.startsWith(`sync ${SEGMENT}`), { sync: 'drop' })
    expect(await outcomeOf(log.close())).toBe('ERR_INDETERMINATE')
  })

  test('a mark that cannot be written is the same: the records are on disk by then', async () => {
    const log = await LogFixture.open()
    await log.append('r1')
    log.files.failWhen((operation) => operation.startsWith('write wal/durable'), 'ENOSPC')
    expect([await outcomeOf(log.append('r2')), await outcomeOf(log.append('r3'))]).toEqual([
      'ERR_INDETERMINATE',
      'ERR_POISONED',
    ])
    expect((await log.killAndReopen()).foundTexts).toEqual(texts(2))
  })

  test('so is a write that could not be taken back', async () => {
    for (const operation of ['truncate', 'sync']) {
      const log = await LogFixture.open()
      await log.append('r1')
      log.files.failWhen((text) => text.startsWith('write'), { code: 'ENOSPC', writtenBytes: 50 })
      log.files.failWhen((text) => text.startsWith(`${operation} ${SEGMENT}`), 'EIO')
      expect([await outcomeOf(log.append('lost')), await outcomeOf(log.append('later'))]).toEqual([
        'ERR_INDETERMINATE',
        'ERR_POISONED',
      ])
      expect((await log.killAndReopen()).foundTexts[0]).toBe('r1')
    }
  })

  test('so is a segment whose name may not last', async () => {
    const log = await LogFixture.open()
    log.files.failWhen((operation) => operation === 'syncDirectory wal', { sync: 'drop' })
    expect([await outcomeOf(log.append('lost')), await outcomeOf(log.append('later'))]).toEqual([
      'ERR_INDETERMINATE',
      'ERR_POISONED',
    ])
    expect((await log.killAndReopen()).foundTexts).toEqual([])
  })
})

describe('a deliver that throws', () => {
  const refusing = (text: string) => ({
    deliver: (record: { text: string }) => {
      if (record.text === text) throw new TypeError('I did not expect that')
    },
  })

  test('poisons: the record is on disk, and nothing may follow it', async () => {
    const log = await LogFixture.open(undefined, refusing('r3'))
    const outcomes = await Promise.all(texts(4).map((text) => outcomeOf(log.append(text))))
    expect(outcomes).toEqual([1, 2, 'ERR_INDETERMINATE', 'ERR_INDETERMINATE'])
    expect(log.log.poison?.cause).toEqual(new TypeError('I did not expect that'))
    expect([await outcomeOf(log.append('later')), log.delivered.length]).toEqual(['ERR_POISONED', 2])
  })

  test('keeps the group that was on its way from being delivered', async () => {
    const log = await LogFixture.open(undefined, refusing('r1'))
    const first = outcomeOf(log.append('r1'))
    while (!log.files.operations.some((operation) => operation.startsWith('write wal/0') && operation.endsWith('@80')))
      await undefined
    const second = outcomeOf(log.append('r2'))
    expect([await first, await second, log.delivered]).toEqual(['ERR_INDETERMINATE', 'ERR_INDETERMINATE', []])
    await log.close()
    expect(await readTexts(log.files)).toEqual(texts(2))
  })

  test('lets closing wait for the calls that are under way', async () => {
    const log = await LogFixture.open(undefined, refusing('r1'))
    const first = outcomeOf(log.append('r1'))
    while (!log.files.operations.some((operation) => operation.startsWith('write wal/0') && operation.endsWith('@80')))
      await undefined
    const second = outcomeOf(log.append('r2'))
    await first
    await log.close()
    expect(await second).toBe('ERR_INDETERMINATE')
    const ending = ['write wal/durable 80@4096', `close ${SEGMENT}.tmp`, 'close wal/durable']
    expect(log.files.operations.slice(-3)).toEqual(ending)
  })
})
