// Runs the writer until it has acknowledged so many words, then kills it the hard way.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const WRITER_FILE = fileURLToPath(new URL('writer.mjs', import.meta.url))

/** Resolves to every acknowledgement that left the writer before it died: `{ from, to, lsn }`, rows `from` to `to` - 1. */
export async function runAndKillWriter(directory, wordsBeforeKill) {
  const writer = spawn(process.execPath, [WRITER_FILE, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve, reject) => {
    writer.on('error', reject)
    writer.on('close', (code, signal) => resolve({ code, signal }))
  })
  const acknowledgements = []
  let words = 0
  for await (const line of createInterface({ input: writer.stdout })) {
    const acknowledgement = parseLine(line)
    if (acknowledgement === undefined) continue
    acknowledgements.push(acknowledgement)
    words += acknowledgement.to - acknowledgement.from
    // SIGKILL cannot be caught: no handler runs, nothing is flushed, nothing is closed.
    if (words >= wordsBeforeKill) writer.kill('SIGKILL')
  }
  const { code, signal } = await ended
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself, with code ${code} and signal ${signal}`)
  return acknowledgements
}

/** The last line may be cut off by the kill; what was not said completely was not said. */
function parseLine(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
