import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

interface Lock {
  readonly packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>
}

it.each(['.', 'bench'])('locks every build for every platform in %s, or npm ci refuses to install', (directory) => {
  const { packages } = JSON.parse(readFileSync(join(root, directory, 'package-lock.json'), 'utf8')) as Lock
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
  const locked = Object.keys(packages).map((path) => path.split('node_modules/').at(-1))
  expect(wanted.filter((name) => !locked.includes(name))).toEqual([])
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([])
})
