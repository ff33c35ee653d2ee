import type { QuantizationMode } from '../../../src/engine/quantization.ts'
import type { VectorStore } from '../../../src/store/vector-store.ts'
import { MaintenanceModel } from './maintenance-model.ts'
import type { EntryData, Operation } from './operations.ts'

/** What a call answers; compared as JSON. `refused` is the code of an error that comes before anything is logged. */
export type Answer = object | boolean | null

/** The full chunks of a collection. */
export interface ChunkContent {
  readonly mode: QuantizationMode
  /** How many have become full, freed ones included. */
  readonly full: number
  readonly freed: ReadonlySet<number>
}

interface CollectionContent {
  readonly dimensions: number
  readonly metric: string
  readonly lsn: number
  mode: QuantizationMode
  /** Text of each entry, by id. */
  readonly entries: Map<string, string>
  readonly maintenance: MaintenanceModel
}

/**
 * A store of plain maps. It takes the operations themselves and shares no code with what it judges. Content is compared as
 * text, in which every bit of a vector shows.
 */
export class ContentModel {
  /** By name, in order of creation. */
  readonly #collections = new Map<string, CollectionContent>()
  #lsn = 0

  /** LSN of the last operation that was logged. */
  get lsn(): number {
    return this.#lsn
  }

  has(name: string): boolean {
    return this.#collections.has(name)
  }

  /** Ids of a collection, in the order in which they were first added. */
  ids(name: string): string[] {
    return [...(this.#collections.get(name)?.entries.keys() ?? [])]
  }

  /** Takes one operation, and says what the call should answer. `lsn` is missing where nothing is logged. */
  apply(operation: Operation): { lsn: number | undefined; answer: Answer } {
    const collection = this.#collections.get(operation.name)
    if (operation.type === 'create') {
      if (collection !== undefined) return { lsn: undefined, answer: null }
      const { name, dimensions, metric, quantization: mode = 'none' } = operation
      const lsn = this.#nextLsn()
      const maintenance = new MaintenanceModel()
      this.#collections.set(name, { dimensions, metric, lsn, mode, entries: new Map(), maintenance })
      return { lsn, answer: null }
    }
    if (operation.type === 'drop') {
      if (!this.#collections.delete(operation.name)) return { lsn: undefined, answer: false }
      return { lsn: this.#nextLsn(), answer: true }
    }
    if (collection === undefined) return { lsn: undefined, answer: { refused: 'ERR_COLLECTION_NOT_FOUND' } }
    if (operation.type === 'maintain') {
      const { entries, maintenance } = collection
      const isLogged = maintenance.maintain(operation.what, (id) => bitsOf(entries.get(id)!))
      return { lsn: isLogged ? this.#nextLsn() : undefined, answer: null }
    }
    const lsn = this.#nextLsn()
    if (operation.type === 'quantize') {
      const modes = [collection.mode, operation.mode]
      collection.mode = operation.mode
      return { lsn, answer: { lsn, modes } }
    }
    return { lsn, answer: applyToEntries(operation, collection, lsn) }
  }

  /** Takes a record that a store has logged by itself: it changes no content. */
  pass(): void {
    this.#lsn += 1
  }

  /** Where vectors are to be found: the full chunks of each collection, by its LSN. */
  chunks(): ReadonlyMap<number, ChunkContent> {
    return new Map(
      [...this.#collections.values()].map(({ lsn, mode, maintenance }) => [lsn, { mode, ...maintenance.chunks() }]),
    )
  }

  text(): string {
    return [...this.#collections]
      .map(([name, content]) => collectionText({ ...content, name, createdAtLsn: content.lsn }, content.entries))
      .join('\n')
  }

  #nextLsn(): number {
    this.#lsn += 1
    return this.#lsn
  }
}

function applyToEntries(
  operation: Extract<Operation, { type: 'add' | 'update' | 'delete' }>,
  { entries, maintenance }: CollectionContent,
  lsn: number,
): Answer {
  if (operation.type === 'add') {
    const lastById = new Map<string, EntryData>()
    for (const entry of operation.entries) {
      // An id that comes again has the place of its last entry.
      lastById.delete(entry.id)
      lastById.set(entry.id, entry)
    }
    const replaced = [...lastById.keys()].filter((id) => entries.has(id)).length
    for (const [id, entry] of lastById) {
      entries.set(id, entryText(entry))
      maintenance.noteAdded(id)
    }
    return { lsn, added: lastById.size - replaced, replaced }
  }
  if (operation.type === 'delete') {
    const deleted = operation.ids.filter((id) => entries.delete(id))
    for (const id of deleted) maintenance.noteRemoved(id)
    return { lsn, deleted: deleted.length }
  }
  const existing = entries.get(operation.id)
  if (existing === undefined) return { lsn, updated: false }
  entries.set(operation.id, `${bitsOf(existing)} ${metadataText(operation.metadata)}`)
  return { lsn, updated: true }
}

/** What a store holds, read through its public calls, as the text that the model has for it. */
export async function contentOf(store: VectorStore): Promise<string> {
  const texts: string[] = []
  for (const { quantization: mode, count, ...info } of store.collections()) {
    const { name } = info
    const collection = await store.collection(name)
    const entries = new Map<string, string>()
    for await (const { id, vector, metadata } of collection) entries.set(id, entryText({ id, vector, metadata }))
    const ids = [...entries.keys()]
    const found = await collection.getMany(ids)
    const same = found.every((entry, index) => entry !== undefined && entryText(entry) === entries.get(ids[index]!))
    if (!same || count !== entries.size)
      texts.push(`'${name}' counts ${count} entries, walks ${entries.size}, finds others by id`)
    texts.push(collectionText({ ...info, mode }, entries))
  }
  return texts.join('\n')
}

interface Settings extends Pick<CollectionContent, 'dimensions' | 'metric' | 'mode'> {
  readonly name: string
  readonly createdAtLsn: number
}

function collectionText(
  { name, dimensions, metric, mode, createdAtLsn }: Settings,
  entries: ReadonlyMap<string, string>,
): string {
  const lines = [...entries].map(([id, text]) => `  ${id} ${text}`).sort()
  return [`${name} ${dimensions} ${metric} ${mode} @${createdAtLsn}`, ...lines].join('\n')
}

/** Bits first, so that -0 is not 0. */
function entryText(entry: {
  id: string
  vector: ArrayLike<number>
  metadata?: EntryData['metadata'] | undefined
}): string {
  return `${Buffer.from(Float32Array.from(entry.vector).buffer).toString('hex')} ${metadataText(entry.metadata)}`
}

/** Those of the vector, in the text of an entry. */
function bitsOf(text: string): string {
  return text.split(' ')[0]!
}

function metadataText(metadata: object | undefined): string {
  return metadata === undefined ? '-' : JSON.stringify(metadata)
}
