/** The public API: what the package exports and the command line uses. */
export { ERROR_CODES, type ErrorCode, type ErrorDetails, isStoreError, StoreError } from '../base/errors.ts'
export type { LevelDatabase } from '../base/level-database.ts'
export type { MemoryLedger } from '../engine/memory-ledger.ts'
export type { DistanceMetric as Metric } from '../engine/metric.ts'
export { QUANTIZATION_MODES, type QuantizationMode } from '../engine/quantization.ts'
export { VECTOR_TYPES, type VectorType } from '../engine/vector-type.ts'
export type { BackupReport } from '../replay/backup.ts'
export type { DescribedEvent, DescribedRecord } from '../replay/log-reader.ts'
export type { SalvageReport } from '../replay/salvage.ts'
export type { LeftOut } from '../replay/salvage-snapshot.ts'
export type {
  DamageEffect,
  FoundProblem,
  LsnRange,
  VerifiedSegment,
  VerifiedSnapshot,
  VerifyProblem,
  VerifyReport,
} from '../replay/verify-report.ts'
export type { AddAllOptions, AddResult } from './add-all.ts'
export { Collection, type CollectionInfo, type CollectionStats, type Entry } from './collection.ts'
export { type BackupCallOptions, backupStore, type SalvageCallOptions, salvageStore } from './copies.ts'
export type { SearchFilter } from './filter.ts'
export type { GraphFormStats } from './graph-keeper.ts'
export type { IndexStats } from './index-stats.ts'
export type { CollectionSettings, EntryInput } from './inputs.ts'
export { type ReadLogOptions, readLog, verifyStore } from './inspect.ts'
export { LIMITS } from './limits.ts'
export type { StoreLocation } from './locations.ts'
export type { MemoryStats } from './memory-limit.ts'
export type { OpenOptions, Progress } from './options.ts'
export type { OriginalsStats } from './originals-keeper.ts'
export type { QuantizeOptions } from './quantize.ts'
export type { QuantizeFigures, QuantizeReport } from './quantize-report.ts'
export type { RecallCalibrationStats, RecallPoint } from './recall-calibration.ts'
export type { Hit, SearchOptions, SearchQuery, SearchResult } from './search.ts'
export type { HistoryOptions, SnapshotOptions } from './snapshot-options.ts'
export type { SnapshotCallOptions, SnapshotResult } from './snapshot-result.ts'
export type { SnapshotInfo } from './snapshot-stats.ts'
export type { RecoveryInfo, StoreStats } from './store-stats.ts'
export { type Digest, type DigestOptions, VectorStore, type VerifyStoreOptions } from './vector-store.ts'
export {
  type HalfPrecisionArray,
  type QueryVector,
  toFloat16,
  type VectorInput,
  type VectorOf,
} from './vector-types.ts'
