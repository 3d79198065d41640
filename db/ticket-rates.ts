import { and, desc, eq, gte, inArray, lt, sql, type SQL } from 'drizzle-orm'
import type { FacilityKind } from '#model/kinds'
import type { Satisfaction } from '#model/report-follow'
import { CASE_COUNT_IDS, ratesOf, type CaseCount, type Rates } from '#model/ticket-rates'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { ratings, tickets } from './schema.ts'
import { sightCondition, type Sight } from './ticket-sight.ts'

/** What was due in `[from, to)`. `areas`: the asked-for one and all below it. */
export interface RatesFilter {
  from: Millis
  to: Millis
  areas?: string[] | undefined
  crew?: string | undefined
  kind?: FacilityKind | undefined
}

/** The rates of what was due in a period, and what reporters said in it. */
export type PeriodRates = Rates & Satisfaction

const of = ({ areas, crew, kind }: RatesFilter): SQL | undefined =>
  and(
    areas && inArray(tickets.area, areas),
    crew === undefined ? undefined : eq(tickets.crew, crew),
    kind === undefined ? undefined : eq(tickets.facilityKind, kind)
  )

const dueIn = (filter: RatesFilter): SQL | undefined =>
  and(gte(tickets.firstDueAt, filter.from), lt(tickets.firstDueAt, filter.to), of(filter))

/** `countedAs` of model/ticket-rates.ts in the words of the database, which reads a year of tickets without handing them over; a test holds both together. */
function counts(to: Millis): Record<CaseCount, SQL> {
  const t = tickets
  const end = sql`${new Date(to).toISOString()}::timestamptz`
  const noCase = sql`(${t.bornCleared} or coalesce(${t.closeReason} in ('void', 'merged'), false))`
  const due = sql`not ${noCase} and not ${t.oneStep}`
  const over = sql`coalesce(${t.closedAt} < ${end}, false)`
  const closed = sql`${due} and ${over}`
  return {
    due,
    deferred: sql`${due} and not ${over} and ${t.pauses} @> '[{"why":"deferred"}]' and ${t.dueAt} >= ${end}`,
    closed,
    onTime: sql`${closed} and coalesce(${t.resolvedAt}, ${t.closedAt}) <= ${t.dueAt}`,
    returned: sql`${closed} and (${t.returns} > 0 or ${t.rework})`,
    oneStep: sql`not ${noCase} and ${t.oneStep}`
  }
}

const counted = (to: Millis): Record<CaseCount, SQL<number>> => {
  const conditions = counts(to)
  const all = CASE_COUNT_IDS.map(id => [id, sql<number>`count(*) filter (where ${conditions[id]})::int`])
  return Object.fromEntries(all) as Record<CaseCount, SQL<number>>
}

const said = { rated: sql<number>`count(*)::int`, stars: sql<number>`sum(${ratings.stars})::int` }
type Said = { rated: number; stars: number }
const saidIn = (filter: RatesFilter): SQL | undefined =>
  and(gte(ratings.at, filter.from), lt(ratings.at, filter.to), of(filter))
const satisfactionOf = ({ rated, stars }: Said): Satisfaction => ({
  rated,
  starsAvg: rated === 0 ? null : Math.round((100 * stars) / rated) / 100
})

/** The rates of a period, always counted anew. Ratings count in the period in which they were given. */
export async function ticketRates(db: Database, filter: RatesFilter): Promise<PeriodRates> {
  const [cases] = await db.select(counted(filter.to)).from(tickets).where(dueIn(filter))
  const [told] = await db
    .select(said)
    .from(ratings)
    .innerJoin(tickets, eq(tickets.id, ratings.ticket))
    .where(saidIn(filter))
  return {
    ...ratesOf(cases ?? nothing()),
    ...satisfactionOf({ rated: told?.rated ?? 0, stars: told?.stars ?? 0 })
  }
}

const KEYS = { area: tickets.area, crew: tickets.crew, kind: tickets.facilityKind } as const
const nothing = (): Record<CaseCount, number> => ({
  ...{ due: 0, deferred: 0, closed: 0, onTime: 0, returned: 0, oneStep: 0 }
})

/**
 * The same for each of several groups; a group without a case is left out. `groupsOf`: all groups that a ticket with
 * this area, crew or kind belongs to.
 */
export async function ratesBy(
  db: Database,
  filter: RatesFilter,
  { by, groupsOf }: { by: keyof typeof KEYS; groupsOf: (key: string | null) => readonly (string | null)[] }
): Promise<{ key: string | null; rates: PeriodRates }[]> {
  const key = KEYS[by]
  const cases = await db
    .select({ key, ...counted(filter.to) })
    .from(tickets)
    .where(dueIn(filter))
    .groupBy(key)
  const told = await db
    .select({ key, ...said })
    .from(ratings)
    .innerJoin(tickets, eq(tickets.id, ratings.ticket))
    .where(saidIn(filter))
    .groupBy(key)
  const groups = new Map<string | null, Record<CaseCount, number> & Said>()
  for (const { key, ...its } of [...cases, ...told])
    for (const group of groupsOf(key)) {
      const sum = groups.get(group) ?? { ...nothing(), rated: 0, stars: 0 }
      for (const [name, n] of Object.entries(its) as [keyof typeof sum, number][]) sum[name] += n
      groups.set(group, sum)
    }
  return [...groups]
    .map(([key, { rated, stars, ...sum }]) => ({
      key,
      rates: { ...ratesOf(sum), ...satisfactionOf({ rated, stars }) }
    }))
    .filter(({ rates }) => rates.due > 0 || rates.oneStep > 0 || rates.rated > 0)
}

/** The ids of the tickets behind one of the numbers, newest deadline first. */
export async function casesOf(
  db: Database,
  filter: RatesFilter & { counted: CaseCount; limit: number; sight?: Sight | undefined }
): Promise<string[]> {
  const rows = await db
    .select({ id: tickets.id })
    .from(tickets)
    .where(
      and(dueIn(filter), counts(filter.to)[filter.counted], filter.sight && sightCondition(filter.sight))
    )
    .orderBy(desc(tickets.firstDueAt), desc(tickets.id))
    .limit(filter.limit)
  return rows.map(({ id }) => id)
}
