import type { Digest, VectorStore } from '../store/public.ts'
import { type CliContext, type Command, EXIT_OK } from './command.ts'
import { whileIndexing } from './index-wait.ts'
import type { Invocation } from './invocation.ts'
import { countText } from './number-text.ts'
import { AT_OPTION, readingAccess } from './point-in-time.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { pairLines } from './table.ts'

export const digestCommand: Command = {
  name: 'digest',
  summary: 'print hashes of data and index: equal logs have equal digests',
  positionals: ['dir'],
  options: { data: { help: 'print only the hash of the data, which waits for nothing' }, ...AT_OPTION },
  notes: ['The index is built up to the last record first, which takes its time in a store that was just opened.'],
  examples: ['annals digest ./data', 'annals digest ./data --data'],
  run: runDigest,
}

async function runDigest(invocation: Invocation, context: CliContext): Promise<number> {
  const access = readingAccess(invocation)
  await requireDirectory(invocation.positional(0))
  return withStore(invocation, context, access, async (store) => {
    const digest = await digestOf(store, invocation, context)
    if (invocation.json) await context.out.json(digest)
    else await context.out.line(digestText(digest))
    return EXIT_OK
  })
}

async function digestOf(store: VectorStore, invocation: Invocation, context: CliContext): Promise<Digest> {
  if (invocation.flag('data')) return store.digest({ index: false })
  const collections = await Promise.all(store.collections().map(({ name }) => store.collection(name)))
  const isBehind = collections.some((collection) => collection.stats().index.backlog > 0)
  return whileIndexing(
    store.digest(),
    { collections, label: 'indexing', silent: invocation.json || !isBehind },
    context,
  )
}

function digestText({ lsn, data, index }: Digest): string {
  const pairs = [['LSN', countText(lsn)] as const, ['data', data] as const]
  return pairLines(index === undefined ? pairs : [...pairs, ['index', index]]).join('\n')
}
