import type { Operation } from './operations.ts'

export function operationAt(number: number): Operation
export function numbersOf(seed: number): () => number
