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
import { handedIn, type VectorType } from '../../support/typed-vectors.ts'
import { vectorFor } from './expect-content.ts'
import { endingOf } from './store-fixture.ts'

/** Where a history's store lives. */
export interface Place {
  open(options: { durability: 'sync' | 'async'; segmentSizeBytes: number }): Promise<VectorStore>
  openReader(): Promise<VectorStore>
  /** What a kill of the process does, where it can be played: later calls of `open` find what was written. */
  kill?(): void
}

type TypedCollection = Collection<object, VectorType>
type TypedInput = EntryInput<object, VectorType>

/** A handle, and the collection of the model that it was given for. */
interface Handle {
  readonly collection: TypedCollection
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
      this.#handles.set(name, { collection: await this.store.collection<object, VectorType>(name), model })
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

  #create({ name, dimensions, metric, vectorType }: Operation & { type: 'create' }): () => Promise<void> {
    const existing = this.model.collections.get(name)
    const settings = { dimensions, metric, ...(vectorType === 'float32' ? {} : { type: vectorType }) }
    const call = () => this.store.collection<object, VectorType>(name, settings)
    const isSame = existing?.dimensions === dimensions && existing.metric === metric && existing.type === vectorType
    if (existing !== undefined && !isSame) {
      return this.#checkEnding(call, 'ERR_COLLECTION_MISMATCH')
    }
    const model = existing ?? this.model.create(name, dimensions, metric, vectorType)
    const creating = call()
    return async () => {
      const collection = await creating
      expect(collection).toMatchObject({ name, dimensions, metric, type: vectorType })
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
    return collection.add(
      withDefect(entriesFor(model, operation.entries), badCode(operation.defect, model), model.type),
    )
  if (operation.type !== 'add') throw new TypeError(operation.type)
  return addAs(operation.handedIn, collection, entriesFor(model, operation.entries))
}

type FittedEntry = ModelEntry & { readonly id: string }

/** Entries with as many components as the collection has, and none zero where that has no meaning. */
function entriesFor(model: ModelCollection, entries: readonly GeneratedEntry[]): FittedEntry[] {
  return entries.map(({ id, components, metadata }) => ({ id, vector: vectorFor(model, components), metadata }))
}

function addAs(manner: HandedIn, collection: TypedCollection, entries: readonly FittedEntry[]): Promise<unknown> {
  switch (manner) {
    case 'typed array':
      return collection.add(entries.map((entry) => inputOf(collection, entry)))
    case 'numbers':
      return collection.add(entries.map((entry) => inputOf(collection, entry, true)))
    case 'other realm':
      return collection.add(
        entries.map((entry) => ({ ...entry, vector: foreignCopy(inputOf(collection, entry).vector) })),
      )
    case 'overwritten after the call':
      return addAndOverwrite(collection, entries)
    case 'addAll from one array':
      return collection.addAll(fromOneArray(entries, collection))
  }
}

type Row = Float32Array | Int8Array | Uint8Array

function inputOf({ type }: TypedCollection, entry: FittedEntry, asNumbers = false): TypedInput {
  return { ...entry, vector: handedIn(type, [...entry.vector], asNumbers) }
}

function addAndOverwrite(collection: TypedCollection, entries: readonly FittedEntry[]): Promise<unknown> {
  const handed = entries.map((entry) => ({
    id: entry.id,
    vector: inputOf(collection, entry).vector as Row,
    metadata: structuredClone(entry.metadata),
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

function* fromOneArray(entries: readonly FittedEntry[], collection: TypedCollection): Generator<TypedInput> {
  let vector: Row | undefined
  for (const entry of entries) {
    const row = inputOf(collection, entry).vector as Row
    vector ??= row.slice()
    vector.set(row)
    yield { ...entry, vector }
  }
}

const foreignArray: (name: string, components: number[]) => Row = runInNewContext(
  '(name, numbers) => globalThis[name].from(numbers)',
)

function foreignCopy(vector: TypedInput['vector']): Row {
  return foreignArray(vector.constructor.name, Array.from(vector))
}

/** What cannot be wrong of a type or a metric is another defect. */
function badCode(defect: Defect, { metric, type }: ModelCollection): Defect {
  if (!defect.startsWith('ERR_VECTOR')) return defect
  if (type === 'binary') return 'ERR_DIMENSIONS'
  if (defect === 'ERR_VECTOR_VALUE' && type !== 'float32') return defect
  return defect === 'ERR_VECTOR_ZERO' && metric === 'cosine' ? defect : 'ERR_VECTOR_NOT_FINITE'
}

function withDefect(entries: readonly FittedEntry[], defect: Defect, type: VectorType): TypedInput[] {
  const last = entries.at(-1)!
  const numbers = [...last.vector]
  const typed = (components: readonly number[]) => handedIn(type, components)
  const right = { ...last, vector: typed(numbers) }
  const tooMany = type === 'binary' ? new Uint8Array(numbers.length / 8 + 1) : [...numbers, 1]
  const defects: Record<Defect, TypedInput> = {
    ERR_DIMENSIONS: { ...last, vector: tooMany },
    ERR_VECTOR_NOT_FINITE: { ...last, vector: numbers.with(0, type === 'float32' ? 1e39 : Number.NaN) },
    ERR_VECTOR_VALUE: { ...last, vector: numbers.with(0, 300.1) },
    ERR_VECTOR_ZERO: { ...last, vector: typed(numbers.map(() => 0)) },
    ERR_ID_INVALID: { ...right, id: 'lone \ud800' },
    ERR_METADATA_INVALID: { ...right, metadata: { inner: undefined } },
  }
  return [...entries.slice(0, -1).map((entry) => ({ ...entry, vector: typed([...entry.vector]) })), defects[defect]]
}
