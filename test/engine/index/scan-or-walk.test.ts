import { expect, test } from 'vitest'
import { isScanQuicker } from '../../../src/engine/index/scan-or-walk.ts'
import { EngineFixture } from '../engine-fixture.ts'

const view = (dimensions: number) => new EngineFixture().create('c', dimensions)

test('compares everything where that is asked for, where it is little, and where much is wanted', () => {
  const wide = view(1024)
  expect(isScanQuicker(wide, { k: 1 }, 384)).toBe(true)
  expect(isScanQuicker(wide, { k: 1 }, 385)).toBe(false)
  expect(isScanQuicker(wide, { k: 1, exact: false }, 100_000)).toBe(false)
  expect(isScanQuicker(wide, { k: 1, exact: true }, 100_000)).toBe(true)
  expect(isScanQuicker(wide, { k: 50 }, 1000)).toBe(false)
  expect(isScanQuicker(wide, { k: 51 }, 1000)).toBe(true)
  expect(isScanQuicker(view(2), { k: 1 }, 196_608)).toBe(true)
  expect(isScanQuicker(view(2), { k: 1 }, 196_609)).toBe(false)
})
