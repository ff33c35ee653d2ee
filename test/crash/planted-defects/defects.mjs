// Mistakes that someone could make, each as one change of the sources, and the test that must then fail. `find` stands exactly
// once in `file`; where the sources move on, the script that applies these says so, and the defect is to be moved with them.

const sweep = { file: 'test/crash/sweep.test.ts', filter: 'and a power loss' }
const syncFailures = { file: 'test/crash/sync-failures.test.ts', filter: 'loses nothing' }
const ioErrors = { file: 'test/crash/io-errors.test.ts', filter: 'at any call' }
const fullDisk = { file: 'test/crash/io-errors.test.ts', filter: 'full at every write' }
const flips = { file: 'test/crash/damage.test.ts', filter: 'every bit flipped' }
const newer = { file: 'test/crash/damage.test.ts', filter: 'a newer format is refused' }
const compaction = { file: 'test/crash/compaction.test.ts', filter: 'at every mutating operation' }
const snapshots = { file: 'test/crash/snapshot-sweep.test.ts', filter: 'and a power loss' }
const snapshotDamage = { file: 'test/crash/snapshot-damage.test.ts', filter: 'every byte changed' }
const exchanged = { file: 'test/crash/snapshot-damage.test.ts', filter: 'are never taken for their own' }
const readBack = { file: 'test/crash/snapshot-damage.test.ts', filter: 'is never published' }
const equivalence = { file: 'test/replay/snapshot-equivalence.test.ts', filter: 'still to be built' }
const retention = { file: 'test/store/retention.test.ts', filter: 'removes nothing where the older one' }
const logFirst = { file: 'test/store/snapshots.test.ts', filter: 'is published only when the log' }
const dropping = { file: 'test/wal/drop-below.test.ts', filter: 'by a crash at any operation' }
const coldRows = { file: 'test/engine/cold-rows.test.ts', filter: 'block by block' }
const coldDamage = { file: 'test/store/quantize-damage.test.ts', filter: 'names a damaged chunk' }
const eviction = { file: 'test/store/quantize-damage.test.ts', filter: 'its snapshot does not hold' }
const measuring = { file: 'test/store/quantize-damage.test.ts', filter: 'is logged does not fail' }
const pinning = { file: 'test/snapshots/graph-source.test.ts', filter: 'keeps its files' }
const shortWorkload = { file: 'test/crash/snapshot-workload.test.ts', filter: 'answer each call' }
const workload = { file: 'test/crash/workload.test.ts', filter: 'answers each call' }

