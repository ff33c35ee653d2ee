// What a store has ordered of its index, read from its log: which flushes inserted and which built anew, and when.
import { readLog } from '../../dist/index.js'

const WORK = ['flush', 'rebuild', 'consolidate', 'compact']

/** @returns {Promise<{ what: string, lsn: number, timeMs: number }[]>} `what` is insert, bulk, rebuild, consolidate or compact */
export async function indexWorkOf(path) {
  const work = []
  for await (const { events, lsn, time } of readLog(path))
    for (const { type, method } of events)
      if (WORK.includes(type)) work.push({ what: method ?? type, lsn, timeMs: time.getTime() })
  return work
}

export function countWork(work, what) {
  return work.filter((each) => each.what === what).length
}
