import type { Collection, VectorType } from '../store/public.ts'
import type { EvaluatedCollection } from './evaluation.ts'
import { componentsOf, queryOf } from './typed-vector.ts'

/** A collection as it is evaluated: queries and vectors are floats whatever its type; bits are 0 and 1. */
export function asFloats(collection: Collection<object, VectorType>): EvaluatedCollection {
  const { name, dimensions, metric, type } = collection
  return {
    name,
    dimensions,
    metric,
    count: () => collection.count(),
    settled: () => collection.settled(),
    stats: () => collection.stats(),
    search: (query, options) => collection.search(queryOf(query, type, 'the query'), options),
    getMany: async (ids) => {
      const entries = await collection.getMany(ids)
      return entries.map((entry) => entry && { vector: componentsOf(entry.vector, type) })
    },
  }
}
