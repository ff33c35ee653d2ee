import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor, isPortableKey, portableText } from '../../src/base/cbor.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const MARKED = `\ufeff${'x'.repeat(100)}`

describe('cbor', () => {
  it.each(['', 'a', '\ufeff', '\ufeffa', MARKED, `${MARKED}\ufeff`, 'x'.repeat(5000)])(
    'gives a text back whole',
    (text) => {
      expect(decodeCbor(encodeCbor([portableText(text)]))).toEqual([text])
    },
  )

  it('writes an ordinary text as a text, and one with a mark as tagged bytes', () => {
    expect([...encodeCbor(portableText('king'))]).toEqual([0x64, ...new TextEncoder().encode('king')])
    expect([...encodeCbor(portableText('\ufeff'))]).toEqual([0xd9, 0x61, 0x6e, 0x43, 0xef, 0xbb, 0xbf])
  })

  it.each([
    ['k', true],
    ['\ufeffk', true],
    [`\ufeff${'k'.repeat(61)}`, true],
    [`\ufeff${'k'.repeat(62)}`, false],
    ['k'.repeat(100), true],
  ])('knows which keys come back whole: %s', (key, portable) => {
    expect(isPortableKey(key)).toBe(portable)
    if (portable) expect(decodeCbor(encodeCbor({ [key]: 1 }))).toEqual({ [key]: 1 })
  })

  it('keeps no large buffer for the next value', () => {
    const large = encodeCbor([new Uint8Array(20 * 1024 * 1024)])
    const small = encodeCbor(['a'])
    expect(small.buffer.byteLength).toBeLessThan(64 * 1024)
    expect(large.byteLength).toBe(20 * 1024 * 1024 + 6)
    expect(decodeCbor(small)).toEqual(['a'])
  })

  // Where install scripts are blocked cbor-x has no native part; both must read one log alike.
  it.each(['true', ''])('reads the same texts without the native part: %s', (disabled) => {
    const program = `
      const { VectorStore } = await import('./dist/index.js')
      const store = await VectorStore.ephemeral()
      const words = await store.collection('\\ufeff' + 'n'.repeat(100), { dimensions: 1, metric: 'dot' })
      const id = '\\ufeff' + 'x'.repeat(100)
      await words.add([{ id, vector: [1], metadata: { text: id, list: [id], long: 'y'.repeat(100) + '\\ufeff' } }])
      await words.update(id, { metadata: { text: id } })
      const { metadata } = await words.get(id)
      await words.add([{ id: 'plain', vector: [2] }])
      await words.delete([id])
      console.log(JSON.stringify([metadata.text === id, words.count(), words.name.length, (await store.digest()).data]))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CBOR_NATIVE_ACCELERATION_DISABLED: disabled },
    })
    expect(JSON.parse(output)).toEqual([true, 1, 101, expect.stringMatching(/^[0-9a-f]{16}$/)])
  })
})
