import { FREE, LINKED, ROW_SLOTS } from '../kernel/assembly-graph/layout.ts'
import { type CompressedRows, exportEdges, transposed } from './csr.ts'
import type { GraphCore } from './graph-core.ts'

const MOST_PROBLEMS = 20

/** What is wrong with a graph, in words; nothing if all is well. */
export function graphProblems(core: GraphCore): string[] {
  const problems: string[] = []
  for (let node = 0; node < core.nodeCount && problems.length < MOST_PROBLEMS; node++) {
    problems.push(...rowProblems(core, node))
  }
  if (problems.length > 0) return problems.slice(0, MOST_PROBLEMS)
  const edges = exportEdges(core)
  problems.push(...incomingProblems(core, transposed(edges)), ...entryProblems(core))
  const lost = unreachableNodes(core, edges)
  if (lost.length > 0) problems.push(`${lost.length} nodes are unreachable, the first is ${lost[0]}`)
  const linked = edges.states.reduce((sum, state) => sum + Number(state === LINKED), 0)
  if (linked !== core.linkedCount) problems.push(`${linked} nodes are linked, but ${core.linkedCount} are counted`)
  return problems.slice(0, MOST_PROBLEMS)
}

function rowProblems(core: GraphCore, node: number): string[] {
  const row = core.row(node)
  const count = row[0]!
  const neighbours = row.subarray(1, count + 1)
  if (count > ROW_SLOTS) return [`node ${node} has a row of ${count}`]
  const problems: string[] = []
  if (core.state(node) !== LINKED && count > 0) problems.push(`node ${node} has a row but is not linked`)
  if (new Set(neighbours).size !== count) problems.push(`node ${node} has a neighbour twice`)
  for (const neighbour of neighbours) {
    if (neighbour === node) problems.push(`node ${node} leads to itself`)
    else if (neighbour >= core.nodeCount) problems.push(`node ${node} leads to ${neighbour}, which does not exist`)
    else if (core.state(neighbour) !== LINKED) problems.push(`node ${node} leads to ${neighbour}, which is not linked`)
  }
  return problems
}

/** A count of 255 has been saturated once and says no more than that. */
function incomingProblems(core: GraphCore, { offsets }: CompressedRows): string[] {
  const problems: string[] = []
  for (let node = 0; node < core.nodeCount; node++) {
    if (core.state(node) === FREE) continue
    const counted = core.inDegree(node)
    const incoming = offsets[node + 1]! - offsets[node]!
    if (counted < 255 && counted !== incoming)
      problems.push(`node ${node} has in-degree ${incoming}, counted ${counted}`)
  }
  return problems
}

function entryProblems(core: GraphCore): string[] {
  const { nodes } = core.entries
  if (core.linkedCount > 0 && nodes.length === 0) return ['there is no entry']
  return [...nodes].filter((node) => core.state(node) !== LINKED).map((node) => `entry ${node} is not linked`)
}

/** Linked nodes that no walk from the first entry comes to. */
export function unreachableNodes(core: GraphCore, { offsets, nodes }: CompressedRows): number[] {
  const reached = new Uint8Array(core.nodeCount)
  const root = core.entries.nodes[0]
  const open = root === undefined ? [] : [root]
  for (const node of open) reached[node] = 1
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) {
      const target = nodes[edge]!
      if (reached[target]) continue
      reached[target] = 1
      open.push(target)
    }
  }
  return Array.from(reached.keys()).filter((node) => !reached[node] && core.state(node) === LINKED)
}
