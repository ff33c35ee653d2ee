import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Property and crash tests are bounded by their own run counts; the time limit only catches a hang.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // By default one core is left idle, which on two is half of them.
    maxWorkers: '100%',
  },
})
