// From sums to scores, two rows at once: smaller is nearer.
import { COSINE, DOT } from './layout'

/** `norms` is where the norms of the two rows lie. A squared distance is a score already. */
@inline
export function toScores(metric: u32, sums: v128, norms: usize, queryNorm: f64): v128 {
  if (metric === COSINE) return cosineScores(sums, v128.load(norms), queryNorm)
  return metric === DOT ? f64x2.sub(f64x2.splat(0), sums) : sums
}

/** 1 - dot / (queryNorm * norm), held within [0, 2]. What is no number, by a norm of zero, becomes 2. */
@inline
function cosineScores(dots: v128, norms: v128, queryNorm: f64): v128 {
  const cosines = f64x2.div(dots, f64x2.mul(f64x2.splat(queryNorm), norms))
  const scores = f64x2.sub(f64x2.splat(1), cosines)
  return f64x2.pmax(f64x2.splat(0), f64x2.pmin(f64x2.splat(2), scores))
}

/** Whether all four scores are beyond `worst`; one that is no number is not. */
@inline
export function allBeyond(ab: v128, cd: v128, worst: f64): bool {
  const bound = f64x2.splat(worst)
  return i64x2.all_true(v128.and(f64x2.gt(ab, bound), f64x2.gt(cd, bound)))
}
