import { beforeAll, describe } from 'vitest'
import type { ScanKernel } from '../../src/engine/kernel/scan-kernel.ts'
import { argumentTests } from './scan-kernel/argument-tests.ts'
import { closeCallTests } from './scan-kernel/close-call-tests.ts'
import { distanceTests } from './scan-kernel/distance-tests.ts'
import { extremeTests } from './scan-kernel/extreme-tests.ts'
import { historyTests } from './scan-kernel/history-tests.ts'
import { selectionTests } from './scan-kernel/selection-tests.ts'
import { shapeTests } from './scan-kernel/shape-tests.ts'

/** What every scan kernel does. */
export function scanKernelSuite(name: string, load: () => Promise<ScanKernel>): void {
  describe(name, () => {
    let kernel: ScanKernel
    beforeAll(async () => {
      kernel = await load()
    })
    const current = () => kernel
    describe('distances', () => distanceTests(current))
    describe('selection', () => selectionTests(current))
    describe('shapes', () => shapeTests(current))
    describe('extreme values', () => extremeTests(current))
    describe('close calls', () => closeCallTests(current))
    describe('histories', () => historyTests(current))
    describe('arguments', () => argumentTests(current))
  })
}
