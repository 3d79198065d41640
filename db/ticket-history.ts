import { and, asc, count, desc, eq, gt, inArray, isNotNull, isNull, lt, or, sql, type SQL } from 'drizzle-orm'
import type { Episode, PlanRun, TicketDetail, TicketQuery, TicketSummary } from '#model/api'
import { DEFAULT_RULES } from '#model/default-rules'
import { AppError } from '#model/errors'
import type { Label } from '#model/label'
import { decodeValue, isMetric, type MetricId } from '#model/metrics'
import type { Rule } from '#model/rules'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { ratingsOf } from './followed-reports.ts'
import { episodes, planRuns, reports, ticketEvents, tickets } from './schema.ts'
import { sightCondition, type Sight } from './ticket-sight.ts'

/** `areas`: the asked-for area and all below it. `sight`: what the asker may see, if not all. */
export type TicketFilter = Omit<TicketQuery, 'area'> & { areas?: string[]; sight?: Sight | undefined }

export interface TicketHistory {
  /** Newest first, open ones too where `status` says so. `cursor` is the one of the page before. */
  tickets(filter: TicketFilter): Promise<{ items: TicketSummary[]; nextCursor: string | null }>
  count(filter: TicketFilter): Promise<number>
  /** Whole, but for what depends on who asks, and when; those are made of `row`. */
  ticket(id: string): Promise<{ row: TicketRow; detail: StoredTicket } | undefined>
  /** The ticket that a person's report became part of. */
  reported(report: string): Promise<string | undefined>
  /** Those with these ids, in their order. */
  named(ids: readonly string[]): Promise<TicketSummary[]>
  /** When the work of a plan was due, newest first. */
  planRuns(plan: string, limit: number): Promise<PlanRun[]>
  /** Episodes of a facility that were true at some time in `[from, to)`, newest first. */
  episodes(range: {
    facility: string
    from?: Millis | undefined
    to?: Millis | undefined
    limit?: number
    cursor?: string
  }): Promise<{ items: Episode[]; nextCursor: string | null }>
}

export type TicketRow = typeof tickets.$inferSelect
export type StoredTicket = Omit<TicketDetail, 'actions' | 'needs' | 'clocks'>
type EpisodeRow = typeof episodes.$inferSelect

export function postgresTicketHistory({
  db,
  describe,
  rules = DEFAULT_RULES
}: {
  db: Database
  /** A stored ticket in words, with names as they are now. */
  describe: (row: TicketRow) => TicketSummary
  rules?: readonly Rule[]
}): TicketHistory {
  const ruleOf = new Map(rules.map(rule => [rule.id, rule]))

  function episode(row: EpisodeRow): Episode {
    return {
      id: row.id,
      rule: row.rule,
      ruleLabel: ruleOf.get(row.rule)?.label ?? sameIn(row.rule),
      subject: row.subject,
      severity: row.severity as Episode['severity'],
      startedAt: iso(row.startedAt),
      firedAt: iso(row.firedAt),
      endedAt: isoOrNull(row.endedAt),
      ticket: row.ticket
    }
  }

  return {
    async tickets(filter) {
      const { limit = 100, cursor } = filter
      const before = cursor === undefined ? undefined : placeOf(cursor)
      const rows = await db
        .select()
        .from(tickets)
        .where(and(...conditionsOf(filter), before && isBefore(tickets.openedAt, tickets.id, before)))
        .orderBy(desc(tickets.openedAt), desc(tickets.id))
        .limit(limit + 1)
      const page = rows.slice(0, limit)
      return {
        items: page.map(describe),
        nextCursor: cursorAfter(rows.length > limit, page.at(-1), row => row.openedAt)
      }
    },

    async count(filter) {
      const [row] = await db
        .select({ total: count() })
        .from(tickets)
        .where(and(...conditionsOf(filter)))
      return row?.total ?? 0
    },

    async ticket(id) {
      const [row] = await db.select().from(tickets).where(eq(tickets.id, id))
      if (!row) return undefined
      const [its, events, reported, rated] = await Promise.all([
        db.select().from(episodes).where(eq(episodes.ticket, id)).orderBy(asc(episodes.startedAt)),
        db.select().from(ticketEvents).where(eq(ticketEvents.ticket, id)).orderBy(asc(ticketEvents.no)),
        db.select().from(reports).where(eq(reports.ticket, id)).orderBy(asc(reports.at), asc(reports.id)),
        ratingsOf(db, [id])
      ])
      const detail: StoredTicket = {
        ...describe(row),
        ...whatHappened(row),
        reports: reported.map(reportOf),
        ratings: rated.map(({ report, at, stars, comment }) => ({ report, at: iso(at), stars, comment })),
        ruleVersion: row.ruleVersion,
        parameters: row.parameters,
        evidence: row.evidence.map(({ device, metric, value, measuredAt, receivedAt }) => ({
          device,
          metric: metric as MetricId,
          value: isMetric(metric) ? decodeValue(metric, value) : value,
          measuredAt: iso(measuredAt),
          receivedAt: iso(receivedAt)
        })),
        episodes: its.map(episode),
        history: events.map(event => ({
          at: iso(event.at),
          who: event.who,
          action: event.action,
          from: event.from as TicketSummary['state'] | null,
          to: event.to as TicketSummary['state'] | null,
          note: event.note,
          data: event.data
        }))
      }
      return { row, detail }
    },

    async reported(report) {
      const [row] = await db.select({ ticket: reports.ticket }).from(reports).where(eq(reports.id, report))
      return row?.ticket
    },

    async named(ids) {
      if (ids.length === 0) return []
      const rows = await db
        .select()
        .from(tickets)
        .where(inArray(tickets.id, [...ids]))
      const byId = new Map(rows.map(row => [row.id, row]))
      return ids.flatMap(id => {
        const row = byId.get(id)
        return row ? [describe(row)] : []
      })
    },

    async planRuns(plan, limit) {
      const rows = await db
        .select()
        .from(planRuns)
        .where(eq(planRuns.plan, plan))
        .orderBy(desc(planRuns.from))
        .limit(limit)
      return rows.map(({ from, until, doneAt, doneBy, ticket }) => ({
        from: iso(from),
        until: iso(until),
        doneAt: isoOrNull(doneAt),
        doneBy,
        ticket
      }))
    },

    async episodes({ facility, from, to, limit = 100, cursor }) {
      const before = cursor === undefined ? undefined : placeOf(cursor)
      const rows = await db
        .select()
        .from(episodes)
        .where(
          and(
            eq(episodes.facility, facility),
            to === undefined ? undefined : lt(episodes.startedAt, to),
            from === undefined ? undefined : or(isNull(episodes.endedAt), gt(episodes.endedAt, from)),
            before && isBefore(episodes.startedAt, episodes.id, before)
          )
        )
        .orderBy(desc(episodes.startedAt), desc(episodes.id))
        .limit(limit + 1)
      const page = rows.slice(0, limit)
      return {
        items: page.map(episode),
        nextCursor: cursorAfter(rows.length > limit, page.at(-1), row => row.startedAt)
      }
    }
  }
}