export const DEFECTS = [
  {
    name: 'the directory is not synced after a segment is published',
    file: 'src/wal/segment-file.ts',
    find: 'await syncOnce(() => files.syncDirectory(WAL_DIRECTORY))',
    replace: '',
    test: sweep,
  },
  {
    name: 'a segment gets its name before its header is synced',
    file: 'src/wal/segment-writer.ts',
    find: 'await syncOnce(() => segment.file.sync())',
    replace: '',
    test: sweep,
  },
  {
    name: 'a write is acknowledged before it is synced',
    file: 'src/wal/log.ts',
    find: 'if (group.needsSync) await this.#makeDurable()',
    replace: 'if (group.hasBarrier) await this.#makeDurable()',
    test: sweep,
  },
  {
    name: 'store.sync() resolves without a sync',
    file: 'src/wal/group-queue.ts',
    find: 'needsSync: true,',
    replace: 'needsSync: false,',
    test: sweep,
  },
  {
    name: 'the durable mark is advanced before the sync',
    file: 'src/wal/log.ts',
    find: 'await writer.sync()',
    replace: 'await this.#mark.advance(writer.end)\n    await writer.sync()',
    test: sweep,
  },
  {
    name: 'an fsync that failed is called again',
    file: 'src/wal/sync-failure.ts',
    find: 'throw new SyncFailure(error)',
    replace: 'await sync().catch(() => {\n      throw new SyncFailure(error)\n    })',
    test: syncFailures,
  },
  {
    name: 'recovery trusts the page cache: it syncs what lies above the mark instead of writing it again',
    file: 'src/wal/log-repair.ts',
    find: 'const rewrittenRecords = last.sealed ? 0 : last.end.lsn - from.lsn',
    replace: `const rewrittenRecords = 0
  const cached = await files.open(last.path, 'update')
  await cached.sync()
  await cached.close()`,
    test: syncFailures,
  },
  {
    name: 'the chain of a record is not checked',
    file: 'src/wal/segment-scan.ts',
    find: "if (chain !== storedChain(bytes)) return defect('the chain of a record is wrong')",
    replace: '',
    test: flips,
  },
  {
    name: 'a length is believed before the checksum of its header',
    file: 'src/wal/record.ts',
    find: "if (view.getUint32(RECORD_CHECKSUM_OFFSET, true) !== headerChecksum(bytes, seed, checksum)) return 'checksum'",
    replace: '',
    test: flips,
  },
  {
    name: 'a tail is cut though the durable mark covers it',
    file: 'src/wal/log-walk.ts',
    find: "end.lsn < (this.#knownLsn ?? 0) ? 'covered' : 'beyond'",
    replace: "'beyond'",
    test: flips,
  },
  {
    name: 'a newer format is taken for damage',
    file: 'src/wal/segment-header.ts',
    find: "if (version > FORMAT_VERSION) return { kind: 'newer', version }",
    replace: '',
    test: newer,
  },
  {
    name: 'a torn tail is cut without having been copied away',
    file: 'src/wal/quarantine.ts',
    find: 'await copyBytes(source, offset, target, 0, (await source.size()) - offset)',
    replace: '',
    test: sweep,
  },
  {
    name: 'a write that a full disk ended is not taken back',
    file: 'src/wal/segment-writer.ts',
    find: 'await this.#file.truncate(size)',
    replace: '',
    test: fullDisk,
  },
  {
    name: 'the taking back of a write is not synced',
    file: 'src/wal/segment-writer.ts',
    find: 'await this.#file.truncate(size)\n      await this.#file.sync()',
    replace: 'await this.#file.truncate(size)',
    test: fullDisk,
  },
  {
    name: 'writes that wait behind a failed one go ahead',
    file: 'src/wal/log.ts',
    find: '    this.#queue.rejectAll(rejection)\n',
    replace: '',
    test: ioErrors,
  },
  {
    name: 'a short write is taken for a whole one',
    file: 'src/base/files.ts',
    find: 'while (written < bytes.byteLength) {',
    replace: 'if (bytes.byteLength > 0) {',
    test: ioErrors,
  },
  {
    name: 'half of a batch is applied',
    file: 'src/engine/apply-event.ts',
    find: 'const { winners, norms } = checked',
    replace:
      'const { norms } = checked\n  const winners = checked.winners.slice(0, Math.ceil(checked.winners.length / 2))',
    test: workload,
  },
  {
    name: 'an entry that is replaced leaves the wrong slot tombstoned',
    file: 'src/engine/collection-state.ts',
    find: 'if (earlier !== undefined) this.#bury(earlier)',
    replace: 'if (earlier !== undefined) this.#bury(earlier === 0 ? 0 : earlier - 1)',
    test: workload,
  },
  {
    name: 'a write is judged by the state without what is queued',
    file: 'src/store/admission.ts',
    find: 'if (create !== undefined) return create',
    replace: '',
    test: workload,
  },
  {
    name: 'records are delivered out of order',
    file: 'src/wal/log.ts',
    find: 'for (const item of committed.group.items) {',
    replace: 'for (const item of [...committed.group.items].reverse()) {',
    test: workload,
  },
  {
    name: "the caller's arrays are read after the call has returned",
    file: 'src/store/collection.ts',
    find: 'const fields = copyEntries(',
    replace: 'await undefined\n    const fields = copyEntries(',
    test: workload,
  },
  {
    name: 'a consolidation takes what is dead when it runs, not when it was ordered',
    file: 'src/engine/index/index-work.ts',
    find: 'if (isDeadNode(slots, node, dead)) setBit(deadNodes, node)',
    replace: 'if (slots.firstSlot(node) !== undefined && !built.live.has(node)) setBit(deadNodes, node)',
    test: workload,
  },
  {
    name: 'index work runs in another order than it was ordered in',
    file: 'src/engine/index/index-jobs.ts',
    find: 'return this.#tasks.shift()',
    replace: 'return this.#tasks.pop()',
    test: workload,
  },
  {
    name: 'what is to be linked counts as linked before it is',
    file: 'src/engine/index/disk-ann-index.ts',
    find: 'this.#served = await this.#runner!.run(task, this.#served)',
    replace: `const before = this.#served
      if (task.kind === 'insert') this.#served = { ...before, builtThrough: task.throughSlot }
      this.#served = await this.#runner!.run(task, before)`,
    test: workload,
  },
  {
    name: 'a new graph depends on the one before it',
    file: 'src/engine/index/index-task-runner.ts',
    find: 'dimensions, metric, seed, ...planOptions',
    replace: 'dimensions, metric, seed: seed + served.builtThrough, ...planOptions',
    test: workload,
  },
  {
    name: 'a consolidation makes the work before it needless',
    file: 'src/engine/index/index-jobs.ts',
    find: "if (task.kind === 'bulk' || task.kind === 'forget') {",
    replace: "if (task.kind === 'bulk' || task.kind === 'forget' || task.kind === 'consolidate') {",
    test: sweep,
  },
  {
    name: 'a graph that is being built is not told of deaths',
    file: 'src/engine/index/disk-ann-index.ts',
    find: 'this.#runner?.building?.noteDeath(slot)',
    replace: '',
    test: workload,
  },
  {
    name: 'a compaction leaves the documents behind',
    file: 'src/engine/collection-state.ts',
    find: 'this.#appendEntry(ids.borrow(slot)!, document)',
    replace: 'this.#appendEntry(ids.borrow(slot)!, undefined)',
    test: compaction,
  },
  {
    name: 'entries that a compaction moved lose their nodes',
    file: 'src/engine/index/index-work.ts',
    find: 'built.replaceSlots(node, [...built.slots.borrowSlots(node).filter((slot) => slot !== from), to])',
    replace: 'built.replaceSlots(node, built.slots.borrowSlots(node))',
    test: compaction,
  },
  {
    name: 'a manifest gets its name before the parts are synced',
    file: 'src/snapshots/sync-queue.ts',
    find: 'await file.sync()',
    replace: '',
    test: snapshots,
  },
  {
    name: 'a manifest gets its name before the entries of its parts are on disk',
    file: 'src/snapshots/writer.ts',
    find: 'await files.syncDirectory(SNAPSHOT_DIRECTORY)\n  return parts',
    replace: 'return parts',
    test: snapshots,
  },
  {
    name: 'the directory is not synced after a snapshot is published',
    file: 'src/snapshots/writer.ts',
    find: 'await files.rename(temporary, manifestPath(manifest.position.lsn))\n  await files.syncDirectory(SNAPSHOT_DIRECTORY)',
    replace: 'await files.rename(temporary, manifestPath(manifest.position.lsn))',
    test: snapshots,
  },
  {
    name: 'a manifest gets its name before it is synced',
    file: 'src/snapshots/manifest-file.ts',
    find: 'await file.sync()',
    replace: '',
    test: snapshots,
  },
  {
    name: 'a snapshot is published without having been read back',
    file: 'src/snapshots/writer.ts',
    find: 'await verifyParts(files, manifest, { ...options, onBytes }, isWritten)',
    replace: 'void [onBytes, isWritten, verifyParts]',
    test: readBack,
  },
  {
    name: 'a snapshot is published before the log is synced through it',
    file: 'src/store/snapshot-keeper.ts',
    find: 'await recovered.log!.sync()\n    const written',
    replace: 'const written',
    test: logFirst,
  },
  {
    name: 'the log is dropped above the older snapshot',
    file: 'src/store/retention.ts',
    find: 'if (boundLsn === undefined) return { lsns, logFromLsn: Math.min(...lsns) + 1 }',
    replace: 'if (boundLsn === undefined) return { lsns, logFromLsn: Math.max(...lsns) + 1 }',
    test: snapshots,
  },
  {
    name: 'nothing is read again before what it replaces is removed',
    file: 'src/store/retention.ts',
    find: 'if (damaged !== undefined) return { kept: manifests, droppedLogBytes: 0, damaged }',
    replace: '',
    test: retention,
  },
  {
    name: 'parts go before the manifest that names them is gone for good',
    file: 'src/snapshots/snapshot-set.ts',
    find: 'for (const path of manifests) await removeIfPresent(files, path)\n    await files.syncDirectory(SNAPSHOT_DIRECTORY)',
    replace: 'for (const path of manifests) await removeIfPresent(files, path)',
    test: snapshots,
  },
  {
    name: 'a segment of the log is removed before the one in front of it is gone for good',
    file: 'src/wal/finished-segments.ts',
    find: 'await this.#files.syncDirectory(WAL_DIRECTORY)',
    replace: '',
    test: dropping,
  },
  {
    name: 'the log behind a snapshot is applied from its own record on',
    file: 'src/wal/log-walk.ts',
    find: 'if (after === undefined || record.lsn > after.lsn) return',
    replace: 'if (after === undefined || record.lsn >= after.lsn) return',
    test: equivalence,
  },
  {
    name: 'a damaged part is taken for a whole one',
    file: 'src/snapshots/part-reader.ts',
    find: "if (this.#sums.whole !== this.#entry.checksum) throw corrupt(this.path, 'it is not the file that was written')",
    replace: '',
    test: exchanged,
  },
  {
    name: 'a damaged manifest is taken for a whole one',
    file: 'src/snapshots/manifest-decoder.ts',
    find: "throw corrupt(path, 'the checksum is wrong')",
    replace: 'void path',
    test: snapshotDamage,
  },
  {
    name: 'a part that changed is shared as long as it has its length',
    file: 'src/snapshots/sharing.ts',
    find: 'return checksum === earlier.checksum',
    replace: 'return checksum !== undefined',
    test: snapshots,
  },
  {
    name: 'a part that was written before its chunk was full is shared for good',
    file: 'src/snapshots/sharing.ts',
    find: 'const rows = Math.min(content.slotCount, earlier.slotCount)',
    replace: 'const rows = content.slotCount',
    test: snapshots,
  },
  {
    name: 'the log of another history is refused rather than the snapshot passed over',
    file: 'src/wal/log-walk.ts',
    find: 'if (isFirst && after !== undefined && isForeign) throw contradiction(path, lsn, reason)',
    replace: 'void isForeign',
    test: exchanged,
  },
  {
    name: 'the position of a snapshot is looked up when its graphs are there',
    file: 'src/store/snapshot-capture.ts',
    find: 'return { capture: await unlessAborted(capturing, signal), applied }',
    replace: 'return { capture: await unlessAborted(capturing, signal), applied: positionOf() ?? applied }',
    test: snapshots,
  },
  {
    name: 'a snapshot forgets the modes of its collections',
    file: 'src/snapshots/manifest-encoder.ts',
    find: 'QUANTIZATION_MODES.indexOf(record.quantization), true)',
    replace: '0, true)\n  void QUANTIZATION_MODES',
    test: shortWorkload,
  },
  {
    name: 'a switch of the mode is logged and not applied',
    file: 'src/engine/apply-event.ts',
    find: 'collection.quantize(event.mode)',
    replace: '',
    test: workload,
  },
  {
    name: 'vectors of a mode stay in memory though a snapshot holds them',
    file: 'src/snapshots/cold-chunks.ts',
    find: "return originals === 'disk' || quantization !== 'none'",
    replace: "return originals === 'disk'",
    test: snapshots,
  },
  {
    name: 'a switch that the log has behind the snapshot is not followed at opening',
    file: 'src/store/store-core.ts',
    find: 'this.originals.considerAll()',
    replace: '',
    test: snapshots,
  },
  {
    name: 'vectors leave memory before the snapshot that holds them was read again',
    file: 'src/snapshots/move-vectors.ts',
    find: 'await usePart(files, manifest.storeId, part, tools, (reader) => reader.skipRest())',
    replace: 'void usePart',
    test: eviction,
  },
  {
    name: 'vectors that are read from disk are not verified',
    file: 'src/snapshots/part-range.ts',
    find: "if (found !== window.view.getBigUint64(contentEnd, true)) throw this.#corrupt('a checksum is wrong', page)",
    replace: 'void found',
    test: coldDamage,
  },
  {
    name: 'a chunk counts as back in memory before all of it is',
    file: 'src/engine/row-blocks.ts',
    find: 'const source = cold[chunk]\n    for (let row = 0; row < CHUNK_SLOTS; row += rowsPerBlock) {\n      if (source === undefined || cold[chunk] !== source) return',
    replace:
      'const source = cold[chunk]\n    cold[chunk] = undefined\n    for (let row = 0; row < CHUNK_SLOTS; row += rowsPerBlock) {\n      if (source === undefined) return',
    test: coldRows,
  },
  {
    name: 'files go that a graph in memory still needs',
    file: 'src/snapshots/snapshot-set.ts',
    find: '!needed.has(path) && pinned?.has(path) !== true)',
    replace: '!needed.has(path))',
    test: pinning,
  },
  {
    name: 'verify does not read what it leaves on disk',
    file: 'src/replay/verify-snapshots.ts',
    find: 'if (options.cold !== undefined && (await checks.findDamage(manifest))) return { problems: [] }',
    replace: '',
    test: coldDamage,
  },
  {
    name: 'a switch that is in the log fails because it cannot be measured',
    file: 'src/store/quantize.ts',
    find: 'if (READING_FAILED.some((code) => isStoreError(error, code))) return meter.unmeasured()',
    replace: '',
    test: measuring,
  },
]
