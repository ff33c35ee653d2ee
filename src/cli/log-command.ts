import { type DescribedEvent, type DescribedRecord, readLog } from '../store/public.ts'
import { UsageError } from './cli-errors.ts'
import { type CliContext, type Command, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { countText, quantityText } from './number-text.ts'
import { requireStore } from './store-access.ts'
import { printable, truncated } from './table.ts'

const LONGEST_ID_LIST = 60
/** That of `consolidate`. */
const LONGEST_TYPE = 11

export const logCommand: Command = {
  name: 'log',
  summary: 'print the events of the log, one a line',
  positionals: ['dir'],
  options: {
    from: { value: 'n', help: 'first LSN to print' },
    to: { value: 'n', help: 'last LSN to print' },
  },
  notes: ['Reads the log itself, up to its first damage, so it works where the store does not open.'],
  examples: ['annals log ./data --from 100 --to 200', 'annals log ./data --json | jq .type'],
  run: runLog,
}

async function runLog(invocation: Invocation, { out }: CliContext): Promise<number> {
  const from = invocation.positiveInteger('from')
  const to = invocation.positiveInteger('to')
  if (from !== undefined && to !== undefined && from > to) throw new UsageError(`--from ${from} lies behind --to ${to}`)
  await requireStore(invocation.positional(0))
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  const names = new Map<number, string>()
  for await (const record of readLog(invocation.positional(0), { ...range, signal: out.signal })) {
    for (const event of record.events) {
      if (event.type === 'create' && event.name !== undefined) names.set(record.lsn, event.name)
      if (invocation.json) await out.json(eventJson(record, event))
      else await out.line(eventLine(record, event, names))
    }
    if (out.signal.aborted) break
  }
  return EXIT_OK
}

function eventJson({ lsn, time, epoch, chain }: DescribedRecord, event: DescribedEvent) {
  return { lsn, time: time.toISOString(), epoch, chain, ...event }
}

function eventLine({ lsn, time }: DescribedRecord, event: DescribedEvent, names: ReadonlyMap<number, string>): string {
  const subject = printable(event.name ?? collectionName(event.collection, names))
  const line = [
    countText(lsn).padStart(9),
    time.toISOString(),
    event.type.padEnd(LONGEST_TYPE),
    subject,
    detailsOf(event),
  ]
  return line.join('  ').trimEnd()
}

/** Events name a collection by the LSN that made it; its name is known where that record was printed. */
function collectionName(collection: number | undefined, names: ReadonlyMap<number, string>): string {
  if (collection === undefined) return ''
  return names.get(collection) ?? `collection@${collection}`
}

function detailsOf(event: DescribedEvent): string {
  const { type, dimensions, metric, vectorType, quantization, mode, id, ids, count } = event
  if (type === 'create') {
    const coded = quantization === undefined ? '' : `, ${printable(quantization)}`
    const typed = vectorType === undefined ? '' : ` of ${printable(vectorType)}`
    return `${quantityText(dimensions ?? 0, 'dimension')}${typed}, ${metric}${coded}`
  }
  if (type === 'quantize') return printable(mode ?? '')
  if (type === 'flush' || type === 'rebuild' || type === 'compact') return maintenanceText(event)
  if (id !== undefined) return printable(id)
  if (ids === undefined) return ''
  const total = count ?? ids.length
  const list = printable(ids.join(', '))
  const shown = truncated(list, LONGEST_ID_LIST)
  const more = shown === list && total > ids.length ? ', …' : ''
  return `${quantityText(total, 'id')}: ${shown}${more}`
}

/** Such as `bulk, through slot 10,000, narrow codes`. */
function maintenanceText({ method, throughSlot, walkCodes, chunk }: DescribedEvent): string {
  const parts = [
    ...(method === undefined ? [] : [printable(method)]),
    ...(throughSlot === undefined ? [] : [`through slot ${countText(throughSlot)}`]),
    ...(walkCodes === undefined ? [] : [`${printable(walkCodes)} codes`]),
    ...(chunk === undefined ? [] : [`chunk ${countText(chunk)}`]),
  ]
  return parts.join(', ')
}
