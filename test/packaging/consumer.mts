// Compiled, never run: what a user's program sees of the published declarations.
import {
  type Collection,
  type Entry,
  type Hit,
  type IndexStats,
  isStoreError,
  type LevelDatabase,
  type Metric,
  readLog,
  type SearchFilter,
  type SearchResult,
  StoreError,
  toFloat16,
  type VectorOf,
  VectorStore,
  type VectorType,
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
  const bytes = await store.collection('bytes', { dimensions: 3, type: 'int8', metric: 'dot' })
  await bytes.add([
    { id: 'a', vector: Int8Array.of(1, 2, 3) },
    { id: 'b', vector: [1, 2, 3] },
  ])
  const own: Int8Array | undefined = (await bytes.get('a'))?.vector
  await bytes.search(own ?? Float32Array.of(0.5, 1, 2))
  const bits = await store.collection<Word, 'binary'>('bits', { dimensions: 8, type: 'binary' })
  await bits.add([{ id: 'a', vector: Uint8Array.of(255), metadata: { pos: 'noun' } }])
  const packed: Uint8Array | undefined = (await bits.search(Uint8Array.of(1), { includeVectors: true })).hits[0]?.vector
  const halves = await store.collection('halves', { dimensions: 2, type: 'float16' })
  await halves.add([{ id: 'a', vector: toFloat16([0.1, 0.2]) }])
  const rounded: Float32Array | undefined = (await halves.get('a'))?.vector
  const any: Collection<object, VectorType> = await store.collection<object, VectorType>('any')
  const metric: Metric = any.metric
  const given: VectorOf<VectorType> | undefined = (await any.get('a'))?.vector
  // @ts-expect-error: bits are packed
  await bits.add([{ id: 'b', vector: [1, 0, 1] }])
  // @ts-expect-error: whole numbers of 8 bits with a sign are not those without
  await bytes.add([{ id: 'c', vector: Uint8Array.of(1, 2, 3) }])
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
  void [exact, pos, vector, total, many, index.unreachable, digest, packed, rounded, metric, given]
}
