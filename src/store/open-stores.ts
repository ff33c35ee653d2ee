import { StoreError } from '../base/errors.ts'

/** Something that several handles of one process may share. */
export interface Shareable {
  /** Waits until everything written so far is on disk. */
  settle(): Promise<void>
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
  for (let existing = stores.get(identity); existing !== undefined; existing = stores.get(identity)) {
    if (existing.closing === undefined) {
      const core = await join(existing, optionsKey)
      if (core !== undefined) return { core, release: () => release(identity, existing as Shared<Core>) }
    }
    // Whoever closes it learns of a failure; here only the end matters.
    await existing.closing?.catch(() => {})
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

/** `undefined` where it did not open after all: who opened it may have aborted, which is no reason for anybody else. */
async function join<Core extends Shareable>(shared: Shared<Core>, optionsKey: string): Promise<Core | undefined> {
  if (shared.optionsKey !== optionsKey) {
    const message = `this process has the store open with other options: ${shared.optionsKey}, not ${optionsKey}`
    throw new StoreError('ERR_STORE_OPTIONS', message)
  }
  shared.references += 1
  return shared.opening.catch(() => undefined)
}

/** The last one out closes; who leaves before has what it wrote on disk all the same. */
async function release<Core extends Shareable>(identity: StoreIdentity, shared: Shared<Core>): Promise<void> {
  shared.references -= 1
  if (shared.references > 0) return (await shared.opening).settle()
  shared.closing = shared.opening
    .then((core) => core.close())
    .finally(() => {
      if (table<Core>().get(identity) === shared) table<Core>().delete(identity)
    })
  await shared.closing
}
