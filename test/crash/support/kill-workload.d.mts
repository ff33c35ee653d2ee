import type { Operation } from './operations.ts'

export function operationAt(lsn: number): Operation
export function numbersOf(seed: number): () => number
