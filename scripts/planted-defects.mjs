// Plants known defects, one at a time, into a copy of the repository, and runs the test that each must make fail: whether a
// suite can fail is known only where it has. Exits with 1 if one is missed. Arguments select defects by a part of their names;
// with --trust-tests it is not checked first that the tests pass without any defect.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEFECTS } from '../test/crash/planted-defects/defects.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts']
/** A sketch of each test is enough to catch a defect. */
const BUDGET = '0.1'

const trustTests = process.argv.includes('--trust-tests')
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const defects = DEFECTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
if (defects.length === 0) throw new Error('no planted defect has such a name')

const copy = mkdtempSync(join(tmpdir(), 'annals-defects-'))
let caught = 0
let broken = 0
try {
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  for (const test of trustTests ? [] : new Set(defects.map((defect) => defect.test))) {
    const { failed, message } = run(test)
    if (failed !== 0) report('BROKEN', `${test.file}, '${test.filter}', fails without any defect: ${message}`)
  }
  for (const defect of defects) report(...plant(defect))
} finally {
  rmSync(copy, { recursive: true, force: true })
}
console.log(`planted defects: ${caught} of ${defects.length} caught`)
process.exitCode = caught === defects.length && broken === 0 ? 0 : 1

function plant({ name, file, find, replace, test }) {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  const occurrences = source.split(find).length - 1
  if (occurrences !== 1) return ['BROKEN', `${name}: ${file} has ${occurrences} times: ${find}`]
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
  try {
    const { failed, message, ms } = run(test)
    // A change that does not even load is no defect that a test has caught.
    if (failed === undefined) return ['BROKEN', `${name}: ${message}`]
    return failed > 0 ? ['caught', `${name} (${ms} ms): ${message}`] : ['MISSED', name]
  } finally {
    writeFileSync(path, source)
  }
}

/** Runs one test in the copy. `failed` is how many failed, or `undefined` where it did not come to that. */
function run({ file, filter }) {
  const resultFile = join(copy, 'result.json')
  rmSync(resultFile, { force: true })
  const startMs = performance.now()
  const environment = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('VITEST') && name !== 'NODE_OPTIONS',
  )
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      file,
      '-t',
      filter,
      '--bail=1',
      '--reporter=json',
      `--outputFile=${resultFile}`,
    ],
    { cwd: copy, env: { ...Object.fromEntries(environment), ANNALS_CRASH_BUDGET: BUDGET }, encoding: 'utf8' },
  )
  const ms = Math.round(performance.now() - startMs)
  let results
  try {
    results = JSON.parse(readFileSync(resultFile, 'utf8'))
  } catch {
    return { failed: undefined, message: `${stdout}${stderr}`, ms }
  }
  const { numFailedTests, numPassedTests, testResults } = results
  if (numFailedTests + numPassedTests === 0)
    return { failed: undefined, message: testResults[0]?.message ?? `no test '${filter}'`, ms }
  const messages = testResults.flatMap(({ assertionResults }) =>
    assertionResults.flatMap(({ failureMessages }) => failureMessages),
  )
  return { failed: numFailedTests, message: (messages[0] ?? '').split('\n')[0], ms }
}

function report(verdict, text) {
  if (verdict === 'caught') caught += 1
  if (verdict === 'BROKEN') broken += 1
  console.log(`${verdict.padEnd(7)} ${text}`)
}
