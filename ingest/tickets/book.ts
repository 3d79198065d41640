import type { OdourAnswer } from '#model/checklists'
import { DEFAULT_TICKET_POLICY, type TicketPolicy } from '#model/ticket-policy'
import type { CloseReason, NotificationKind, TicketState } from '#model/tickets'
import { days, type Millis } from '#model/time'
import type { Effects, EpisodeRow, TicketRow } from '../effects.ts'
import type { Registry } from '../registry.ts'
import { createCalendar, type Calendar } from '../rules/calendar.ts'
import type { Timed } from '../rules/timers.ts'
import { dueOf, resolvedBy } from './clock.ts'
import { isRateable } from './followers.ts'
import type { Addressees, DoneTicket, Fact, OpenTicket, PlanState, TicketTimer } from './desk-parts.ts'

/** An ended ticket is remembered so long, for late claims and for opening it again; at most so many of them. */
const ENDED_KEPT = { ms: days(3), most: 20_000 }

export interface DeskParts {
  effects: () => Effects
  /** Puts a timer into the heap the rules share. */
  schedule: (timed: Timed) => void
  registry: Registry
  /** Nobody by default: tickets wait for a person to dispatch them. */
  addressees?: Addressees
  /** The city's, as it is then. */
  calendar?: () => Calendar
  /** What the odour sensors of a facility say at journal time `at`; absent: there are none. */
  smell?: (facility: string | null, at: Millis) => OdourAnswer
}

export interface TicketNote {
  at: Millis
  /** A user name, `sensor` or `system`. */
  who: string
  action: string
  to?: TicketState | undefined
  note?: string | null
  data?: Record<string, unknown>
}

/** No rule calls a ticket rework of one that was done longer ago. */
const DONE_KEPT_MS = days(30)

/** What all parts of the desk share: the tickets in memory, and the only ways to alter them. One per desk. */
export interface Book {
  readonly registry: Registry
  readonly addressees: Addressees | undefined
  calendar(): Calendar
  smell(facility: string | null, at: Millis): OdourAnswer
  policy: TicketPolicy
  /** The newest journal time the desk has heard of: nothing happens before it any more. */
  now: Millis
  readonly open: Map<string, OpenTicket>
  /** Of the open ones those without a rule: made by people, or planned. */
  readonly made: Set<OpenTicket>
  /** Ended ones, oldest end first. */
  readonly ended: Map<string, OpenTicket>
  /** Ended ones that were drawn for a second look. */
  readonly rechecks: Map<string, OpenTicket>
  /** Over and forgotten but by their reporters, who may still rate them; oldest end first. */
  readonly rateable: Map<string, OpenTicket>
  /** Episodes that go on without an open ticket, by rule and subject. */
  readonly bare: Map<string, EpisodeRow>
  readonly plans: Map<string, PlanState>
  readonly effects: () => Effects
  byRule(rule: string, subject: string): OpenTicket | undefined
  /** By rule and subject, where the last ticket was done so short a time ago that the next may be rework. */
  readonly done: Map<string, DoneTicket>
  /** Open, or ended not long ago. */
  find(id: string): OpenTicket | undefined
  /** Into memory, as an open ticket. */
  keep(ticket: OpenTicket): void
  /** Into memory, as one that is over. */
  keepEnded(ticket: OpenTicket): void
  set(ticket: OpenTicket, change: Partial<TicketRow>): void
  /** Adds to its history, and takes it to `to`. */
  note(ticket: OpenTicket, note: TicketNote): void
  /** Without an addressee the operators are told. `also`: of the same entry somebody was told already. */
  tell(
    ticket: OpenTicket,
    message: { kind: NotificationKind; at: Millis; addressee?: string | undefined; also?: boolean }
  ): void
  /** Its deadline again, after what was taken off or added. */
  redue(ticket: OpenTicket): void
  /** The ticket is over; `note` has taken it to its last state. */
  end(ticket: OpenTicket, at: Millis, reason: CloseReason): void
  /** Tickets whose timer must be looked at; emptied by reading. */
  takeAltered(): Set<OpenTicket>
  /** Grows with everything a page would show differently. */
  version(): number
  /** The same, of the tickets of one facility. */
  facilityVersion(id: string): number
  /** When it wants to be woken; Infinity: not at all. */
  alarm(timer: { key: string; order: string; due: Millis }): void
  fact(fact: Fact): void
  takeFacts(): Fact[]
  endEpisode(episode: EpisodeRow, endedAt: Millis): void
}

const NO_SENSOR: OdourAnswer = { ok: null, why: 'no-sensor', readings: [] }

export const OPERATORS = 'role:operator'
export const INSPECTORS = 'role:inspector'
export const keyOf = (rule: string, subject: string): string => `${rule}|${subject}`

