import { type Entry, StoreError, type VectorType } from '../store/public.ts'
import { type CliContext, type Command, EXIT_FAILURE, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { AT_OPTION, readingAccess } from './point-in-time.ts'
import { printError } from './print-error.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { pairLines, printable } from './table.ts'
import { vectorNumbers } from './vector-text.ts'

export const getCommand: Command = {
  name: 'get',
  summary: 'print entries by id',
  positionals: ['dir', 'collection', 'id…'],
  options: { vector: { help: 'print vectors' }, ...AT_OPTION },
  notes: [
    'Exits with 1 if an id is not there. Ids that begin with a minus go behind `--`. Of binary vectors it prints the bits.',
  ],
  examples: ['annals get ./data words king queen --vector'],
  run: runGet,
}

async function runGet(invocation: Invocation, context: CliContext): Promise<number> {
  const access = readingAccess(invocation)
  await requireDirectory(invocation.positional(0))
  return withStore(invocation, context, access, async (store) => {
    const collection = await store.collection<object, VectorType>(invocation.positional(1))
    const entries: Entry<object, VectorType>[] = []
    const missing: string[] = []
    for (const id of invocation.positionalsFrom(2)) {
      const entry = await collection.get(id)
      if (entry === undefined) missing.push(id)
      else entries.push(entry)
    }
    await printEntries({ entries, missing, type: collection.type }, invocation, context)
    for (const id of missing) {
      await printError(new StoreError('ERR_ENTRY_NOT_FOUND', `${collection.name} has no entry ${id}`), context)
    }
    return missing.length === 0 ? EXIT_OK : EXIT_FAILURE
  })
}

async function printEntries(
  found: {
    readonly entries: readonly Entry<object, VectorType>[]
    readonly missing: readonly string[]
    readonly type: VectorType
  },
  invocation: Invocation,
  { out }: CliContext,
): Promise<void> {
  const { entries, missing, type } = found
  const withVectors = invocation.flag('vector')
  if (invocation.json) {
    const shown = entries.map(({ id, vector, metadata }) => ({
      id,
      vector: withVectors ? vectorNumbers(vector, type) : undefined,
      metadata,
    }))
    return out.json({ entries: shown, missing })
  }
  for (const [index, { id, vector, metadata }] of entries.entries()) {
    const pairs: [string, string][] = [['id', printable(id)]]
    pairs.push(['metadata', metadata === undefined ? 'none' : printable(JSON.stringify(metadata))])
    if (withVectors) pairs.push(['vector', `[${vectorNumbers(vector, type).join(', ')}]`])
    await out.line([...(index > 0 ? [''] : []), ...pairLines(pairs)].join('\n'))
  }
}
