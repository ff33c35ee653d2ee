import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { StoreEvent } from '../../src/engine/events.ts'
import { decodeEvents, encodeEvents } from '../../src/replay/event-codec.ts'
import { openLog } from '../../src/wal/open-log.ts'
import { utf8 } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { type HexFile, readHexFiles } from '../support/hex-file.ts'
import { checksum } from '../support/log-fixture.ts'

/** Written by format version 1 and never changed again: every later release has to read these bytes. */
const GOLDEN = readFileSync(new URL('../fixtures/golden-wal/version-1.hex', import.meta.url), 'utf8')
const FORMAT = readFileSync(new URL('../../docs/FORMAT.md', import.meta.url), 'utf8')

const STORE_ID = utf8('golden store id!')
const START_MS = 1_700_000_000_000

/** What the log holds, a batch of events to a record. The first session is closed, the second killed. */
const FIRST_SESSION: readonly (readonly StoreEvent[])[] = [
  [{ type: 'create', name: 'words', dimensions: 2, metric: 'cosine' }],
  [
    {
      type: 'add',
      collection: 1,
      ids: ['king', 'queen'],
      vectors: float32Bytes([1, 2.5, -0.5, 1e-40]),
      documents: [Uint8Array.of(0xa1, 0x61, 0x6e, 0x01), undefined],
    },
  ],
]
const SECOND_SESSION: readonly (readonly StoreEvent[])[] = [
  [
    { type: 'update', collection: 1, id: 'king', document: undefined },
    { type: 'add', collection: 1, ids: ['häuser'], vectors: float32Bytes([0, -0]) },
  ],
  [{ type: 'delete', collection: 1, ids: ['queen', 'never there'] }],
  [{ type: 'drop', collection: 1 }],
]

function float32Bytes(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  for (const [index, value] of values.entries()) new DataView(bytes.buffer).setFloat32(index * 4, value, true)
  return bytes
}

async function openOn(files: CrashableFiles) {
  const found: { timeMs: number; events: StoreEvent[] }[] = []
  const { log, repair } = await openLog(files, {
    checksum,
    newStoreId: STORE_ID,
    segmentSizeBytes: 1024 * 1024,
    deliver: () => undefined,
    onRecord: ({ timeMs, payload }) => {
      found.push({ timeMs, events: decodeEvents(payload.slice()) })
      return undefined
    },
  })
  return { log, repair, found }
}

/** Writes the same log as ever. */
async function writeToday(): Promise<CrashableFiles> {
  const files = new CrashableFiles()
  let timeMs = START_MS
  for (const [session, isClosed] of [
    [FIRST_SESSION, true],
    [SECOND_SESSION, false],
  ] as const) {
    const { log } = await openOn(files)
    for (const events of session) await log.append(encodeEvents(events), timeMs++, 'sync')
    if (isClosed) await log.close()
  }
  return files
}

function filesFrom(golden: readonly HexFile[]): CrashableFiles {
  const files = new CrashableFiles()
  for (const { path, bytes } of golden) files.writeWhole(path, bytes)
  return files
}

describe('the bytes of format version 1', () => {
  test('are what is written today', async () => {
    const files = await writeToday()
    const golden = readHexFiles(GOLDEN)
    expect(golden.map(({ path }) => path).sort()).toEqual(files.paths())
    for (const { path, bytes } of golden) expect(files.readWhole(path), path).toEqual(bytes)
  })

  test('are read back as what was written', async () => {
    const { found, repair } = await openOn(filesFrom(readHexFiles(GOLDEN)))
    expect(found.map(({ events }) => events)).toEqual([...FIRST_SESSION, ...SECOND_SESSION].map(withoutUndefined))
    expect(found.map(({ timeMs }) => timeMs - START_MS)).toEqual([0, 1, 2, 3, 4])
    expect([repair.tornBytes, repair.rewrittenRecords]).toEqual([0, 0])
  })

  test('are those of the worked example in FORMAT.md', () => {
    const golden = new Map(readHexFiles(GOLDEN).map(({ path, bytes }) => [path, bytes]))
    const examples = [...FORMAT.matchAll(/```hex\n([\s\S]*?)```/g)].flatMap(([, text]) => readHexFiles(text ?? ''))
    expect(examples.map(({ path }) => path)).toEqual(['wal/0000000000000001.wal', 'wal/durable'])
    for (const { path, bytes } of examples) expect(bytes, path).toEqual(golden.get(path))
  })
})

/** A field that is absent is not written, so it does not come back. */
function withoutUndefined(events: readonly StoreEvent[]): StoreEvent[] {
  return events.map(
    (event) =>
      Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined)) as unknown as StoreEvent,
  )
}
