import type { Millis } from '#model/time'
import type { Pause, TicketTerms } from '#model/tickets'
import type { TicketRow } from '../effects.ts'
import type { Calendar } from '../rules/calendar.ts'

/** What of a ticket its clocks are a function of. */
export type ClockRow = Pick<
  TicketRow,
  | 'terms'
  | 'openedAt'
  | 'acceptedAt'
  | 'claimedAt'
  | 'clearedAt'
  | 'closedAt'
  | 'resolvedAt'
  | 'extendedMs'
  | 'pauses'
>
type Ran = { terms: Pick<TicketTerms, 'hours'>; pauses: readonly Pause[] }

/** One of a ticket's two clocks as of a moment. */
export interface ClockReading {
  allowedMs: Millis
  usedMs: Millis
  /** When the allowed time is used up if nothing else stops it; null while it stands still without an end. */
  dueAt: Millis | null
  /** Where it stopped for good; null: it has not. */
  endedAt: Millis | null
  /** Whether it runs at this moment. */
  running: boolean
  late: boolean
}

/** The stretches of `[from, until)` outside every pause, in order. */
function* between(pauses: readonly Pause[], from: Millis, until: Millis): Generator<[Millis, Millis]> {
  let at = from
  for (const pause of [...pauses].sort((a, b) => a.from - b.from)) {
    if (pause.from >= until) break
    if (pause.from > at) yield [at, pause.from]
    at = Math.max(at, pause.until ?? Infinity)
  }
  if (at < until) yield [at, until]
}

/** How long the clocks of a ticket ran from `from` until `until`: in its service hours, outside its pauses. */
export function ranMs({ terms, pauses }: Ran, calendar: Calendar, from: Millis, until: Millis): Millis {
  let ran = 0
  for (const [a, b] of between(pauses, from, until)) ran += calendar.openMsBetween(terms.hours, a, b)
  return ran
}

/** When its clocks will have run for `ms` since `from`; Infinity while a pause has no end. */
export function reachedAt({ terms, pauses }: Ran, calendar: Calendar, from: Millis, ms: Millis): Millis {
  let left = ms
  for (const [begin, end] of between(pauses, from, Infinity)) {
    for (let at = begin; at < end;) {
      const stretch = calendar.openingAt(terms.hours, at)
      const until = Math.min(stretch.until, end)
      if (stretch.open && at + left <= until) return at + left
      if (stretch.open) left -= until - at
      at = until
    }
  }
  return Infinity
}

/**
 * Where the resolve clock stops: the sensor was clear, or the claim that holds came, whichever is earlier; else the end.
 * Undefined while it goes on.
 */
export function resolvedBy(row: ClockRow): Millis | undefined {
  if (row.resolvedAt !== null) return row.resolvedAt
  const ends = [row.clearedAt, row.claimedAt, row.closedAt].filter(at => at !== null)
  return ends.length > 0 ? Math.min(...ends) : undefined
}

export const allowedMs = (row: Pick<ClockRow, 'terms' | 'extendedMs'>): Millis =>
  row.terms.allowedMs + row.extendedMs

/** The deadline as it stands; Infinity while nobody can say. */
export const dueOf = (row: ClockRow, calendar: Calendar): Millis =>
  reachedAt(row, calendar, row.openedAt, allowedMs(row))

function reading(
  row: ClockRow,
  calendar: Calendar,
  { allowed, ended, at }: { allowed: Millis; ended: Millis | undefined; at: Millis }
): ClockReading {
  const until = Math.max(row.openedAt, Math.min(ended ?? at, at))
  const usedMs = ranMs(row, calendar, row.openedAt, until)
  const due = reachedAt(row, calendar, row.openedAt, allowed)
  const paused = row.pauses.some(pause => pause.from <= at && at < (pause.until ?? Infinity))
  return {
    allowedMs: allowed,
    usedMs,
    dueAt: Number.isFinite(due) ? due : null,
    endedAt: ended ?? null,
    running: ended === undefined && !paused && calendar.openingAt(row.terms.hours, at).open,
    late: usedMs > allowed
  }
}

/** Whether its time is up at `at` and it is not resolved; not while it stands still without an end. */
export const isOverdue = (row: ClockRow & Pick<TicketRow, 'dueAt'>, at: Millis): boolean =>
  row.dueAt < at && resolvedBy(row) === undefined && !row.pauses.some(({ until }) => until === null)

/** Both clocks at journal time `at`. */
export function clocksOf(
  row: ClockRow,
  calendar: Calendar,
  at: Millis
): { response: ClockReading; resolve: ClockReading } {
  const answered = row.acceptedAt ?? row.closedAt ?? row.clearedAt ?? undefined
  return {
    response: reading(row, calendar, { allowed: row.terms.respondMs, ended: answered, at }),
    resolve: reading(row, calendar, { allowed: allowedMs(row), ended: resolvedBy(row), at })
  }
}