function conditionsOf(filter: TicketFilter): (SQL | undefined)[] {
  const { status = 'open', areas, sight, crew, facility, kind, rule, source, ticketKind, colour } = filter
  return [
    stateCondition(status),
    areas && inArray(tickets.area, areas),
    sight && sightCondition(sight),
    crew === undefined ? undefined : eq(tickets.crew, crew),
    facility === undefined ? undefined : eq(tickets.facility, facility),
    kind === undefined ? undefined : eq(tickets.facilityKind, kind),
    rule === undefined ? undefined : eq(tickets.rule, rule),
    source === undefined ? undefined : eq(tickets.source, source),
    ticketKind === undefined ? undefined : eq(tickets.kind, ticketKind),
    colour === undefined ? undefined : eq(tickets.colour, colour)
  ]
}

function stateCondition(status: NonNullable<TicketQuery['status']>): SQL | undefined {
  if (status === 'all') return undefined
  if (status === 'open') return isNull(tickets.closedAt)
  return status === 'ended' ? isNotNull(tickets.closedAt) : eq(tickets.state, status)
}

/** What a ticket's own page tells beyond what a list does. */
const whatHappened = (row: TicketRow) => ({
  firstDueAt: iso(row.firstDueAt),
  extendedMs: row.extendedMs,
  pauses: row.pauses.map(({ from, until, why }) => ({ from: iso(from), until: isoOrNull(until), why })),
  request: row.asked && { ...row.asked, at: iso(row.asked.at), until: isoOrNull(row.asked.until) },
  claimedBy: row.claimedBy,
  falseClaims: row.falseClaims,
  returns: row.returns,
  reworkOf: row.reworkOf,
  mergedInto: row.mergedInto,
  plan: row.plan,
  lateClaimAt: isoOrNull(row.lateClaimAt),
  recheck: row.recheck as TicketDetail['recheck'],
  recheckAt: isoOrNull(row.recheckAt)
})

const reportOf = (row: typeof reports.$inferSelect): TicketDetail['reports'][number] => ({
  id: row.id,
  at: iso(row.at),
  who: row.who,
  source: row.source as TicketSummary['source'],
  note: row.note,
  lat: row.lat,
  lon: row.lon,
  photos: row.photos,
  followed: row.codeHash !== null,
  code: null
})

const sameIn = (text: string): Label => ({ en: text, zh: text })
const iso = (at: Millis): string => new Date(at).toISOString()
const isoOrNull = (at: Millis | null): string | null => (at === null ? null : iso(at))

/** A place in a list ordered by time and id, newest first. */
interface Place {
  at: Millis
  id: string
}

function cursorAfter<R extends { id: string }>(
  more: boolean,
  last: R | undefined,
  atOf: (row: R) => Millis
): string | null {
  return more && last ? `${atOf(last)}.${last.id}` : null
}

function placeOf(cursor: string): Place {
  const [, at, id] = /^(\d{1,14})\.(.+)$/.exec(cursor) ?? []
  if (at === undefined || id === undefined) throw new AppError('bad-request', 'cursor: not one of this list')
  return { at: Number(at), id }
}

const isBefore = (
  at: typeof tickets.openedAt | typeof episodes.startedAt,
  id: typeof tickets.id | typeof episodes.id,
  place: Place
): SQL => sql`(${at}, ${id}) < (${iso(place.at)}::timestamptz, ${place.id})`
