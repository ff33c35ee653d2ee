/**
 * What annals asks of an abstract-level database (version 3), and nothing more: any `Level`, `MemoryLevel`, `BrowserLevel`
 * or sublevel fits, whatever its own types of keys and values, because encodings go with each call. Written down here so
 * that the published types do not lean on abstract-level's.
 */
export interface LevelDatabase {
  get(key: string, options: LevelEncodings): Promise<Uint8Array | undefined>
  getMany(keys: string[], options: LevelEncodings): Promise<(Uint8Array | undefined)[]>
  batch(operations: LevelOperation[], options: LevelEncodings & { sync: boolean }): Promise<void>
  keys(options: { keyEncoding: 'utf8' } & LevelRange): AsyncIterable<string>
  clear(options: { keyEncoding: 'utf8' } & LevelRange): Promise<void>
}

export interface LevelEncodings {
  keyEncoding: 'utf8'
  valueEncoding: 'view'
}

/** Keys from `gte` up to, but not including, `lt`, in the order of their UTF-8 bytes, which `reverse` turns round. */
export interface LevelRange {
  gte: string
  lt: string
  limit?: number
  reverse?: boolean
}

export type LevelOperation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }
