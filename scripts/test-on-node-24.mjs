// Runs the tests on Node 24, whose binary comes from the package registry: what passes on the oldest release must pass on a newer one.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const cache = join(root, 'node_modules', '.cache', 'node-24')
const packageName = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const binary = join(cache, 'node_modules', packageName, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

if (!existsSync(binary)) {
  mkdirSync(cache, { recursive: true })
  const install = [
    'install',
    '--prefix',
    cache,
    '--no-save',
    '--no-fund',
    '--no-audit',
    '--ignore-scripts',
    `${packageName}@24`,
  ]
  execFileSync('npm', install, { stdio: 'inherit' })
}
const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
console.log(`Running the tests on Node ${version}`)
if (!version.startsWith('v24.')) throw new Error(`expected Node 24, found ${version}`)
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' })
// Child processes of the tests are started with the same binary, because they use process.execPath.
execFileSync(binary, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
