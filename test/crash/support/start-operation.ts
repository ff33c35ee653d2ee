import { isStoreError } from '../../../src/base/errors.ts'
import type { Collection } from '../../../src/store/collection.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import type { Operation } from './operations.ts'

/** The collections as callers hold them: a handle outlives the collection that it was given for. */
export type Handles = Map<string, Collection>

/**
 * Makes one call, and resolves with its answer as JSON. Its place in the log is taken before this returns, except for
 * maintenance. What it was handed is spoilt right after the call, as by a caller that uses its arrays again.
 * @throws what the call throws, except for a refusal that comes before anything is logged: that is an answer.
 */
export async function startOperation(store: VectorStore, handles: Handles, operation: Operation): Promise<string> {
  try {
    return JSON.stringify(await call(store, handles, operation))
  } catch (error) {
    if (isStoreError(error, 'ERR_COLLECTION_NOT_FOUND')) return JSON.stringify({ refused: error.code })
    throw error
  }
}

/** The handles of everything in a store that was just opened. */
export async function handlesOf(store: VectorStore): Promise<Handles> {
  const handles: Handles = new Map()
  for (const { name } of store.collections()) handles.set(name, await store.collection(name))
  return handles
}

async function call(store: VectorStore, handles: Handles, operation: Operation): Promise<unknown> {
  if (operation.type === 'create') {
    const { name, dimensions, metric, quantization } = operation
    const shape = { dimensions, metric, ...(quantization === undefined ? {} : { quantization }) }
    handles.set(name, await store.collection(name, shape))
    return null
  }
  if (operation.type === 'drop') return store.drop(operation.name)
  const handle = handles.get(operation.name)
  if (handle === undefined) throw new Error(`The workload has no handle of '${operation.name}'`)
  if (operation.type === 'maintain') {
    await handle[operation.what]()
    return null
  }
  if (operation.type === 'quantize') {
    const { lsn, before, after } = await handle.quantize(operation.mode)
    return { lsn, modes: [before.mode, after.mode] }
  }
  if (operation.type === 'delete')
    return spoilAfter(
      [...operation.ids],
      (ids) => handle.delete(ids),
      (ids) => ids.fill('spoilt'),
    )
  if (operation.type === 'update') {
    const change = { metadata: structuredClone(operation.metadata) }
    return spoilAfter(
      change,
      () => handle.update(operation.id, change),
      () => {
        change.metadata = { spoilt: true }
      },
    )
  }
  const entries = operation.entries.map(({ id, vector, metadata }) => ({
    id,
    vector: Float32Array.from(vector),
    ...(metadata === undefined ? {} : { metadata: structuredClone(metadata) }),
  }))
  return spoilAfter(
    entries,
    () => handle.add(entries),
    () => {
      for (const entry of entries) {
        entry.vector.fill(1234)
        if (entry.metadata !== undefined) Object.assign(entry.metadata, { spoilt: true })
      }
      entries.length = 0
    },
  )
}

function spoilAfter<Input, Result>(
  input: Input,
  use: (input: Input) => Promise<Result>,
  spoil: (input: Input) => void,
): Promise<Result> {
  const result = use(input)
  spoil(input)
  return result
}
