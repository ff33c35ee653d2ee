import { runInNewContext } from 'node:vm'
import { expect } from 'vitest'
import type { Collection } from '../../../src/store/collection.ts'
import type { EntryInput } from '../../../src/store/inputs.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import type {
  Defect,
  GeneratedEntry,
  GeneratedHistory,
  HandedIn,
  Operation,
  Turn,
} from '../../support/store-generators.ts'
import { type ModelCollection, type ModelEntry, StoreModel } from '../../support/store-model.ts'
import { queryFor } from './expect-content.ts'
import { endingOf } from './store-fixture.ts'

/** Where a history's store lives. */
export interface Place {
  open(options: { durability: 'sync' | 'async'; segmentSizeBytes: number }): Promise<VectorStore>
  openReader(): Promise<VectorStore>
  /** What a kill of the process does, where it can be played: later calls of `open` find what was written. */
  kill?(): void
}

/** A handle, and the collection of the model that it was given for. */
interface Handle {
  readonly collection: Collection
  readonly model: ModelCollection
}

/** Runs a history on a store and on the model, and holds every single answer against the model's. */
export class HistoryRun {
  readonly model = new StoreModel()
  readonly #place: Place
  readonly #history: GeneratedHistory
  readonly #handles = new Map<string, Handle>()
  #store: VectorStore | undefined

  constructor(place: Place, history: GeneratedHistory) {
    this.#place = place
    this.#history = history
  }

  get store(): VectorStore {
    return this.#store!
  }

  async run(): Promise<void> {
    this.#store = await this.#place.open(this.#history)
    for (const turn of this.#history.turns) await this.#take(turn)
  }

  async reopen(): Promise<void> {
    await this.store.close()
    await this.#open()
  }

  async #open(): Promise<void> {
    this.#store = await this.#place.open(this.#history)
    this.#handles.clear()
    for (const [name, model] of this.model.collections) {
      this.#handles.set(name, { collection: await this.store.collection(name), model })
    }
  }

  async #take({ operations, afterwards }: Turn): Promise<void> {
    // All calls first, then all answers: the second call does not wait for the first.
    const settling = operations.map((operation) => this.#start(operation))
    for (const check of settling) await check?.()
    if (afterwards === 'sync') await this.store.sync()
    if (afterwards === 'reopen' || (afterwards === 'kill' && this.#place.kill === undefined)) await this.reopen()
    if (afterwards === 'kill' && this.#place.kill !== undefined) {
      this.#place.kill()
      await this.#open()
    }
  }

  /** Makes a call and says how to check its answer. Calls to a name that never stood for anything are left out. */
  #start(operation: Operation): (() => Promise<void>) | undefined {
    if (operation.type === 'create') return this.#create(operation)
    if (operation.type === 'drop') return this.#drop(operation.name)
    const handle = this.#handles.get(operation.name)
    if (handle === undefined) return undefined
    const isDropped = this.model.collections.get(operation.name) !== handle.model
    if (isDropped) return this.#checkEnding(() => callOf(operation, handle), 'ERR_COLLECTION_NOT_FOUND')
    if (operation.type === 'badAdd')
      return this.#checkEnding(() => callOf(operation, handle), badCode(operation.defect, handle.model))
    const expected = this.#expect(operation, handle.model)
    const call = callOf(operation, handle)
    return async () => expect(await call).toEqual(expected)
  }

  #create({ name, dimensions, metric }: Operation & { type: 'create' }): () => Promise<void> {
    const existing = this.model.collections.get(name)
    const call = () => this.store.collection(name, { dimensions, metric })
    if (existing !== undefined && (existing.dimensions !== dimensions || existing.metric !== metric)) {
      return this.#checkEnding(call, 'ERR_COLLECTION_MISMATCH')
    }
    const model = existing ?? this.model.create(name, dimensions, metric)
    const creating = call()
    return async () => {
      const collection = await creating
      expect(collection).toMatchObject({ name, dimensions, metric })
      this.#handles.set(name, { collection, model })
    }
  }

