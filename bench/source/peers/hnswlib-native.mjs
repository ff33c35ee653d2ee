// Compiles hnswlib-node once more with -march=native, in a copy under bench/data/, so that both builds can be measured in one run.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { DATA_DIRECTORY } from './data-sets.mjs'
import { packageDirectory, packageVersion } from './packages.mjs'
import { say } from './progress.mjs'

const NAME = 'hnswlib-node'
/** Packages that it needs to compile and to load. */
const NEEDED = [NAME, 'bindings', 'file-uri-to-path', 'node-addon-api']

export function loadNative() {
  const copy = nativeDirectory()
  compileNative(copy)
  return createRequire(join(copy, 'package.json'))(NAME)
}

/** Made for one processor and one ABI of Node: a copy that moved to another machine must not be taken for native there. */
function nativeDirectory() {
  const processor = cpus()[0].model.replaceAll(/[^A-Za-z0-9]+/g, '-')
  return join(DATA_DIRECTORY, `hnswlib-native-${packageVersion(NAME)}-abi${process.versions.modules}-${processor}`)
}

function compileNative(copy) {
  const addon = join(copy, 'node_modules', NAME, 'build', 'Release', 'addon.node')
  if (existsSync(addon)) return
  say('compiling hnswlib-node with -march=native')
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(join(copy, 'node_modules'), { recursive: true })
  for (const name of NEEDED)
    cpSync(packageDirectory(name), join(copy, 'node_modules', name), {
      recursive: true,
      filter: (path) => !path.startsWith(join(packageDirectory(name), 'build')),
    })
  const manifest = { name: 'hnswlib-native', private: true, allowScripts: { [NAME]: true } }
  writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest))
  // npm brings the compiler driver along; --foreground-scripts shows what went wrong.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  execFileSync(npm, ['rebuild', '--foreground-scripts', NAME], {
    cwd: copy,
    env: { ...process.env, CXXFLAGS: '-O3 -march=native' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (!existsSync(addon)) throw new Error(`npm rebuild left no ${addon}`)
}
