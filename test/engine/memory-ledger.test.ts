import { expect, test } from 'vitest'
import { ledgerOf } from '../../src/engine/memory-ledger.ts'

test('ledgerOf adds up all entries, and those of one name together', () => {
  const entries = [
    { component: 'ids', bytes: 3 },
    { component: 'originals', bytes: 10 },
    { component: 'ids', bytes: 4 },
  ]
  expect(ledgerOf(entries)).toEqual({ total: 17, components: { ids: 7, originals: 10 } })
  expect(ledgerOf([])).toEqual({ total: 0, components: {} })
})
