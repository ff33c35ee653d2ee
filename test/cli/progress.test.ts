import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ImportMeter } from '../../src/cli/import-meter.ts'
import { Printer } from '../../src/cli/printer.ts'
import { barLine, createProgress } from '../../src/cli/progress.ts'
import { CollectingStream } from './support/cli-fixture.ts'

describe('progress', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function progressOn(options: { terminal: boolean; silent?: boolean; environment?: Record<string, string> }) {
    const stream = new CollectingStream(options.terminal)
    const printer = new Printer(stream)
    const context = {
      out: printer,
      error: printer,
      environment: options.environment ?? {},
      onSigint: () => () => undefined,
    }
    const progress = createProgress(context, { silent: options.silent ?? false })
    return { stream, progress, update: (done: number) => progress.update(() => stateAt(done)) }
  }

  function stateAt(done: number) {
    return { label: 'importing', fraction: done / 100, details: [`${done} of 100`] }
  }

  test('on a terminal is a bar, drawn at most ten times a second and wiped off at the end', () => {
    const { stream, progress, update } = progressOn({ terminal: true })
    for (let done = 0; done < 100; done++) {
      update(done)
      vi.advanceTimersByTime(10)
    }
    progress.finish()
    progress.finish()
    const frames = stream.text.split('\r\u001b[K').slice(1)
    expect(frames).toHaveLength(7)
    expect(frames[0]).toBe('importing  [##########--------------]  40 %  40 of 100')
    expect(frames.at(-1)).toBe('')
  })

  test('of short work shows nothing', () => {
    const { stream, progress, update } = progressOn({ terminal: true })
    update(50)
    progress.finish()
    expect(stream.text).toBe('')
  })

  test.each([[{ terminal: false }], [{ terminal: true, environment: { TERM: 'dumb' } }]])(
    'elsewhere is a plain line every few seconds: %o',
    (options) => {
      const { stream, progress, update } = progressOn(options)
      for (let done = 0; done < 70; done++) {
        update(done)
        vi.advanceTimersByTime(100)
      }
      progress.finish()
      expect(stream.text).toBe('importing   30 %  30 of 100\nimporting   60 %  60 of 100\n')
    },
  )

  test('is silent when asked to be', () => {
    const { stream, progress, update } = progressOn({ terminal: true, silent: true })
    vi.advanceTimersByTime(10_000)
    update(50)
    progress.finish()
    expect(stream.text).toBe('')
  })
})

describe('the progress line', () => {
  const details = ['5 of 10', '3 vectors/s']

  test('has a bar where it fits and never wraps', () => {
    expect(barLine({ label: 'importing', fraction: 0.5, details }, 80)).toBe(
      'importing  [############------------]  50 %  5 of 10  3 vectors/s',
    )
    expect(barLine({ label: 'importing', fraction: 0.5, details }, 50)).toBe(
      'importing  [#####----]  50 %  5 of 10  3 vectors/s',
    )
    expect(barLine({ label: 'importing', fraction: 0.5, details }, 40)).toBe('importing   50 %  5 of 10  3 vectors/s')
    expect([...barLine({ label: 'importing', fraction: 0.5, details }, 20)]).toHaveLength(20)
  })

  test('says what is known', () => {
    const meter = new ImportMeter(1024 * 1024)
    expect(meter.describe(undefined)).toMatchObject({ fraction: undefined })
    meter.advance(500, 3 * 1024 * 1024)
    const { fraction, details } = meter.describe(1000)
    expect(fraction).toBe(0.5)
    expect(details).toEqual(['500', expect.stringMatching(/^[\d,]+ vectors\/s$/), 'ETA 1 s', '2.0 MiB durable'])
  })
})
