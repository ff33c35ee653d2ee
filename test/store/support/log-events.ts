import type { Files } from '../../../src/base/files.ts'
import { readRecords } from '../../../src/replay/log-reader.ts'
import { checksum } from '../../replay/replay-fixture.ts'

const MAINTENANCE = new Set(['flush', 'rebuild', 'consolidate', 'compact'])

/** What a store has ordered by itself, in words: `flush bulk`, `flush insert`, `rebuild`, `consolidate`, `compact`. */
export async function ordersIn(files: Files): Promise<string[]> {
  const orders: string[] = []
  for await (const { events } of readRecords(files, {
    checksum,
    from: 1,
    to: Number.MAX_SAFE_INTEGER,
    signal: undefined,
  })) {
    for (const event of events) {
      const { type, method } = event as unknown as { type: string; method?: string }
      if (MAINTENANCE.has(type)) orders.push(method === undefined ? type : `${type} ${method}`)
    }
  }
  return orders
}
