import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Starts a built Next.js application on a free port of this machine, and waits until it answers. */
export async function startNext(directory: string): Promise<{ url: string; stop: () => void }> {
  const port = await freePort()
  const next = ['node_modules/next/dist/bin/next', 'start', '--hostname', '127.0.0.1', '--port', String(port)]
  const child = spawn(process.execPath, next, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const ready = new Promise<void>((resolve, reject) => {
    const listen = (bytes: Buffer) => {
      output += bytes.toString()
      if (output.includes('Ready')) resolve()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('exit', (code) => reject(new Error(`next start ended with ${code}: ${output}`)))
  })
  await ready
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill('SIGKILL') }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
