import type { AbstractLevel } from 'abstract-level'
import type { BrowserLevel } from 'browser-level'
import type { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import { expectTypeOf, test } from 'vitest'
import type { LevelDatabase } from '../../src/base/level-database.ts'

// Checked by the compiler, not when the test runs.
test('every abstract-level database fits, whatever its own keys and values', () => {
  expectTypeOf<Level>().toExtend<LevelDatabase>()
  expectTypeOf<Level<string, unknown>>().toExtend<LevelDatabase>()
  expectTypeOf<Level<Uint8Array, { any: 'thing' }>>().toExtend<LevelDatabase>()
  expectTypeOf<MemoryLevel>().toExtend<LevelDatabase>()
  expectTypeOf<MemoryLevel<number, Buffer>>().toExtend<LevelDatabase>()
  expectTypeOf<BrowserLevel>().toExtend<LevelDatabase>()
  expectTypeOf<BrowserLevel<unknown, number>>().toExtend<LevelDatabase>()
  expectTypeOf<AbstractLevel<string | Buffer | Uint8Array>>().toExtend<LevelDatabase>()
})

test('sublevels fit too', () => {
  const database = new MemoryLevel()
  const sublevel = database.sublevel('vectors')
  const nested = sublevel.sublevel<number, object>('deep', { valueEncoding: 'json' })
  expectTypeOf(sublevel).toExtend<LevelDatabase>()
  expectTypeOf(nested).toExtend<LevelDatabase>()
})

test('a map and a database without batches do not', () => {
  expectTypeOf<Map<string, Uint8Array>>().not.toExtend<LevelDatabase>()
  expectTypeOf<Omit<Level, 'batch'>>().not.toExtend<LevelDatabase>()
})
