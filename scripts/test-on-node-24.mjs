// Runs the tests on Node 24, whose binary comes from the package registry: what passes on the oldest release must pass on a newer one.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fetchNode, root } from './node-release.mjs'

const binary = fetchNode(24)
const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
console.log(`Running the tests on Node ${version}`)
if (!version.startsWith('v24.')) throw new Error(`expected Node 24, found ${version}`)
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' })
// Child processes of the tests are started with the same binary, because they use process.execPath.
execFileSync(binary, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
