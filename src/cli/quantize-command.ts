import { QUANTIZATION_MODES, type QuantizationMode } from '../store/public.ts'
import { codeOf, UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_INTERRUPTED, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { bytesText, countText, quantityText } from './number-text.ts'
import { createProgress } from './progress.ts'
import { printQuantizeReport } from './quantize-report.ts'
import { NO_UPKEEP, requireStore, withStore } from './store-access.ts'

export const quantizeCommand: Command = {
  name: 'quantize',
  summary: 'switch what of a collection is in memory',
  positionals: ['dir', 'collection', 'mode'],
  options: {},
  notes: [
    `Modes: ${QUANTIZATION_MODES.join(', ')}. int8 leaves edges and codes of at most 8 bits a dimension in memory, and reads from disk`,
    'what searches give their final order by; binary leaves codes of one bit, for 256 dimensions and more; none brings all back.',
    'Entries and index stay as they are. Prints recall, latency and memory before and after, and a warning where binary does',
    'not fit. After Ctrl-C nothing has changed, or the switch holds and goes on at the next opening.',
  ],
  examples: ['annals quantize ./data words int8', 'annals quantize ./data words none --json'],
  run: runQuantize,
}

const NONE_UNASKED = { snapshotBytes: Number.POSITIVE_INFINITY, snapshotRecords: Number.POSITIVE_INFINITY }

async function runQuantize(invocation: Invocation, context: CliContext): Promise<number> {
  const mode = readMode(invocation.positional(2))
  await requireStore(invocation.positional(0))
  const interruption = new AbortController()
  const stopListening = context.onSigint(() => interruption.abort())
  try {
    const access = { readOnly: false, ...NO_UPKEEP, ...NONE_UNASKED }
    const report = await withStore(invocation, context, access, async (store) => {
      const collection = await store.collection(invocation.positional(1))
      await collection.settled().catch((error: unknown) => {
        // Without an index the switch is as good.
        if (collection.stats().index.problem === undefined) throw error
      })
      const progress = createProgress(context, { silent: invocation.json })
      return collection
        .quantize(mode, {
          signal: interruption.signal,
          onProgress: ({ phase, done, total }) => progress.update(() => progressOf(phase, done, total ?? 0)),
        })
        .finally(() => progress.finish())
    })
    await printQuantizeReport(report, invocation, context)
    return EXIT_OK
  } catch (error) {
    if (codeOf(error) !== 'ERR_ABORTED' || !interruption.signal.aborted) throw error
    await context.error.line(`annals: interrupted: ${(error as Error).message}`)
    return EXIT_INTERRUPTED
  } finally {
    stopListening()
  }
}

function readMode(text: string): QuantizationMode {
  const mode = QUANTIZATION_MODES.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new UsageError(`<mode> must be one of ${QUANTIZATION_MODES.join(', ')}, not '${text}'`)
}

function progressOf(phase: string, done: number, total: number) {
  const detail: Record<string, string> = {
    measure: `${countText(done)} of ${quantityText(total, 'query', 'queries')}`,
    snapshot: `${bytesText(done)} of ${bytesText(total)}`,
    move: `${countText(done)} of ${quantityText(total, 'chunk')}`,
  }
  return { label: phase, fraction: total === 0 ? undefined : done / total, details: [detail[phase] ?? ''] }
}
