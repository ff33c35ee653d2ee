import { describe } from 'vitest'
import { argumentTests } from './binary-codes/argument-tests.ts'
import type { Create } from './binary-codes/binary-inputs.ts'
import { codeTests } from './binary-codes/code-tests.ts'
import { estimateTests } from './binary-codes/estimate-tests.ts'
import { rotationTests } from './binary-codes/rotation-tests.ts'

/** What every implementation of codes of one bit a dimension does. */
export function binaryCodesSuite(name: string, create: Create): void {
  describe(name, () => {
    describe('rotation', () => rotationTests(create))
    describe('codes', () => codeTests(create))
    describe('estimates', () => estimateTests(create))
    describe('arguments', () => argumentTests(create))
  })
}
