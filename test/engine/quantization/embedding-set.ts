import { Random } from '../../support/random.ts'

const LATENT = 64
const CLUSTERS = 40

export interface RowSet {
  readonly dimensions: number
  readonly rows: readonly Float32Array[]
}

/** As bench/source/peers/hard-768.mjs, smaller: some dozen dimensions of falling variance, overlapping clusters, and noise. */
export function embeddingSet(count: number, dimensions: number, seed: number): RowSet {
  const random = new Random(seed)
  const normal = () => {
    let sum = -6
    for (let i = 0; i < 12; i++) sum += random.nextUnit()
    return sum
  }
  const deviations = Float64Array.from({ length: LATENT }, (_, i) => 1 / Math.sqrt(Math.sqrt(i + 1)))
  const scale = 1 / Math.sqrt(1.49 * deviations.reduce((sum, deviation) => sum + deviation * deviation, 0))
  const basis = Float64Array.from({ length: dimensions * LATENT }, () => scale * normal())
  const centres = Float64Array.from({ length: CLUSTERS * LATENT }, () => 0.7 * normal())
  const rows = Array.from({ length: count }, () => {
    const cluster = random.nextInt(CLUSTERS) * LATENT
    const point = deviations.map((deviation, i) => (centres[cluster + i]! + normal()) * deviation)
    return Float32Array.from({ length: dimensions }, (_, component) => {
      let sum = 0.2 * normal()
      for (let i = 0; i < LATENT; i++) sum += basis[component * LATENT + i]! * point[i]!
      return sum
    })
  })
  return { dimensions, rows }
}

export function meanOf(rows: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(rows[0]!.length)
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i]! += row[i]! / rows.length
  return mean
}

/** Of vectors divided by their lengths. */
export function meanDirectionOf(rows: readonly Float32Array[]): Float64Array {
  return meanOf(
    rows.map((row) => {
      const length = Math.sqrt(row.reduce((sum, component) => sum + component * component, 0))
      return row.map((component) => component / length)
    }),
  )
}
