// LanceDB: a columnar database with IVF and HNSW indexes over codes; the best of its index kinds and refine factors counts.
import { packageVersion, requirePackage } from './packages.mjs'

const TABLE = 'rows'
const WIDTHS = [10, 20, 40, 80, 160, 320, 640]
const PROBES = [1, 2, 5, 10, 20, 50, 100]
const MOST_K = 10
const BATCH_ROWS = 50_000
const DISTANCES = { cosine: 'cosine', euclidean: 'l2' }

/** One curve for each refine factor: so many times k are computed again on the originals. A list must hold at least as many. */
const hnswCurves = [1, 3, 10].map((refine) => ({
  name: nameOf(refine),
  knob: 'ef',
  refine,
  efforts: WIDTHS.filter((width) => width >= MOST_K * refine),
}))
const ivfCurves = [1, 5, 20, 50].map((refine) => ({ name: nameOf(refine), knob: 'nprobes', refine, efforts: PROBES }))

export const lancedb = {
  name: 'LanceDB',
  notes: ['Nothing is synced. Results are read from Arrow columns, its quickest way; ids are an int32 column.'],
  version: () => packageVersion('@lancedb/lancedb'),
  load: () => requirePackage('@lancedb/lancedb'),
  settings: ({ dimensions }) => [
    { name: 'HNSW_SQ m 16', kind: 'hnswSq', m: 16, curves: hnswCurves },
    { name: 'HNSW_SQ m 32', kind: 'hnswSq', m: 32, curves: hnswCurves },
    // Its own choice of sub-vectors is a single one where the dimension is no multiple of 8; of 768 sub-vectors narrower than 8
    // take longer to train than a whole graph of any other engine.
    ...(dimensions % 16 === 0 ? [8, 16] : [2, 4]).map((width) => ({
      name: `IVF_PQ of ${dimensions / width}`,
      kind: 'ivfPq',
      numSubVectors: dimensions / width,
      curves: ivfCurves,
    })),
  ],

  async build(directory, source, settings) {
    const { connect, Index, arrow } = loadLance()
    const { dimensions } = source
    const connection = await connect(directory)
    const list = new arrow.FixedSizeList(dimensions, new arrow.Field('item', new arrow.Float32(), true))
    const schema = new arrow.Schema([
      new arrow.Field('row', new arrow.Int32(), false),
      new arrow.Field('vector', list, false),
    ])
    const table = await connection.createEmptyTable(TABLE, schema, { mode: 'overwrite' })
    for (const { first, rows, vectors } of source.batches(BATCH_ROWS)) {
      await table.add(toArrow(arrow, schema, first, rows, vectors))
      settings.onProgress(first + rows)
    }
    const distanceType = DISTANCES[settings.metric]
    const config =
      settings.kind === 'hnswSq'
        ? Index.hnswSq({ distanceType, numPartitions: 1, m: settings.m, efConstruction: 200 })
        : Index.ivfPq({ distanceType, numSubVectors: settings.numSubVectors })
    await table.createIndex('vector', { config, waitTimeoutSeconds: 7200 })
    await table.optimize()
    table.close()
  },

  async open(directory, settings) {
    const { connect } = loadLance()
    const connection = await connect(directory)
    const table = await connection.openTable(TABLE)
    let effort
    let curve
    return {
      prepareQuery: (vector) => vector,
      useEffort(nextEffort, nextCurve) {
        effort = nextEffort
        curve = nextCurve
      },
      search(vector, k) {
        const query = table.query().nearestTo(vector).distanceType(DISTANCES[settings.metric])
        if (curve.knob === 'ef') query.ef(effort)
        else query.nprobes(effort)
        if (curve.refine > 1) query.refineFactor(curve.refine)
        return query.select(['row', '_distance']).limit(k).toArrow()
      },
      rowsOf: (result) => Array.from(result.getChild('row')),
      close() {
        table.close()
        connection.close()
      },
    }
  },
}

function nameOf(refine) {
  return refine === 1 ? '' : `refine ${refine}`
}

function loadLance() {
  // apache-arrow must be the copy that LanceDB itself uses, or its types are not recognised.
  return { ...requirePackage('@lancedb/lancedb'), arrow: requirePackage('apache-arrow') }
}

/** Columns straight from the floats: rows of arrays would take minutes and the memory of the whole set. */
function toArrow(arrow, schema, first, rows, vectors) {
  const rowData = arrow.makeData({
    type: new arrow.Int32(),
    data: Int32Array.from({ length: rows }, (_, row) => first + row),
  })
  const { type } = schema.fields[1]
  const child = arrow.makeData({ type: new arrow.Float32(), data: vectors.slice() })
  const vectorData = arrow.makeData({ type, length: rows, nullCount: 0, child })
  const struct = arrow.makeData({
    type: new arrow.Struct(schema.fields),
    length: rows,
    children: [rowData, vectorData],
  })
  return new arrow.Table(schema, new arrow.RecordBatch(schema, struct))
}
