import type { LoggedPlan } from '../events.ts'
import { type GraphOptions, LEAST_SCALE, MOST_SCALE, type WalkCodes } from '../graph/graph-parameters.ts'
import type { Metric } from '../metric.ts'

/** What a new graph is told about its vectors; logged, so that replay never measures. */
export interface GraphPlan {
  readonly walkCodes: WalkCodes
  /** A power of two, from `LEAST_SCALE` to `MOST_SCALE`. */
  readonly scale: number
  /** Euclidean only; zero where there is none. */
  readonly centre: Float32Array | undefined
}

/** A plan as the options of the graph that it is for. */
export function planOptions({
  walkCodes,
  scale,
  centre,
}: GraphPlan): Pick<GraphOptions, 'walkCodes' | 'scale' | 'centre'> {
  return { walkCodes, scale, ...(centre && { centre }) }
}

/** The centre as an event carries it: little-endian float32, in memory of their own. */
export function centreBytes({ centre }: GraphPlan): Uint8Array | undefined {
  return centre && new Uint8Array(centre.slice().buffer)
}

/** The fields that an event gives a plan. */
export function loggedPlan(plan: GraphPlan): LoggedPlan {
  const { walkCodes, scale } = plan
  const centre = centreBytes(plan)
  return { walkCodes, scale, ...(centre && { centre }) }
}

/** The plan that an event carries, of which {@link isGraphPlan} holds. */
export function planOfEvent({ walkCodes, scale, centre }: LoggedPlan): GraphPlan {
  return { walkCodes, scale, centre: centre && floatsOf(centre) }
}

/** Whether a value, which may be anything, has the fields of a plan for such vectors; it may have others too. */
export function isGraphPlan(value: unknown, dimensions: number, metric: Metric): value is LoggedPlan {
  if (typeof value !== 'object' || value === null) return false
  const { walkCodes, scale, centre } = value as { readonly [Field in keyof LoggedPlan]?: unknown }
  if (walkCodes !== 'narrow' && walkCodes !== 'wide') return false
  if (!isScale(scale)) return false
  return centre === undefined || (metric === 'euclidean' && isCentre(centre, dimensions))
}

function isScale(value: unknown): boolean {
  if (typeof value !== 'number' || !(value >= LEAST_SCALE && value <= MOST_SCALE)) return false
  let rest = value
  while (rest >= 2) rest /= 2
  while (rest < 1) rest *= 2
  return rest === 1
}

function isCentre(value: unknown, dimensions: number): boolean {
  return isBytes(value) && value.byteLength === dimensions * 4 && floatsOf(value).every(Number.isFinite)
}

/** By tag, so that bytes of another realm count. */
function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}

/** A copy, because a decoder may leave bytes at any offset and numbers cannot stand there. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.byteLength / 4)
  new Uint8Array(floats.buffer).set(bytes)
  return floats
}
