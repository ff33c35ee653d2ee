// Builds the package: the WebAssembly kernel first, then the TypeScript sources.
// Called explicitly by every npm script that needs it, because pre- and post-scripts do not run where install scripts are blocked.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildKernel } from './build-kernel.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await buildKernel(root)
if (!process.argv.includes('--kernel-only')) {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  execFileSync(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', join(root, 'tsconfig.json')], {
    cwd: root,
    stdio: 'inherit',
  })
  removeStale(join(root, 'dist'), join(root, 'src'))
}

/** Files whose source is gone would be published; a clean build would pull dist/ away under whatever is running from it. */
function removeStale(built, source) {
  for (const entry of readdirSync(built, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const sourcePath = join(source, relative(built, path).replace(/\.d\.ts$|\.js$/, '.ts'))
    if (!existsSync(sourcePath)) rmSync(path)
  }
}
