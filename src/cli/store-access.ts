import { stat } from 'node:fs/promises'
import { type OpenOptions, readLog, StoreError, VectorStore } from '../store/public.ts'
import type { CliContext } from './command.ts'
import type { Invocation } from './invocation.ts'
import { createProgress } from './progress.ts'

/** For commands that order nothing of an index but what they are for. */
export const NO_UPKEEP = {
  bufferEntries: Number.MAX_SAFE_INTEGER,
  consolidateShare: 1,
  rebuildShare: Number.POSITIVE_INFINITY,
}

/** How much of its past a store keeps is for its owner to say, who may have promised it, so no command removes any unasked. */
export const KEEP_LOG = { bytes: Number.POSITIVE_INFINITY }

/** Opens the store, shows how recovery goes on a terminal, and closes it whatever happens. */
export async function withStore<T>(
  invocation: Invocation,
  context: CliContext,
  access: OpenOptions & { readonly readOnly: boolean },
  use: (store: VectorStore) => Promise<T>,
): Promise<T> {
  const progress = createProgress(context, { silent: invocation.json || !context.error.isTerminal })
  const store = await VectorStore.open(invocation.positional(0), {
    history: KEEP_LOG,
    ...access,
    onProgress: ({ phase, done, total }) =>
      progress.update(() => ({ label: phase, fraction: total ? done / total : undefined, details: [] })),
  }).finally(() => progress.finish())
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** Fails unless there is a store: opening for writing would make one, and a mistyped name is not a wish for that. */
export async function requireStore(directory: string): Promise<void> {
  await requireDirectory(directory)
  // Reading on would find damage, which is not the question here.
  for await (const _ of readLog(directory)) return
}

export async function requireDirectory(directory: string): Promise<void> {
  const status = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (status?.isDirectory()) return
  const reason = status === undefined ? 'there is no such directory' : 'it is not a directory'
  throw new StoreError('ERR_STORE_NOT_FOUND', `cannot open the store ${directory}: ${reason}`)
}
