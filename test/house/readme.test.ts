import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const directory = mkdtempSync(join(tmpdir(), 'annals-readme-'))

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the README', () => {
  it('has an example that runs and prints what it says', () => {
    const [, example] = /```js\n([\s\S]*?)```/.exec(readme) ?? []
    const built = pathToFileURL(join(root, 'dist/index.js')).href
    writeFileSync(join(directory, 'example.mjs'), (example as string).replace("'annals'", `'${built}'`))
    const output = execFileSync(process.execPath, ['example.mjs'], { cwd: directory, encoding: 'utf8' })
    const [hit] = new Function(`return ${output}`)() as [{ id: string; distance: number; metadata: unknown }]
    expect(hit).toEqual({ id: 'queen', distance: expect.closeTo(0.0172, 4), metadata: { pos: 'noun' } })
  })

  it('names only links that lead somewhere', () => {
    const links = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)\)/g)].map((match) => match[1] as string)
    expect(links.length).toBeGreaterThan(4)
    expect(links.filter((link) => !exists(join(root, link)))).toEqual([])
  })
})

function exists(path: string): boolean {
  try {
    return readFileSync(path).length >= 0
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR'
  }
}
