import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Builds the package where it is missing or older than its sources: processes of their own run what users run. */
export function ensureBuilt(): void {
  const built = join(ROOT, 'dist/index.js')
  if (existsSync(built) && statSync(built).mtimeMs >= newestSourceMs(join(ROOT, 'src'))) return
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs')], { cwd: ROOT, stdio: 'pipe' })
}

function newestSourceMs(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.includes('.generated.'),
  )
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs))
}
