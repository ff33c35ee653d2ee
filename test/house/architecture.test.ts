import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

it('gives every file of the source a line in the architecture, and no line to a file that is gone', () => {
  const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes('.generated.') && !entry.parentPath.includes('assembly'))
    .map((entry) => relative(join(root, 'src'), join(entry.parentPath, entry.name)))
    .filter((path) => path !== 'index.ts')
  const named = new Set([...text.matchAll(/`([\w/-]+\.ts)`/g)].map((match) => match[1] as string))
  const names = files.map((path) => path.split('/').slice(1).join('/'))
  expect(names.filter((name) => !named.has(name))).toEqual([])
  expect(
    [...named].filter(
      (name) => !name.includes('.test.') && !names.includes(name) && !files.includes(name.replace('src/', '')),
    ),
  ).toEqual([])
})
