import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { yieldToEventLoop } from '../../src/store/event-loop.ts'

/** Runs work of some slices, and notes in which turn of the event loop each slice was. */
async function turnsOf(works: readonly number[]): Promise<{ work: number; turn: number }[]> {
  let turn = 0
  let isOver = false
  const slices: { work: number; turn: number }[] = []
  const counting = (async () => {
    for (; !isOver; turn++) await nextTurn()
  })()
  await Promise.all(
    works.map(async (count, work) => {
      for (let slice = 0; slice < count; slice++) {
        await yieldToEventLoop()
        slices.push({ work, turn })
      }
    }),
  )
  isOver = true
  await counting
  return slices
}

describe('work in slices', () => {
  test('has one slice in a turn of the event loop, whoever it is of', async () => {
    const slices = await turnsOf([10, 10, 10])
    expect(slices).toHaveLength(30)
    expect(new Set(slices.map(({ turn }) => turn)).size).toBe(30)
  })

  test('goes on in the order of asking, so that all have their share', async () => {
    const slices = await turnsOf([3, 5, 2])
    expect(slices.map(({ work }) => work)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 1, 1])
  })

  test('waits for nothing else when it is alone', async () => {
    const slices = await turnsOf([20])
    const turns = slices.map(({ turn }) => turn)
    expect(turns.at(-1)! - turns[0]!).toBeLessThanOrEqual(20)
  })
})
