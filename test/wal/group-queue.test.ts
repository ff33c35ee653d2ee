import { describe, expect, test } from 'vitest'
import { StoreError } from '../../src/base/errors.ts'
import { type Group, GroupQueue } from '../../src/wal/group-queue.ts'
import { outcomeOf } from '../support/log-fixture.ts'

const MEBIBYTE = 1024 * 1024
const ERROR = new StoreError('ERR_DISK_FULL', 'no room')

function queueWith(...sizes: readonly number[]) {
  return queueOf(sizes)
}

function queueOf(sizes: readonly number[]) {
  const queue = new GroupQueue<string>()
  const promises = sizes.map((size) => queue.push(new Uint8Array(size), 7, 'sync'))
  return { queue, promises }
}

/** The payload sizes of each group, `barrier` for a barrier. */
function drain(queue: GroupQueue<string>): (number | 'barrier')[][] {
  const groups: Group<string>[] = []
  for (let group = queue.take(); group !== undefined; group = queue.take()) groups.push(group)
  return groups.map(({ items }) => items.map(({ payload }) => payload?.byteLength ?? 'barrier'))
}

describe('a group', () => {
  test('takes all that waits, in the order of the calls', () => {
    const { queue } = queueWith(3, 1, 2)
    expect(drain(queue)).toEqual([[3, 1, 2]])
    expect([queue.isEmpty, queue.take()]).toEqual([true, undefined])
  })

  test('ends before it would pass 8 MiB, but takes a larger record alone', () => {
    const { queue } = queueWith(1, 20 * MEBIBYTE, 1, 5 * MEBIBYTE, 4 * MEBIBYTE)
    expect(drain(queue)).toEqual([[1], [20 * MEBIBYTE], [1, 5 * MEBIBYTE], [4 * MEBIBYTE]])
  })

  test('counts what records take in the file, so that a million tiny payloads are no huge write', () => {
    const { queue } = queueOf(Array.from({ length: 200_000 }, () => 1))
    expect(drain(queue).map((group) => group.length)).toEqual([174_762, 25_238])
  })

  test('needs a sync if one of its items does', () => {
    const queue = new GroupQueue<string>()
    void queue.push(new Uint8Array(1), 0, 'async')
    expect(queue.take()).toMatchObject({ needsSync: false, hasBarrier: false })
    void queue.push(new Uint8Array(1), 0, 'async')
    void queue.push(new Uint8Array(1), 0, 'sync')
    expect(queue.take()).toMatchObject({ needsSync: true, hasBarrier: false })
    void queue.pushBarrier()
    expect(queue.take()).toMatchObject({ needsSync: true, hasBarrier: true })
  })

  test('rejects its items and no others', async () => {
    const { queue, promises } = queueWith(1, 1)
    const group = queue.take()
    const later = queue.push(new Uint8Array(1), 0, 'sync')
    group?.reject(ERROR)
    expect(await Promise.all(promises.map(outcomeOf))).toEqual(['ERR_DISK_FULL', 'ERR_DISK_FULL'])
    queue.take()?.items[0]?.resolve('fine')
    expect(await later).toBe('fine')
  })
})

describe('a queue', () => {
  test('counts the bytes that wait', () => {
    const { queue } = queueWith(3, 4)
    void queue.pushBarrier()
    expect(queue.bytes).toBe(7)
    queue.take()
    expect(queue.bytes).toBe(0)
  })

  test('rejects all that waits, barriers too', async () => {
    const { queue, promises } = queueWith(3)
    const barrier = queue.pushBarrier()
    queue.rejectAll(ERROR)
    expect(
      await Promise.all([...promises, barrier].map((promise) => outcomeOf<string | undefined>(promise as never))),
    ).toEqual(['ERR_DISK_FULL', 'ERR_DISK_FULL'])
    expect([queue.isEmpty, queue.bytes]).toEqual([true, 0])
  })
})
