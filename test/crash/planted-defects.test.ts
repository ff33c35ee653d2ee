import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { BUDGET, report } from './support/crash-settings.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/planted-defects.mjs', import.meta.url))

// That the tests pass without a defect is what the rest of this suite says.
test.runIf(BUDGET >= 1)('every planted defect is caught', { timeout: 1_800_000 }, async () => {
  const child = spawn(process.execPath, [SCRIPT, '--trust-tests'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  report(output.trim().split('\n').at(-1) ?? '')
  expect(exitCode, output).toBe(0)
})
