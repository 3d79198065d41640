import type { Plan } from '#model/plans'
import type { TicketKind } from '#model/ticket-kinds'
import type { DayWindow } from '#model/rules'
import type { Millis } from '#model/time'
import type { Calendar } from '../rules/calendar.ts'
import type { Book } from './book.ts'
import type { OpenTicket, PlanState } from './desk-parts.ts'
import { placeOf } from './places.ts'
import { firstDispatchAt } from './dispatch.ts'
import { opened } from './reports.ts'
import { ticketId } from './ticket-id.ts'
import { rowOfKind, termsOfKind } from './ticket-row.ts'

export const PLAN_KEY = 'plan:'

/**
 * Takes a plan over whatever it said before. The window that runs goes on, with its scan, where the plan still has it at the same
 * facility; else the first that counts begins after this: nobody is late for what was not said yet.
 */
export function planned(book: Book, plan: Plan, at: Millis): void {
  const before = book.plans.get(plan.id)
  if (before && runsOn(before, plan, book.calendar(), at)) book.plans.set(plan.id, { ...before, plan })
  else toNext(book, plan, at)
}

function runsOn(
  { plan: before, from, until }: PlanState,
  plan: Plan,
  calendar: Calendar,
  at: Millis
): boolean {
  if (!plan.active || plan.facility !== before.facility || at < from || at >= until) return false
  const now = windowsOf(plan).map(windows => calendar.openingAt(windows, at))
  return now.some(stretch => stretch.open && stretch.since === from && stretch.until === until)
}

function toNext(book: Book, plan: Plan, at: Millis): void {
  const next = plan.active ? nextWindow(plan, book.calendar(), at) : undefined
  if (next) book.plans.set(plan.id, { plan, ...next, doneAt: null, doneBy: null })
  else book.plans.set(plan.id, { plan, from: Infinity, until: Infinity, doneAt: null, doneBy: null })
  alarmPlan(book, plan.id)
}

export function alarmPlan(book: Book, id: string): void {
  const due = book.plans.get(id)?.until ?? Infinity
  book.alarm({ key: PLAN_KEY + id, order: `plan|${id}`, due })
}

/** The first window that begins at `at` or later. */
function nextWindow(plan: Plan, calendar: Calendar, at: Millis): { from: Millis; until: Millis } | undefined {
  let first: { from: Millis; until: Millis } | undefined
  for (const windows of windowsOf(plan)) {
    let stretch = calendar.openingAt(windows, at)
    while ((!stretch.open || stretch.since < at) && Number.isFinite(stretch.until))
      stretch = calendar.openingAt(windows, stretch.until)
    const { open, since, until } = stretch
    if (open && since >= at && since < (first?.from ?? Infinity)) first = { from: since, until }
  }
  return first
}

/** Its windows day by day: on the calendar those that touch would be one. The same arrays each time, it keeps what it found by them. */
function windowsOf(plan: Plan): DayWindow[][] {
  let windows = known.get(plan)
  const { days, from, to } = plan
  if (!windows) known.set(plan, (windows = days.map(day => [{ from, to, days: [day] }])))
  return windows
}
const known = new WeakMap<Plan, DayWindow[][]>()

/** The code on the wall was read: whatever is planned there now is done, and what was missed there is made good. */
export function scanned(book: Book, facility: string, who: string, at: Millis): OpenTicket[] {
  for (const state of book.plans.values()) {
    if (state.plan.facility !== facility || at < state.from || at >= state.until) continue
    state.doneAt ??= at
    state.doneBy ??= who
  }
  // Made good once it stays so: a later scan is of another day.
  return [...book.made].filter(
    ({ row }) => row.plan !== null && row.facility === facility && row.clearedAt === null
  )
}

/** The window of a plan is over: written down, and when nobody came a ticket follows. */
export function windowOver(book: Book, id: string, at: Millis): void {
  const state = book.plans.get(id)
  if (!state || state.until > at) return
  const { plan, from, until, doneAt, doneBy } = state
  const ticket = doneAt === null ? missed(book, state, at) : undefined
  book
    .effects()
    .planRuns.push({ plan: id, from, until, facility: plan.facility, doneAt, doneBy, ticket: ticket ?? null })
  toNext(book, plan, at)
}

function missed(book: Book, { plan, from }: PlanState, at: Millis): string | undefined {
  const open = [...book.made].find(({ row }) => row.plan === plan.id)
  if (open) {
    book.note(open, { at, who: 'system', action: 'again', note: plan.title })
    return open.row.id
  }
  const subject = `facility:${plan.facility}`
  const id = ticketId(`plan|${plan.id}`, subject, from)
  return openPlanned(book, { id, kind: plan.kind, plan: plan.id, subject, at, note: { note: plan.title } })
}

/** What no sensor of a facility can tell is measured by hand: one ticket, however many months it stays open. */
export function toMeasure(
  book: Book,
  { subject, metrics, at }: { subject: string; metrics: readonly string[]; at: Millis }
): void {
  const open = [...book.made].find(({ row }) => row.kind === MEASURE && row.subject === subject)
  if (open) return book.note(open, { at, who: 'system', action: 'again', data: { metrics } })
  const id = ticketId(MEASURE, subject, at)
  openPlanned(book, { id, kind: MEASURE, subject, at, note: { data: { metrics } } })
}
const MEASURE = 'measure' satisfies TicketKind

function openPlanned(
  book: Book,
  work: {
    id: string
    kind: TicketKind
    plan?: string
    subject: string
    at: Millis
    note: { note?: string; data?: Record<string, unknown> }
  }
): string | undefined {
  const { note, ...named } = work
  const { subject, kind, at } = work
  const place = placeOf(book.registry, subject)
  if (!place) return undefined
  const terms = termsOfKind(kind, { policy: book.policy, place })
  const { lat, lon } = place
  const row = rowOfKind({ ...named, source: 'planned', terms, place, dueAt: at + terms.allowedMs, lat, lon })
  const ticket = opened(book, row)
  book.note(ticket, { at, who: 'system', action: 'open', to: 'new', ...note })
  ticket.dispatchAt = firstDispatchAt(book, ticket, 0)
  return ticket.row.id
}
