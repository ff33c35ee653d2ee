// Compiled, never run: what a user's program sees of the published declarations.
import {
  type Collection,
  type Entry,
  type Hit,
  type IndexStats,
  isStoreError,
  type LevelDatabase,
  readLog,
  type SearchFilter,
  type SearchResult,
  StoreError,
  VectorStore,
  verifyStore,
} from 'annals'

interface Word {
  pos: string
  senses?: number
}

export async function use(database: LevelDatabase): Promise<void> {
  const store: VectorStore = await VectorStore.open('./data', {
    durability: 'async',
    segmentSizeBytes: 1 << 20,
    threads: 2,
    bufferEntries: 1000,
    consolidateShare: 0.2,
    rebuildShare: Number.POSITIVE_INFINITY,
    maxUnindexedEntries: 100_000,
    onProgress: ({ phase, done }) => [phase, done],
  })
  const words: Collection<Word> = await store.collection<Word>('words', { dimensions: 100, metric: 'cosine' })
  await words.add([{ id: 'king', vector: new Float32Array(100), metadata: { pos: 'noun' } }])
  await words.add([{ id: 'queen', vector: [1, 2, 3] }])
  const { lsn, added } = await words.addAll([{ id: 'x', vector: [1] }], {
    batchSize: 10,
    signal: new AbortController().signal,
  })
  const { hits, exact } = await words.search({ id: 'king' }, { k: 3, includeMetadata: true })
  const isNoun: SearchFilter<Word> = (metadata, id) => metadata?.pos === 'noun' && id !== 'king'
  const many: SearchResult<Word>[] = await words.searchMany([[1, 2], { id: 'king' }], { listSize: 300, filter: isNoun })
  await words.search([1, 2], { filter: new Set(['king']), exact: true, maxDistance: 0.5 })
  await words.settled()
  await words.optimize()
  const index: IndexStats = words.stats().index
  const digest: string | undefined = (await store.digest({ index: true })).index
  const first: Hit<Word> | undefined = hits[0]
  const pos: string | undefined = first?.metadata?.pos
  const entry: Entry<Word> | undefined = await words.get('king')
  const vector: Float32Array | undefined = entry?.vector
  for await (const id of words.ids()) id.toUpperCase()
  for await (const { metadata } of words) metadata?.senses?.toFixed()
  for await (const record of readLog('./data', { from: 1 })) record.time.getTime()
  const total: number = store.memoryUsage().total + (await verifyStore('./data')).records + lsn + added
  await (await VectorStore.open(database)).close()
  await (await VectorStore.ephemeral())[Symbol.asyncDispose]()
  try {
    await store.close()
  } catch (error) {
    if (isStoreError(error, 'ERR_DISK_FULL') || error instanceof StoreError) throw new Error(error.code)
  }
  // @ts-expect-error a metric that does not exist
  await store.collection('words', { dimensions: 100, metric: 'manhattan' })
  // @ts-expect-error a filter of metadata of another type
  await words.search([1], { filter: (metadata: { rank: number } | undefined) => metadata?.rank === 1 })
  // @ts-expect-error metadata of another type
  await words.add([{ id: 'king', vector: [1], metadata: { pos: 1 } }])
  void [exact, pos, vector, total, many, index.unreachable, digest]
}
