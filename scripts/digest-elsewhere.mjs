// Replays the fixed log of test/store/index-determinism.test.ts on Node 22 and, emulated, on an arm64 processor, and compares digests.
// Emulation needs Debian's qemu-user, libc6-arm64-cross and libstdc++6-arm64-cross.
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fetchNode, root } from './node-release.mjs'

const EMULATOR = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu']
const script = join(root, 'test', 'store', 'support', 'print-digest.ts')

execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--kernel-only'], { stdio: 'inherit' })
run([fetchNode(22)])
if (spawnSync(EMULATOR[0], ['--version']).error === undefined) run([...EMULATOR, fetchNode(24, 'arm64')])
else
  throw new Error(`${EMULATOR[0]} is not installed: apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross`)

function run([command, ...args]) {
  execFileSync(command, [...args, '--disable-warning=ExperimentalWarning', script], { cwd: root, stdio: 'inherit' })
}
