import { expect, test } from 'vitest'
import { CrashableFiles } from '../support/crashable-files.ts'
import { eachCrash } from '../support/each-crash.ts'
import { DrivenStore } from './support/driven-store.ts'
import { workloadHistory } from './support/history.ts'
import { eachWorkloadCrash } from './support/crashed-store.ts'
test('same', async () => {
  const history = await workloadHistory()
  let driven: DrivenStore | undefined
  const old: any[] = []
  for await (const { files, where } of eachCrash(() => new CrashableFiles(), (files) => { driven = new DrivenStore(files); return driven.run(history) }))
    old.push([where, driven!.durableLsn, driven!.acknowledgedLsn, driven!.triedLsn, files.contentHash(), files.pendingSummary()])
  const now: any[] = []
  for await (const { files, where, durableLsn, acknowledgedLsn, triedLsn } of eachWorkloadCrash(history)) now.push([where, durableLsn, acknowledgedLsn, triedLsn, files.contentHash(), files.pendingSummary()])
  expect(now.length).toBe(old.length)
  const diff = old.map((o, i) => [o, now[i]]).filter(([o, n]) => JSON.stringify(o) !== JSON.stringify(n))
  console.log(old.length, diff.length, diff.slice(0, 6).map(([o, n]) => [o.slice(0, 4), n.slice(0, 4), o[4] === n[4], o[5] === n[5]]))
}, 300000)
