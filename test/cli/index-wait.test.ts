import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { awaitIndex, whileIndexing } from '../../src/cli/index-wait.ts'
import { Invocation } from '../../src/cli/invocation.ts'
import { Printer } from '../../src/cli/printer.ts'
import { CollectingStream } from './support/cli-fixture.ts'

const STEP_MS = 700

/** A collection of 12,000 whose index takes 1,000 every 700 ms. */
class CatchingUp {
  readonly #isShown: boolean
  #backlog: number
  #beganMs = performance.now()

  constructor(backlog: number, { isShown = true } = {}) {
    this.#backlog = backlog
    this.#isShown = isShown
  }

  stats() {
    const waiting = this.#backlog * 1000 + 500
    const building = (performance.now() - this.#beganMs) / STEP_MS
    const isKnown = this.#isShown && this.#backlog > 0
    const state = { indexed: 12_000 - waiting, waiting, backlog: this.#backlog, codes: '4-bit' }
    return { index: isKnown ? { ...state, building } : state }
  }

  async settled(): Promise<void> {
    while (this.#backlog > 0) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS))
      this.#backlog -= 1
      this.#beganMs = performance.now()
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function contextOf(stream: CollectingStream) {
  const error = new Printer(stream)
  return { out: error, error, environment: {}, onSigint: () => () => undefined }
}

async function waitFor(collection: CatchingUp, options: { json?: boolean; signal?: AbortSignal } = {}) {
  const stream = new CollectingStream()
  const invocation = new Invocation([], { json: options.json })
  const signal = options.signal ?? new AbortController().signal
  const waiting = awaitIndex(collection, invocation, contextOf(stream), signal)
  const [outcome] = await Promise.allSettled([waiting, vi.advanceTimersByTimeAsync(20_000)])
  return { outcome, printed: stream.text }
}

const CAUGHT_UP = { indexed: 11_500, waiting: 500, codes: '4-bit' }

describe('waiting for the index', () => {
  test('says how far the work under way is, what waits, and how long it took', async () => {
    const { outcome, printed } = await waitFor(new CatchingUp(9))
    expect(outcome).toEqual({ status: 'fulfilled', value: { ...CAUGHT_UP, awaited: 9, waitedMs: 6300 } })
    expect(printed.split('\n')).toEqual([
      'indexing   28 %  5,500 entries waiting  5 pieces of work  3.0 s',
      'indexing   57 %  1,500 entries waiting  6.0 s',
      '',
    ])
  })

  test('shows no share where nobody knows it', async () => {
    const { printed } = await waitFor(new CatchingUp(5, { isShown: false }))
    expect(printed).toBe('indexing  1,500 entries waiting  3.0 s\n')
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

describe('waiting for work on several indexes', () => {
  test('adds them up, shows the one that is least far, and gives what the work gives', async () => {
    const collections = [new CatchingUp(6), new CatchingUp(5, { isShown: false }), new CatchingUp(0)]
    const stream = new CollectingStream()
    const work = Promise.all(collections.map((collection) => collection.settled())).then(() => 'done')
    const waiting = whileIndexing(work, { collections, label: 'adding up', silent: false }, contextOf(stream))
    const [result] = await Promise.all([waiting, vi.advanceTimersByTimeAsync(20_000)])
    expect(result).toBe('done')
    expect(stream.text).toBe('adding up   28 %  4,500 entries waiting  3 pieces of work  3.0 s\n')
  })

  test('gives the error of the work', async () => {
    const work = Promise.reject(new RangeError('no more'))
    const wait = { collections: [], label: 'nothing', silent: false }
    await expect(whileIndexing(work, wait, contextOf(new CollectingStream()))).rejects.toThrow('no more')
    expect(vi.getTimerCount()).toBe(0)
  })
})
