import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import { LevelFiles } from '../../src/base/level-files.ts'
import { NodeFiles } from '../../src/base/node-files.ts'
import { describeFiles } from '../suites/files-suite.ts'
import { CrashableFiles } from '../support/crashable-files.ts'

describeFiles(
  'NodeFiles',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'annals-files-'))
    return { files: new NodeFiles(directory), dispose: () => rm(directory, { recursive: true }) }
  },
  { readsNow: true },
)

describeFiles('CrashableFiles', async () => ({ files: new CrashableFiles(), dispose: async () => undefined }), {
  readsNow: true,
})

describeFiles(
  'LevelFiles over memory-level',
  async () => {
    const database = new MemoryLevel()
    return { files: new LevelFiles(database), dispose: () => database.close() }
  },
  { readsNow: false },
)

describeFiles(
  'LevelFiles over classic-level',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'annals-files-'))
    // Encodings of the user's own must not matter.
    const database = new Level<unknown, unknown>(directory, { keyEncoding: 'json', valueEncoding: 'json' })
    const dispose = async () => {
      await database.close()
      await rm(directory, { recursive: true })
    }
    return { files: new LevelFiles(database), dispose }
  },
  { readsNow: false },
)
