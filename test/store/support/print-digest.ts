// Replays the fixed log and fails unless it makes what it makes everywhere: for releases and processors on which no test runner runs.
import { deepStrictEqual } from 'node:assert/strict'
import { filesOf } from '../../replay/replay-fixture.ts'
import { FIXED_LOG_DIGEST, fixedLog } from './fixed-log.ts'
import { ON_DEMAND } from './index-fixture.ts'
import { StoreFixture } from './store-fixture.ts'

for (const threads of [0, 2]) {
  const { store } = await StoreFixture.open({ ...ON_DEMAND, threads }, filesOf(...fixedLog()))
  const digest = await store.digest()
  await store.close()
  deepStrictEqual(digest, FIXED_LOG_DIGEST)
  process.stdout.write(
    `Node ${process.version}, ${process.arch}, threads ${threads}: digest ${digest.index} as pinned\n`,
  )
}
