import { and, eq, gte, inArray, lt, sql, type SQL } from 'drizzle-orm'
import type { FacilityKind } from '#model/kinds'
import { countRates, countedAs, type CaseCount, type RatedTicket, type Rates } from '#model/ticket-rates'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { tickets } from './schema.ts'

/** What was due in `[from, to)`. `areas`: the asked-for one and all below it. */
export interface RatesFilter {
  from: Millis
  to: Millis
  areas?: string[] | undefined
  crew?: string | undefined
  kind?: FacilityKind | undefined
}

const RATED = {
  firstDueAt: tickets.firstDueAt,
  dueAt: tickets.dueAt,
  deferred: sql<boolean>`${tickets.pauses} @> '[{"why":"deferred"}]'`,
  closedAt: tickets.closedAt,
  resolvedAt: tickets.resolvedAt,
  closeReason: tickets.closeReason,
  returns: tickets.returns,
  rework: tickets.rework,
  bornCleared: tickets.bornCleared,
  oneStep: tickets.oneStep
}

const dueIn = ({ from, to, areas, crew, kind }: RatesFilter): SQL | undefined =>
  and(
    gte(tickets.firstDueAt, from),
    lt(tickets.firstDueAt, to),
    areas && inArray(tickets.area, areas),
    crew === undefined ? undefined : eq(tickets.crew, crew),
    kind === undefined ? undefined : eq(tickets.facilityKind, kind)
  )

/** The rates of a period, always counted anew. */
export async function ticketRates(db: Database, filter: RatesFilter): Promise<Rates> {
  const rows = await db.select(RATED).from(tickets).where(dueIn(filter))
  return countRates(rows as RatedTicket[], filter.to)
}

const KEYS = { area: tickets.area, crew: tickets.crew, kind: tickets.facilityKind } as const

/**
 * The same for each of several groups, by one question to the database; a group without a case is left out. `groupsOf`: all
 * groups that a ticket with this area, crew or kind belongs to.
 */
export async function ratesBy(
  db: Database,
  filter: RatesFilter,
  { by, groupsOf }: { by: keyof typeof KEYS; groupsOf: (key: string | null) => readonly (string | null)[] }
): Promise<{ key: string | null; rates: Rates }[]> {
  const rows = await db
    .select({ ...RATED, key: KEYS[by] })
    .from(tickets)
    .where(dueIn(filter))
  const groups = new Map<string | null, RatedTicket[]>()
  for (const { key, ...ticket } of rows)
    for (const group of groupsOf(key)) {
      const its = groups.get(group) ?? []
      its.push(ticket as RatedTicket)
      groups.set(group, its)
    }
  return [...groups]
    .map(([key, its]) => ({ key, rates: countRates(its, filter.to) }))
    .filter(({ rates }) => rates.due > 0 || rates.oneStep > 0)
}

/** The ids of the tickets behind one of the numbers, newest deadline first. */
export async function casesOf(db: Database, filter: RatesFilter & { counted: CaseCount }): Promise<string[]> {
  const rows = await db
    .select({ ...RATED, id: tickets.id })
    .from(tickets)
    .where(dueIn(filter))
  return rows
    .filter(row => countedAs(row as RatedTicket, filter.to).includes(filter.counted))
    .toSorted((a, b) => b.firstDueAt - a.firstDueAt)
    .map(({ id }) => id)
}