export function createBook(parts: DeskParts): Book {
  const { effects, schedule, registry, addressees, calendar } = parts
  const byRule = new Map<string, OpenTicket>()
  const done = new Map<string, DoneTicket>()
  const made = new Set<OpenTicket>()
  let altered = new Set<OpenTicket>()
  let version = 0
  const versions = new Map<string, number>()
  const open = new Map<string, OpenTicket>()
  const ended = new Map<string, OpenTicket>()
  const rechecks = new Map<string, OpenTicket>()
  const rateable = new Map<string, OpenTicket>()
  const timers = new Map<string, TicketTimer>()
  const ofUtc8 = createCalendar('Asia/Shanghai')
  let facts: Fact[] = []

  function forgetEnded(at: Millis): void {
    for (const [id, ticket] of ended) {
      if ((ticket.row.closedAt ?? 0) > at - ENDED_KEPT.ms && ended.size <= ENDED_KEPT.most) break
      ended.delete(id)
      if (isRateable(ticket, at)) rateable.set(id, ticket)
    }
    for (const [id, ticket] of rateable) {
      if (isRateable(ticket, at) && rateable.size <= ENDED_KEPT.most) break
      rateable.delete(id)
    }
    for (const [key, before] of done) {
      if (before.at > at - DONE_KEPT_MS) break
      done.delete(key)
    }
  }

  const book: Book = {
    registry,
    addressees,
    calendar: calendar ?? (() => ofUtc8),
    smell: parts.smell ?? (() => NO_SENSOR),
    policy: DEFAULT_TICKET_POLICY,
    now: 0,
    open,
    made,
    ended,
    rechecks,
    rateable,
    bare: new Map(),
    plans: new Map(),
    effects,
    byRule: (rule, subject) => byRule.get(keyOf(rule, subject)),
    done,
    find: id => open.get(id) ?? ended.get(id) ?? rechecks.get(id),

    keep(ticket) {
      const { id, rule, subject } = ticket.row
      open.set(id, ticket)
      if (rule === null) made.add(ticket)
      else byRule.set(keyOf(rule, subject), ticket)
      altered.add(ticket)
    },

    keepEnded(ticket) {
      const { id, rule, subject, closeReason, closedAt, terms } = ticket.row
      ended.set(id, ticket)
      if (rule === null) return
      const key = keyOf(rule, subject)
      done.delete(key)
      const { reworkWithinMs } = terms
      if (closeReason === 'verified' && closedAt !== null && reworkWithinMs > 0)
        done.set(key, { key, id, at: closedAt, reworkWithinMs })
    },

    set(ticket, change) {
      ticket.row = { ...ticket.row, ...change }
      effects().tickets.set(ticket.row.id, ticket.row)
      altered.add(ticket)
      version++
      if (ticket.row.facility !== null) versions.set(ticket.row.facility, version)
    },

    note(ticket, { at, who, action, to, note = null, data }) {
      const from = ticket.row.state
      effects().events.push({
        ticket: ticket.row.id,
        no: ticket.events++,
        at,
        who,
        action,
        from: ticket.events === 1 ? null : from,
        to: to ?? null,
        note,
        data: data ?? null
      })
      book.set(ticket, { state: to ?? from })
    },

    tell(ticket, { kind, at, addressee = OPERATORS, also = false }) {
      const { id } = ticket.row
      const told = { addressee, kind, ticket: id, at, readAt: null }
      // The event it belongs to has its number already.
      const name = `${id}-${ticket.events - 1}-${kind}${also ? '-also' : ''}`
      effects().notifications.push({ id: name, ...told })
    },

    redue(ticket) {
      const due = dueOf(ticket.row, book.calendar())
      // While it stands still without an end nobody knows: it keeps the one it had.
      if (Number.isFinite(due) && due !== ticket.row.dueAt) book.set(ticket, { dueAt: due })
    },

    end(ticket, at, reason) {
      const resolvedAt = resolvedBy({ ...ticket.row, closedAt: at }) ?? at
      const pauses = ticket.row.pauses.map(pause =>
        pause.until === null || pause.until > at ? { ...pause, until: Math.max(pause.from, at) } : pause
      )
      const over = { verification: null, verifyBy: null, asked: null, deferredUntil: null }
      book.set(ticket, { closedAt: at, closeReason: reason, resolvedAt, pauses, ...over })
      const { id, rule, subject, terms, facility } = ticket.row
      open.delete(id)
      made.delete(ticket)
      if (rule !== null && byRule.get(keyOf(rule, subject)) === ticket) byRule.delete(keyOf(rule, subject))
      ticket.dispatchAt = ticket.askAt = null
      book.alarm({ key: id, order: '', due: Infinity })
      forgetEnded(at)
      book.keepEnded(ticket)
      if (terms.service && facility !== null && (reason === 'verified' || reason === 'person'))
        book.fact({ kind: 'service', facility, at })
      if (rule !== null) book.fact({ kind: 'closed', rule, subject, ticket: id, at })
    },

    alarm({ key, order, due }) {
      const known = timers.get(key)
      if (due === Infinity) {
        if (known) known.due = Infinity
        timers.delete(key)
        return
      }
      const timer: TicketTimer = known ?? { what: 'ticket', key, order, due, queuedFor: Infinity }
      timers.set(key, timer)
      timer.due = Math.max(due, book.now)
      schedule(timer)
    },

    takeAltered() {
      const taken = altered
      altered = new Set()
      return taken
    },
    version: () => version,
    facilityVersion: id => versions.get(id) ?? 0,

    fact: fact => void facts.push(fact),
    takeFacts() {
      const taken = facts
      facts = []
      return taken
    },
    endEpisode: (episode, endedAt) => void effects().episodes.set(episode.id, { ...episode, endedAt })
  }
  return book
}
