import { vi } from 'vitest'

// Small collections are compared entry by entry, because that is quicker. These tests are about the index, and sets on which
// it would be the quicker way take too long to build.
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))
