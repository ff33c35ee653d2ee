import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CliResult } from './cli-fixture.ts'

const ROOT = new URL('../../../', import.meta.url)
const MAIN_FILE = fileURLToPath(new URL('dist/cli/main.js', ROOT))

/** The command as users run it: the built file, in a process of its own. */
export class BuiltCli {
  readonly child: ChildProcess
  readonly result: Promise<CliResult & { readonly signal: NodeJS.Signals | null }>

  constructor(...argv: string[]) {
    requireBuild()
    this.child = spawn(process.execPath, [MAIN_FILE, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.result = collect(this.child)
  }
}

export function requireBuild(): void {
  if (!existsSync(MAIN_FILE)) throw new Error('this test runs the built package: npm run build')
}

export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(path, ROOT))
}

/** Everything a child prints, and how it ends. */
export function collect(child: ChildProcess): Promise<CliResult & { readonly signal: NodeJS.Signals | null }> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ exitCode: code ?? -1, signal, stdout, stderr }))
  })
}
