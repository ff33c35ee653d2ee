export interface TestEntry {
  readonly id: string
  readonly vector: readonly number[]
  readonly metadata?: Record<string, unknown>
}

export function fvecsBytes(vectors: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(vectors.map(fvecsRecord))
}

function fvecsRecord(vector: readonly number[]): Buffer {
  const record = Buffer.alloc(4 + vector.length * 4)
  record.writeInt32LE(vector.length, 0)
  for (const [index, value] of vector.entries()) record.writeFloatLE(value, 4 + index * 4)
  return record
}

export function ivecsBytes(rows: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(rows.map((row) => Buffer.from(Int32Array.of(row.length, ...row).buffer)))
}

export function jsonLinesText(entries: readonly TestEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

/** Small vectors that are all different and none zero. */
export function someVectors(count: number, dimensions: number): number[][] {
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: dimensions }, (_, column) => Math.sin(row * dimensions + column + 1)),
  )
}
