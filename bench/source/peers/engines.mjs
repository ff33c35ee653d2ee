// The engines that are compared. An adapter is
//   name, notes, exact         exact: every answer is the truth
//   version(), load()          load throws where the engine is not installed or does not load
//   settings()                 what to build: { name, …, curves: [{ name, efforts, … }] }; a curve is a way to search, an effort a point on it
//   build(directory, source, settings)   leaves everything on disk
//   open(directory, settings)  gives { prepareQuery, useEffort, search, rowsOf, close, settle? }; only `search` is timed, after `settle`:
//                              an engine that answers before it has its index back says so by having one
import { annals } from './annals.mjs'
import { hnswlib, hnswlibNative } from './hnswlib.mjs'
import { lancedb } from './lancedb.mjs'
import { sqliteVec } from './sqlite-vec.mjs'
import { usearch } from './usearch.mjs'
import { zvec } from './zvec.mjs'

export const ENGINES = [annals, hnswlib, hnswlibNative, usearch, zvec, lancedb, sqliteVec]

export function engineNamed(name) {
  const engine = ENGINES.find((candidate) => candidate.name === name)
  if (engine === undefined)
    throw new Error(`no engine '${name}'; there are ${ENGINES.map((each) => each.name).join(', ')}`)
  return engine
}
