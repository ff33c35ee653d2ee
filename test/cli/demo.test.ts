import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { collect, repositoryPath, requireBuild } from './support/built-cli.ts'

test('the demo proves its claims', async () => {
  requireBuild()
  const child = spawn(process.execPath, [repositoryPath('demo/demo.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] })
  const { exitCode, stdout, stderr } = await collect(child)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/SIGKILL after [\d,]+ words were acknowledged/)
  expect(stdout).toMatch(/proved: all [\d,]+ acknowledged words came back/)
  expect(stdout).toMatch(/proved: all [\d,]+ bytes of all recovered vectors are those that were added/)
  expect(stdout).toContain('proved: the store holds 10,000 words')
  expect(stdout).toContain('proved: 10,000 words are in it, and a walk reaches each of them')
  expect(stdout).toContain('proved: they went through the index: each says exact: false')
  expect(stdout).toMatch(/proved: (9[5-9]\.\d|100\.0) % of what they found is what comparing all words finds/)
  expect(stdout).toContain('proved: "queen" is near "king"')
  expect(stdout).toContain('proved: the log alone gives back the same state')
  expect(stdout).toContain('proved: and the same index, byte for byte')
  expect(stdout).toMatch(/\nEvery claim was proved\.\n$/)
  expect(exitCode).toBe(0)
})

test('the demo touches no directory that has something in it', async () => {
  requireBuild()
  const child = spawn(process.execPath, [repositoryPath('demo/demo.mjs'), repositoryPath('demo')])
  const { exitCode, stderr } = await collect(child)
  expect(exitCode).toBe(1)
  expect(stderr).toContain('is not empty')
})
