#!/usr/bin/env node
import process from 'node:process'
import { EXIT_INTERRUPTED } from './command.ts'
import { runCli } from './run.ts'

const { stdout, stderr, env } = process
// Only the code is set: the process ends by itself once its output is written and its store is closed.
process.exitCode = await runCli(process.argv.slice(2), { stdout, stderr, env, onSigint })

function onSigint(listener: () => void): () => void {
  let interrupted = false
  const handle = (): void => {
    // Who asks twice does not want to wait. The log is made for this.
    if (interrupted) process.exit(EXIT_INTERRUPTED)
    interrupted = true
    listener()
  }
  process.on('SIGINT', handle)
  return () => process.off('SIGINT', handle)
}
