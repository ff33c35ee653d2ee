// Builds every engine in each of its settings once and keeps the files with what the building took; later runs measure the same files.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatNumber } from '../statistics.mjs'
import { startChild } from './host.mjs'
import { say, showProgress } from './progress.mjs'

/** @returns the build's directory and figures, or `undefined` where building failed */
export async function ensureBuild(dataSet, engine, version, setting, { core, fresh }) {
  const label = `${dataSet.name}: ${engine.name}, ${setting.name}`
  const directory = join(
    dataSet.directory,
    'builds',
    `${engine.name} ${setting.name}`.replaceAll(/[^A-Za-z0-9]+/g, '-'),
  )
  const buildFile = join(directory, 'build.json')
  const { curves: _, ...buildSettings } = { ...setting, metric: dataSet.metric, dimensions: dataSet.dimensions }
  const identity = { engine: engine.name, version, dataHash: dataSet.hash, settings: buildSettings }
  const known = readBuild(buildFile)
  if (!fresh && known !== undefined && JSON.stringify(known.identity) === JSON.stringify(identity))
    return { directory, ...known }

  say(`${label}: building`)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(directory, 'index'), { recursive: true })
  const child = startChild({ core })
  try {
    const outcome = await child.ask(
      'build',
      {
        engineName: engine.name,
        directory: join(directory, 'index'),
        baseFile: dataSet.files.base,
        dimensions: dataSet.dimensions,
        buildSettings,
      },
      ({ done, total }) => showProgress(`${label}: added`, done, total),
    )
    const build = {
      identity,
      ...outcome,
      bytesOnDisk: directoryBytes(join(directory, 'index')),
      node: process.version,
      core: core ?? 'not pinned',
      finishedAt: new Date().toISOString(),
    }
    writeFileSync(`${buildFile}.tmp`, JSON.stringify(build, undefined, 2))
    renameSync(`${buildFile}.tmp`, buildFile)
    say(`${label}: built in ${formatNumber(build.buildMs / 1000)} s`)
    return { directory, ...build }
  } catch (error) {
    say(`${label}: FAILED to build and left out: ${error.message}`)
    return undefined
  } finally {
    await child.stop()
  }
}

function readBuild(buildFile) {
  return existsSync(buildFile) ? JSON.parse(readFileSync(buildFile, 'utf8')) : undefined
}

function directoryBytes(directory) {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  return bytes
}
