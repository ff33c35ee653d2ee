// Builds the package: the WebAssembly kernel first, then the TypeScript sources.
// Called explicitly by every npm script that needs it, because pre- and post-scripts do not run where install scripts are blocked.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildKernel } from './build-kernel.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await buildKernel(root)
if (!process.argv.includes('--kernel-only')) {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  execFileSync(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', join(root, 'tsconfig.json')], { cwd: root, stdio: 'inherit' })
}
