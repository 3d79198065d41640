import { and, eq, gte, inArray, lt, sql } from 'drizzle-orm'
import type { FacilityKind } from '#model/kinds'
import { countRates, type RatedTicket, type Rates } from '#model/ticket-rates'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { tickets } from './schema.ts'

/** The rates of what was due in `[from, to)`, always counted anew. `areas`: the asked-for one and all below it. */
export async function ticketRates(
  db: Database,
  {
    from,
    to,
    areas,
    crew,
    kind
  }: {
    from: Millis
    to: Millis
    areas?: string[] | undefined
    crew?: string | undefined
    kind?: FacilityKind | undefined
  }
): Promise<Rates> {
  const rows = await db
    .select({
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
    })
    .from(tickets)
    .where(
      and(
        gte(tickets.firstDueAt, from),
        lt(tickets.firstDueAt, to),
        areas && inArray(tickets.area, areas),
        crew === undefined ? undefined : eq(tickets.crew, crew),
        kind === undefined ? undefined : eq(tickets.facilityKind, kind)
      )
    )
  return countRates(rows as RatedTicket[], to)
}
