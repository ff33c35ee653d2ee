import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { awaitIndex } from '../../src/cli/index-wait.ts'
import { Invocation } from '../../src/cli/invocation.ts'
import { Printer } from '../../src/cli/printer.ts'
import { CollectingStream } from './support/cli-fixture.ts'

const STEP_MS = 700

/** A collection of 12,000 whose index takes 1,000 every 700 ms. */
class CatchingUp {
  #backlog: number

  constructor(backlog: number) {
    this.#backlog = backlog
  }

  stats() {
    const waiting = this.#backlog * 1000 + 500
    const indexed = 12_000 - waiting
    return { index: { indexed, waiting, share: indexed / 12_000, backlog: this.#backlog, codes: '4-bit' } }
  }

  async settled(): Promise<void> {
    while (this.#backlog > 0) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS))
      this.#backlog -= 1
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function waitFor(collection: CatchingUp, options: { json?: boolean; signal?: AbortSignal } = {}) {
  const stream = new CollectingStream()
  const error = new Printer(stream)
  const context = { out: error, error, environment: {}, onSigint: () => () => undefined }
  const invocation = new Invocation([], { json: options.json })
  const waiting = awaitIndex(collection, invocation, context, options.signal ?? new AbortController().signal)
  const [outcome] = await Promise.allSettled([waiting, vi.advanceTimersByTimeAsync(20_000)])
  return { outcome, printed: stream.text }
}

const CAUGHT_UP = { indexed: 11_500, waiting: 500, codes: '4-bit' }

describe('waiting for the index', () => {
  test('says how far it is, and how long it took', async () => {
    const { outcome, printed } = await waitFor(new CatchingUp(11))
    expect(outcome).toEqual({ status: 'fulfilled', value: { ...CAUGHT_UP, awaited: 11, waitedMs: 7700 } })
    expect(printed).toBe('indexing   37 %  4,500 of 12,000 entries\nindexing   70 %  8,500 of 12,000 entries\n')
  })

  test('that has caught up is no wait and prints nothing', async () => {
    const { outcome, printed } = await waitFor(new CatchingUp(0))
    expect(outcome).toEqual({ status: 'fulfilled', value: { ...CAUGHT_UP, awaited: 0, waitedMs: 0 } })
    expect(printed).toBe('')
  })

  test('is silent under --json', async () => {
    const { outcome, printed } = await waitFor(new CatchingUp(9), { json: true })
    expect(outcome).toMatchObject({ value: { awaited: 9, waitedMs: 6300 } })
    expect(printed).toBe('')
  })

  test('ends with an interruption', async () => {
    const interruption = new AbortController()
    setTimeout(() => interruption.abort(), 2500)
    const { outcome } = await waitFor(new CatchingUp(40), { signal: interruption.signal })
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ABORTED' } })
    const again = await waitFor(new CatchingUp(40), { signal: interruption.signal })
    expect(again.outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_ABORTED' } })
  })
})
