import { StoreError } from '../base/errors.ts'

/** Something that several handles of one process may share. */
export interface Shareable {
  close(): Promise<void>
}

interface Shared<Core extends Shareable> {
  readonly optionsKey: string
  readonly opening: Promise<Core>
  references: number
  closing: Promise<void> | undefined
}

/** Which store: a directory by device and inode, a database by itself. */
export type StoreIdentity = string | object

/** One table in a process, whichever copy of the package asks: development servers load a package again at every change. */
const TABLE = Symbol.for('annals.open-stores.1')

function table<Core extends Shareable>(): Map<StoreIdentity, Shared<Core>> {
  const holder = globalThis as { [TABLE]?: Map<StoreIdentity, Shared<Core>> }
  holder[TABLE] ??= new Map()
  return holder[TABLE]
}

/**
 * Opens a store, or shares the one that this process has open already.
 * @throws StoreError `ERR_STORE_OPTIONS` where it is open with other options; else what `open` throws.
 */
export async function shareStore<Core extends Shareable>(
  identity: StoreIdentity,
  optionsKey: string,
  open: () => Promise<Core>,
): Promise<{ core: Core; release: () => Promise<void> }> {
  const stores = table<Core>()
  for (;;) {
    const existing = stores.get(identity)
    if (existing === undefined) break
    if (existing.closing === undefined) return share(identity, existing, optionsKey)
    // Whoever closes it learns of a failure; here only the end matters.
    await existing.closing.catch(() => {})
  }
  const shared: Shared<Core> = { optionsKey, opening: open(), references: 1, closing: undefined }
  stores.set(identity, shared)
  try {
    return { core: await shared.opening, release: () => release(identity, shared) }
  } catch (error) {
    if (stores.get(identity) === shared) stores.delete(identity)
    throw error
  }
}

async function share<Core extends Shareable>(
  identity: StoreIdentity,
  shared: Shared<Core>,
  optionsKey: string,
): Promise<{ core: Core; release: () => Promise<void> }> {
  if (shared.optionsKey !== optionsKey) {
    const message = `this process has the store open with other options: ${shared.optionsKey}, not ${optionsKey}`
    throw new StoreError('ERR_STORE_OPTIONS', message)
  }
  shared.references += 1
  return { core: await shared.opening, release: () => release(identity, shared) }
}

/** The last one out closes. */
async function release<Core extends Shareable>(identity: StoreIdentity, shared: Shared<Core>): Promise<void> {
  shared.references -= 1
  if (shared.references > 0) return
  shared.closing = shared.opening
    .then((core) => core.close())
    .finally(() => {
      if (table<Core>().get(identity) === shared) table<Core>().delete(identity)
    })
  await shared.closing
}
