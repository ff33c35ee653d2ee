// What is nearest, by comparing every query with every row in float64; kept in bench/data/ under the hash of the data.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { showProgress } from './progress.mjs'
import { openVectorSource, readVectorFile } from './vector-file.mjs'

/** Kept beyond k, so that rows exactly as far as the k-th count as right answers too. */
const SPARE = 8
const QUERIES_AT_ONCE = 4

/** @returns {number[][]} for each query its nearest rows, and those that tie with the last of them */
export function loadTruth(dataSet, part, queryCount, k) {
  const path = join(dataSet.directory, `truth-${part}-${dataSet.hash}-${k}.json`)
  if (existsSync(path)) {
    const truth = JSON.parse(readFileSync(path, 'utf8'))
    if (truth.length >= queryCount) return truth.slice(0, queryCount)
  }
  const truth = computeTruth(dataSet, part, queryCount, k)
  writeFileSync(`${path}.tmp`, JSON.stringify(truth))
  renameSync(`${path}.tmp`, path)
  return truth
}

function computeTruth({ files, dimensions, metric, count, name }, part, queryCount, k) {
  // The queries lie as float64 in groups, so that a row is brought once for each group.
  const queries = Float64Array.from(readVectorFile(files[part]).subarray(0, queryCount * dimensions))
  const groups = Math.ceil(queryCount / QUERIES_AT_ONCE)
  const padded = new Float64Array(groups * QUERIES_AT_ONCE * dimensions)
  padded.set(queries)
  if (metric === 'cosine') normalizeRows(padded, dimensions)
  const kept = Array.from({ length: queryCount }, () => createNearest(k + SPARE))
  const row = new Float64Array(dimensions)
  const distances = new Float64Array(QUERIES_AT_ONCE)
  const measure = metric === 'cosine' ? cosineDistances : squaredDistances
  for (const { first, rows, vectors } of openVectorSource(files.base, dimensions).batches(1000)) {
    showProgress(`${name}: exact neighbours of the ${part}`, first, count)
    for (let index = 0; index < rows; index += 1) {
      for (let at = 0; at < dimensions; at += 1) row[at] = vectors[index * dimensions + at]
      if (metric === 'cosine') normalizeRows(row, dimensions)
      for (let group = 0; group < groups; group += 1) {
        measure(row, padded, group * QUERIES_AT_ONCE * dimensions, distances)
        const here = Math.min(QUERIES_AT_ONCE, queryCount - group * QUERIES_AT_ONCE)
        for (let lane = 0; lane < here; lane += 1)
          offer(kept[group * QUERIES_AT_ONCE + lane], distances[lane], first + index)
      }
    }
  }
  showProgress(`${name}: exact neighbours of the ${part}`, count, count)
  return kept.map(({ rows, distances: sorted }) => rows.filter((_, rank) => sorted[rank] <= sorted[k - 1]))
}

function normalizeRows(values, dimensions) {
  for (let from = 0; from < values.length; from += dimensions) {
    let sum = 0
    for (let at = from; at < from + dimensions; at += 1) sum += values[at] * values[at]
    const scale = sum === 0 ? 0 : 1 / Math.sqrt(sum)
    for (let at = from; at < from + dimensions; at += 1) values[at] *= scale
  }
}

/** Of vectors of length one: minus their cosine, which has the same order as 1 - cos. */
function cosineDistances(row, queries, from, distances) {
  const dimensions = row.length
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0]
  for (let at = 0; at < dimensions; at += 1) {
    const value = row[at]
    sum0 += value * queries[from + at]
    sum1 += value * queries[from + dimensions + at]
    sum2 += value * queries[from + 2 * dimensions + at]
    sum3 += value * queries[from + 3 * dimensions + at]
  }
  distances[0] = -sum0
  distances[1] = -sum1
  distances[2] = -sum2
  distances[3] = -sum3
}

function squaredDistances(row, queries, from, distances) {
  const dimensions = row.length
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0]
  for (let at = 0; at < dimensions; at += 1) {
    const value = row[at]
    const apart0 = value - queries[from + at]
    const apart1 = value - queries[from + dimensions + at]
    const apart2 = value - queries[from + 2 * dimensions + at]
    const apart3 = value - queries[from + 3 * dimensions + at]
    sum0 += apart0 * apart0
    sum1 += apart1 * apart1
    sum2 += apart2 * apart2
    sum3 += apart3 * apart3
  }
  distances[0] = sum0
  distances[1] = sum1
  distances[2] = sum2
  distances[3] = sum3
}

function createNearest(capacity) {
  return { distances: new Array(capacity).fill(Number.POSITIVE_INFINITY), rows: new Array(capacity).fill(-1) }
}

/** Keeps the nearest sorted; rows come in order, so of two as far the earlier stays in front. */
function offer({ distances, rows }, distance, row) {
  let at = rows.length - 1
  if (distance >= distances[at]) return
  for (; at > 0 && distances[at - 1] > distance; at -= 1) {
    distances[at] = distances[at - 1]
    rows[at] = rows[at - 1]
  }
  distances[at] = distance
  rows[at] = row
}
