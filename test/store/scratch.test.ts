import { test } from 'vitest'
import { VectorStore, readLog } from '../../src/store/public.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { yieldToEventLoop } from '../../src/store/event-loop.ts'
import { mkdtempSync } from 'node:fs'

const around = (files: any) => ({ files, name: 'x', now: () => Date.now(), randomBytes: (n: number) => new Uint8Array(n).fill(7), yieldToEventLoop, release: async () => {} })
const out = (...a: unknown[]) => process.stdout.write(`${a.map((x) => (x instanceof Error ? `${(x as any).code} ${x.message}` : JSON.stringify(x))).join(' ')}\n`)
const settle = async (p: Promise<any>) => p.then((v) => ['ok', v?.constructor?.name, typeof v === 'boolean' ? v : ''], (e) => ['ERR', e.code ?? e.name, e.message])

test('create+drop+close race', async () => {
  const files = new CrashableFiles()
  const store = await VectorStore.openWith(around(files))
  await store.collection('y', { dimensions: 2 })
  const a = settle(store.collection('x', { dimensions: 2 }))
  const b = settle(store.drop('x'))
  const c = settle(store.close())
  out('race', await a, await b, await c)
  const again = await settle(VectorStore.openWith(around(files.restartImage())))
  out('reopen', again, files.operations.slice(-14), files.paths())
  const st = await VectorStore.openWith(around(files.restartImage()))
  out('names', st.collections().map(c => c.name), st.stats().recovery)
})
test('create then drop', async () => {
  const files = new CrashableFiles()
  const store = await VectorStore.openWith(around(files))
  const a = settle(store.collection('x', { dimensions: 2 }))
  const b = settle(store.drop('x'))
  out('cd', await a, await b, store.collections())
})
test('sparse', async () => {
  const files = new CrashableFiles()
  const store = await VectorStore.openWith(around(files))
  const x = await store.collection('x', { dimensions: 2 })
  const lsn = store.stats().lsn
  const entries: any[] = []
  entries[1] = { id: 'a', vector: [1, 2] }
  out('sparse', await settle(x.add(entries)), store.stats().lsn - lsn)
  async function* reuse() { const vector = new Float32Array(2); for (let i = 1; i < 4; i++) { vector[0] = i; vector[1] = 1; yield { id: `r${i}`, vector } } }
  await x.addAll(reuse())
  out('reuse', [...(await x.get('r1'))!.vector])
  const big = 'x'.repeat(200_000)
  out('bigmeta', await settle(x.addAll(Array.from({ length: 400 }, (_, i) => ({ id: `b${i}`, vector: [1, 2], metadata: { big } })))))
})
test('verify during writes', async () => {
  const files = new CrashableFiles()
  const store = await VectorStore.openWith(around(files), { durability: 'async' })
  const x = await store.collection('x', { dimensions: 2 })
  await x.addAll(Array.from({ length: 9000 }, (_, i) => ({ id: `b${i}`, vector: [1, 2] })))
  let stop = false
  const writing = (async () => { let i = 0; while (!stop) { await x.delete([`b${i}`]); i++; if (i % 10 === 0) await yieldToEventLoop() } })()
  for (let n = 0; n < 10; n++) { const r = await store.verify(); out('verify', r.ok, r.problems.slice(0, 2)) }
  stop = true
  await writing
})
test('readLog of empty dir', async () => {
  const dir = mkdtempSync('/tmp/scratch-')
  let n = 0
  out('readLog', await settle((async () => { for await (const _ of readLog(dir)) n++; return n })()))
})
test('shared close', async () => {
  const dir = mkdtempSync('/tmp/scratch-')
  const s1 = await VectorStore.open(dir, { durability: 'async' })
  const s2 = await VectorStore.open(dir, { durability: 'async' })
  const x = await s1.collection('x', { dimensions: 2 })
  await x.add([{ id: 'a', vector: [1, 2] }])
  await s1.close()
  out('shared', s2.stats().lsn, s2.stats().durableLsn)
  await s2.close()
})
test('BOM', async () => {
  const files = new CrashableFiles()
  const store = await VectorStore.openWith(around(files))
  const x = await store.collection('x', { dimensions: 2 })
  const id = `\uFEFF${'a'.repeat(100)}`
  await x.add([{ id, vector: [1, 2], metadata: { [id]: id, constructor: { constructor: 1 }, '1': { toJSON: 'x' } } }])
  out('bom', (await x.get(id)) !== undefined, (await x.get(id))?.metadata)
})
