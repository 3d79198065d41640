import { and, inArray, isNull, or, sql, type SQL } from 'drizzle-orm'
import { tickets } from './schema.ts'

/** The tickets of these crews, and of these areas those that no crew has. */
export interface Sight {
  crews: readonly string[]
  areas: readonly string[]
}

/** Answers for one ticket after the other; undefined sees all. */
export function seenBy(
  sight: Sight | undefined
): (ticket: { crew: string | null; area: string | null }) => boolean {
  if (!sight) return () => true
  const [crews, areas] = [new Set(sight.crews), new Set(sight.areas)]
  return ({ crew, area }) => (crew === null ? area !== null && areas.has(area) : crews.has(crew))
}

/** The same as a condition on rows. */
export function sightCondition({ crews, areas }: Sight): SQL | undefined {
  const within = (column: typeof tickets.crew | typeof tickets.area, ids: readonly string[]) =>
    ids.length > 0 ? inArray(column, [...ids]) : sql`false`
  return or(within(tickets.crew, crews), and(isNull(tickets.crew), within(tickets.area, areas)))
}