  #drop(name: string): () => Promise<void> {
    const expected = this.model.drop(name)
    const dropping = this.store.drop(name)
    return async () => expect(await dropping).toBe(expected)
  }

  #checkEnding(call: () => unknown, code: string): () => Promise<void> {
    const ending = endingOf(call)
    return async () => expect(await ending).toBe(code)
  }

  /** What the model answers. Calls that log nothing answer with an LSN that depends on how far earlier ones have come. */
  #expect(operation: Operation & { type: 'add' | 'update' | 'delete' }, model: ModelCollection): unknown {
    const count =
      operation.type === 'add' ? operation.entries.length : operation.type === 'delete' ? operation.ids.length : 1
    const lsn = count === 0 ? expect.any(Number) : ++this.model.lsn
    if (operation.type === 'add') return { lsn, ...model.add(entriesFor(model, operation.entries)) }
    if (operation.type === 'delete') return { lsn, deleted: model.delete(operation.ids) }
    return { lsn, updated: model.update(operation.id, operation.metadata) }
  }
}

function callOf(operation: Operation, { collection, model }: Handle): Promise<unknown> {
  if (operation.type === 'update') return collection.update(operation.id, { metadata: operation.metadata })
  if (operation.type === 'delete') return collection.delete(operation.ids)
  if (operation.type === 'badAdd')
    return collection.add(withDefect(entriesFor(model, operation.entries), badCode(operation.defect, model)))
  if (operation.type !== 'add') throw new TypeError(operation.type)
  return addAs(operation.handedIn, collection, entriesFor(model, operation.entries))
}

type FittedEntry = ModelEntry & { readonly id: string }

/** Entries with as many components as the collection has, and none zero where that has no meaning. */
function entriesFor(model: ModelCollection, entries: readonly GeneratedEntry[]): FittedEntry[] {
  return entries.map(({ id, components, metadata }) => ({ id, vector: queryFor(model, components), metadata }))
}

function addAs(handedIn: HandedIn, collection: Collection, entries: readonly FittedEntry[]): Promise<unknown> {
  switch (handedIn) {
    case 'float32':
      return collection.add(entries)
    case 'numbers':
      return collection.add(entries.map((entry) => ({ ...entry, vector: [...entry.vector] })))
    case 'other realm':
      return collection.add(entries.map((entry) => ({ ...entry, vector: foreignCopy(entry.vector) })))
    case 'overwritten after the call':
      return addAndOverwrite(collection, entries)
    case 'addAll from one array':
      return collection.addAll(fromOneArray(entries, collection.dimensions))
  }
}

function addAndOverwrite(collection: Collection, entries: readonly FittedEntry[]): Promise<unknown> {
  const handed = entries.map(({ id, vector, metadata }) => ({
    id,
    vector: vector.slice(),
    metadata: structuredClone(metadata),
  }))
  const adding = collection.add(handed)
  for (const entry of handed) {
    entry.id = 'overwritten'
    entry.vector.fill(Number.NaN)
    if (entry.metadata !== undefined) Object.assign(entry.metadata, { overwritten: true })
  }
  handed.length = 0
  return adding
}

function* fromOneArray(entries: readonly FittedEntry[], dimensions: number): Generator<EntryInput> {
  const vector = new Float32Array(dimensions)
  for (const entry of entries) {
    vector.set(entry.vector)
    yield { ...entry, vector }
  }
}

const foreignFloat32: (components: number[]) => Float32Array = runInNewContext(
  '(numbers) => Float32Array.from(numbers)',
)

function foreignCopy(vector: Float32Array): Float32Array {
  return foreignFloat32([...vector])
}

/** A zero vector is only wrong where it has no direction; elsewhere the entry gets another defect. */
function badCode(defect: Defect, { metric }: ModelCollection): Defect {
  return defect === 'ERR_VECTOR_ZERO' && metric !== 'cosine' ? 'ERR_VECTOR_NOT_FINITE' : defect
}

function withDefect(entries: readonly FittedEntry[], defect: Defect): EntryInput[] {
  const last = entries.at(-1)!
  const zero = last.vector.map(() => 0)
  const defects: Record<Defect, EntryInput> = {
    ERR_DIMENSIONS: { ...last, vector: [...last.vector, 1] },
    ERR_VECTOR_NOT_FINITE: { ...last, vector: [...last.vector].with(0, 1e39) },
    ERR_VECTOR_ZERO: { ...last, vector: zero },
    ERR_ID_INVALID: { ...last, id: 'lone \ud800' },
    ERR_METADATA_INVALID: { ...last, metadata: { inner: undefined } },
  }
  return [...entries.slice(0, -1), defects[defect]]
}
