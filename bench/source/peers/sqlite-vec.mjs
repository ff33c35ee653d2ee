// sqlite-vec: a scan inside SQLite, as the reference of what no index costs and as a check on the truth.
import { join } from 'node:path'
import { packageVersion, requirePackage } from './packages.mjs'

const DISTANCES = { cosine: 'cosine', euclidean: 'L2' }

export const sqliteVec = {
  name: 'sqlite-vec',
  exact: true,
  notes: ['A scan: exact. Through better-sqlite3, with synchronous=FULL.'],
  version: () => packageVersion('sqlite-vec'),
  load: () => ({ Database: requirePackage('better-sqlite3'), extension: requirePackage('sqlite-vec') }),
  settings: () => [{ name: 'scan', curves: [{ name: '', efforts: ['scan'] }] }],

  async build(directory, source, { metric, onProgress }) {
    const database = openDatabase(directory)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    const column = `embedding float[${source.dimensions}] distance_metric=${DISTANCES[metric]}`
    database.exec(`create virtual table rows using vec0(${column})`)
    const insert = database.prepare('insert into rows(rowid, embedding) values (?, ?)')
    const insertBatch = database.transaction(({ first, rows, vectors }) => {
      for (let row = 0; row < rows; row += 1)
        insert.run(BigInt(first + row), vectors.slice(row * source.dimensions, (row + 1) * source.dimensions))
    })
    for (const batch of source.batches(1000)) {
      insertBatch(batch)
      onProgress(batch.first + batch.rows)
    }
    database.close()
  },

  async open(directory) {
    const database = openDatabase(directory)
    const select = database.prepare('select rowid from rows where embedding match ? and k = ?').pluck()
    return {
      // A copy of its own: a view into a larger array would be bound from its beginning.
      prepareQuery: (vector) => vector.slice(),
      useEffort() {},
      search: (query, k) => select.all(query, k),
      rowsOf: (rows) => rows,
      close: () => database.close(),
    }
  },
}

function openDatabase(directory) {
  const { Database, extension } = sqliteVec.load()
  const database = new Database(join(directory, 'rows.sqlite'))
  extension.load(database)
  return database
}
