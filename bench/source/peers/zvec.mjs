// zvec: a database with HNSW and several codes; rows are indexed by an explicit optimize.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { packageVersion, requirePackage } from './packages.mjs'
import { rowOfId } from './vector-file.mjs'

const EF_CONSTRUCTION = 200
const EFFORTS = [10, 15, 20, 30, 45, 60, 80, 120, 160, 240, 320, 480, 640, 960]
const FIELD = 'vector'
const BATCH_ROWS = 1000
/** `refine` computes the best candidates again on the originals, which only codes need. */
const PLAIN = [{ name: '', efforts: EFFORTS }]
const CODED = [
  { name: '', efforts: EFFORTS },
  { name: 'refined', refine: true, efforts: EFFORTS },
]

export const zvec = {
  name: 'zvec',
  notes: [
    'Inserts are not synced. Building is insertSync and optimizeSync; queries are querySync, which is its quickest.',
  ],
  version: () => packageVersion('@zvec/zvec'),
  load: () => requirePackage('@zvec/zvec'),
  settings: () => [
    { name: 'M 16', m: 16, curves: PLAIN },
    { name: 'M 16 contiguous', m: 16, contiguous: true, curves: PLAIN },
    { name: 'M 32 contiguous', m: 32, contiguous: true, curves: PLAIN },
    { name: 'M 16 int8', m: 16, contiguous: true, quantize: 'INT8', curves: CODED },
    { name: 'M 16 fp16', m: 16, contiguous: true, quantize: 'FP16', curves: CODED },
    { name: 'M 16 RaBitQ', m: 16, rabitq: true, curves: CODED },
  ],

  async build(directory, source, settings) {
    const zvecModule = initialize()
    const path = join(directory, 'store')
    if (existsSync(path)) rmSync(path, { recursive: true })
    const schema = new zvecModule.ZVecCollectionSchema({
      name: 'rows',
      vectors: {
        name: FIELD,
        dataType: zvecModule.ZVecDataType.VECTOR_FP32,
        dimension: source.dimensions,
        indexParams: indexParameters(zvecModule, settings),
      },
    })
    const collection = zvecModule.ZVecCreateAndOpen(path, schema)
    for (const { first, rows, vectors } of source.batches(BATCH_ROWS)) {
      const documents = Array.from({ length: rows }, (_, row) => ({
        id: source.idOf(first + row),
        vectors: { [FIELD]: vectors.subarray(row * source.dimensions, (row + 1) * source.dimensions) },
      }))
      for (const status of collection.insertSync(documents)) if (!status.ok) throw new Error(status.message)
      settings.onProgress(first + rows)
    }
    collection.optimizeSync({ concurrency: 1 })
    const { indexCompleteness } = collection.stats
    if (indexCompleteness[FIELD] !== 1) throw new Error(`zvec indexed only a share of ${indexCompleteness[FIELD]}`)
    collection.closeSync()
  },

  async open(directory, settings) {
    const zvecModule = initialize()
    const collection = zvecModule.ZVecOpen(join(directory, 'store'), { readOnly: true })
    const indexType = indexTypeOf(zvecModule, settings)
    let params
    return {
      prepareQuery: (vector) => vector,
      useEffort(ef, curve) {
        params = curve.refine ? { indexType, ef, isUsingRefiner: true } : { indexType, ef }
      },
      search: (vector, k) => collection.querySync({ fieldName: FIELD, topk: k, vector, outputFields: [], params }),
      rowsOf: (documents) => documents.map(({ id }) => rowOfId(id)),
      close: () => collection.closeSync(),
    }
  },
}

function initialize() {
  const zvecModule = requirePackage('@zvec/zvec')
  zvecModule.ZVecInitialize({ queryThreads: 1, optimizeThreads: 1, logLevel: zvecModule.ZVecLogLevel.ERROR })
  return zvecModule
}

function indexTypeOf({ ZVecIndexType }, { rabitq }) {
  return rabitq ? ZVecIndexType.HNSW_RABITQ : ZVecIndexType.HNSW
}

function indexParameters(zvecModule, settings) {
  const { metric, m, quantize, contiguous, rabitq } = settings
  const { ZVecMetricType, ZVecQuantizeType } = zvecModule
  return {
    indexType: indexTypeOf(zvecModule, settings),
    metricType: metric === 'cosine' ? ZVecMetricType.COSINE : ZVecMetricType.L2,
    m,
    efConstruction: EF_CONSTRUCTION,
    ...(rabitq ? {} : { useContiguousMemory: contiguous === true }),
    ...(quantize === undefined ? {} : { quantizeType: ZVecQuantizeType[quantize] }),
  }
}
