import type { Severity } from '#model/rules'
import type { TicketPolicy } from '#model/ticket-policy'
import { BEFORE_ACCEPTANCE, type TicketState } from '#model/tickets'
import type { Millis } from '#model/time'
import type { TicketRow } from '../effects.ts'
import { OPERATORS, createBook, keyOf, type Book, type DeskParts } from './book.ts'
import { dueOf, ranMs } from './clock.ts'
import type {
  Fact,
  Fired,
  Follower,
  OpenTicket,
  Outcome,
  PlanState,
  SavedItem,
  TicketChange,
  TicketTimer
} from './desk-parts.ts'
import { firstDispatchAt, dispatch, lookForCrew } from './dispatch.ts'
import { alarmRecheck, beginPause, close, endPause, recheckDue } from './ending.ts'
import { handOver, rate } from './followers.ts'
import { act, deferralOver } from './moves.ts'
import { PLAN_KEY, alarmPlan, planned, scanned, toMeasure, windowOver } from './plans.ts'
import { joinReported, report } from './reports.ts'
import { supervise, superviseAt } from './supervision.ts'
import { ticketId } from './ticket-id.ts'
import { completed, episodeOf, rowOfFired } from './ticket-row.ts'
import { heard, isProven, unheard, verified } from './verification.ts'

export type { DeskParts } from './book.ts'
export type * from './desk-parts.ts'

interface Key {
  rule: string
  subject: string
}

/** Opens, clears and moves tickets. Exactly one is open for a (rule, subject); every change of one goes through here. */
export interface TicketDesk {
  /** An episode began to fire, but its ticket waits or is suppressed: recorded without a ticket. */
  began(fired: Fired): void
  /** Opens the ticket of an episode, or adds the episode to the open ticket of rule × subject. */
  fired(fired: Fired): OpenTicket
  /**
   * The episode is over since `endedAt` (event time); we know it at `at` (journal time). Also of one without a ticket. A claim
   * that `needsProof` is not verified by that alone.
   */
  ended(key: Key & { endedAt: Millis; at: Millis; needsProof?: boolean }): OpenTicket | undefined
  /**
   * While a claimed ticket waits: a report measured at `at` said so. `confirmed`: the ticket is closed and its episode
   * over, the engine resets it; `returned`: the crew has to go again. A report from before the claim says nothing, but of a rule
   * that names what verifies it: that is remembered.
   */
  heard(
    said: Key & { verdict: 'met' | 'cleared'; at: Millis; knownAt: Millis }
  ): 'confirmed' | 'returned' | undefined
  severity(change: Key & { severity: Severity; at: Millis }): void
  /**
   * A parent fires: the ticket is `merged` into its ticket (`into`) and closed while nobody was sent, else its clocks stop
   * (`paused`); `none`: there is no ticket.
   */
  suppress(key: Key & { into: string | null; at: Millis }): 'merged' | 'paused' | 'none'
  /** No parent fires any more: stopped clocks go on. */
  release(key: Key & { at: Millis }): void
  /** What no sensor of a facility can tell has to be measured by hand. */
  measure(work: { subject: string; metrics: readonly string[]; at: Millis }): void
  /** What a person did, at journal time `at`. */
  act(change: TicketChange, who: string, at: Millis): Outcome
  /** A timer of a ticket is due. */
  wake(timed: TicketTimer, at: Millis): void
  /** What happened that rules must know; emptied by reading. */
  takeFacts(): Fact[]
  open(rule: string, subject: string): OpenTicket | undefined
  /** Of an open ticket. */
  byId(id: string): OpenTicket | undefined
  all(): IterableIterator<OpenTicket>
  plans(): IterableIterator<PlanState>
  policy(): TicketPolicy
  /** Grows with everything a page would show differently. */
  version(): number
  /** The same, of the tickets of one facility. */
  facilityVersion(id: string): number
  /** What a checkpoint keeps; `restore` each of it into an empty desk, then `resume`. */
  saved(): Iterable<SavedItem>
  restore(item: SavedItem): void
  /**
   * Takes over an open ticket without a rule that only its row tells of: what people made is theirs and stays open, and what was
   * planned goes on as if it had just opened. `followers`: the reports by whose code it may be followed.
   */
  adopt(row: TicketRow, known: { events: number; followers: Follower[]; at: Millis }): void
  /** Sets the timers again after a checkpoint was restored. */
  resume(): void
}

export function createTicketDesk(parts: DeskParts): TicketDesk {
  const book = createBook(parts)
  const { bare, open } = book

  /** Sets the one timer of a ticket to the first thing it waits for. */
  function alarm(ticket: OpenTicket): void {
    const { row, dispatchAt, askAt } = ticket
    if (row.closedAt !== null) return
    const due = Math.min(
      dispatchAt ?? Infinity,
      askAt ?? Infinity,
      row.deferredUntil ?? Infinity,
      row.verification === 'report' ? (row.verifyBy ?? Infinity) : Infinity,
      superviseAt(book, ticket)
    )
    // Behind the instances of the same rule and subject: the sensor speaks first.
    book.alarm({ key: row.id, order: `${row.rule ?? row.kind}|${row.subject}|${row.id}`, due })
  }

  function fired(event: Fired): OpenTicket {
    const { rule, subject, openedAt: at } = event
    const known = book.byRule(rule.id, subject)
    const ticket: OpenTicket = known ?? { row: rowOf(event), events: 0, dispatchAt: null, askAt: null }
    ticket.episode = episodeOf(event, ticket.row.id)
    ticket.provenAt = null
    book.effects().episodes.set(ticket.episode.id, ticket.episode)
    bare.delete(keyOf(rule.id, subject))
    if (known) {
      const { clearedAt } = known.row
      if (clearedAt !== null && clearedAt < at)
        beginPause(book, known, { from: clearedAt, until: at, why: 'cleared' })
      book.set(known, { clearedAt: null, severity: rule.severity })
      known.askAt = null
      book.note(known, { at, who: 'sensor', action: 'again' })
    } else {
      const before = lastDone(ticket)
      if (before !== undefined) ticket.row = { ...ticket.row, rework: true, reworkOf: before }
      book.keep(ticket)
      book.note(ticket, { at, who: 'sensor', action: 'open', to: 'new' })
      ticket.dispatchAt = firstDispatchAt(book, ticket, Math.max(at - event.firedAt, lagOf(event)))
      joinReported(book, ticket, at)
    }
    return ticket
  }

  function rowOf(event: Fired) {
    const { rule, facility, openedAt, dueAt } = event
    const hours = (facility && book.policy.serviceHours[facility.kind]) ?? []
    // Up to the end of a day only the hours of that day count.
    const allowed =
      rule.due === 'end-of-day'
        ? ranMs({ terms: { hours }, pauses: [] }, book.calendar(), openedAt, dueAt)
        : dueAt - openedAt
    const row = rowOfFired(event, {
      allowedMs: allowed,
      respondMs: Math.min(rule.respondMs, allowed),
      verifyWithinMs: rule.verifyWithinMs,
      reworkWithinMs: rule.reworkWithinMs,
      service: rule.ticket.service ?? false,
      byPerson: 'serviceDue' in rule.when,
      hours
    })
    // A build that decided otherwise may have had a ticket of this very episode, which is over.
    if (book.find(row.id)) row.id = ticketId(rule.id, event.subject, openedAt)
    const due = dueOf(row, book.calendar())
    return Number.isFinite(due) ? { ...row, dueAt: due, firstDueAt: due } : row
  }

  /** The ticket of the same rule and subject that was done so short a time ago that this is rework. */
  function lastDone({ row }: OpenTicket): string | undefined {
    const before = row.rule === null ? undefined : book.done.get(keyOf(row.rule, row.subject))
    return before && row.openedAt - before.at <= before.reworkWithinMs ? before.id : undefined
  }

  /** The condition is gone: before anybody ever accepted it that is the end, after it the claim is waited for. */
  function cleared(
    ticket: OpenTicket,
    { endedAt, at, needsProof = false }: { endedAt: Millis; at: Millis; needsProof?: boolean | undefined }
  ): void {
    endPause(book, ticket, 'suppressed', at)
    ticket.needsProof = needsProof
    const bornCleared = endedAt <= ticket.row.openedAt && ticket.row.acceptedAt === null
    book.set(ticket, { clearedAt: endedAt, bornCleared })
    // One that was sent back was accepted once: what is clear now is somebody's work.
    if (ticket.row.acceptedAt === null && BEFORE_ACCEPTANCE.includes(ticket.row.state as TicketState)) {
      book.note(ticket, { at, who: 'sensor', action: 'clear', to: 'closed' })
      return close(book, ticket, at, 'self-cleared')
    }
    book.note(ticket, { at, who: 'sensor', action: 'clear' })
    if (ticket.row.state === 'claimed-done') {
      if (isProven(ticket)) verified(book, ticket, at)
    } else ticket.askAt = at + book.policy.claimWaitMs
  }

  function nobodyClaimed(ticket: OpenTicket, at: Millis): void {
    ticket.askAt = null
    book.note(ticket, { at, who: 'system', action: 'claim-missing' })
    book.tell(ticket, { kind: 'claim-missing', at, addressee: OPERATORS })
  }

  function wakeTicket(ticket: OpenTicket, at: Millis): void {
    const { row } = ticket
    if (row.deferredUntil !== null && row.deferredUntil <= at) deferralOver(book, ticket, at)
    if (ticket.dispatchAt !== null && ticket.dispatchAt <= at) dispatch(book, ticket, at)
    if (row.verification === 'report' && (row.verifyBy ?? Infinity) <= at) unheard(book, ticket, at)
    if (ticket.askAt !== null && ticket.askAt <= at) nobodyClaimed(ticket, at)
    supervise(book, ticket, at)
    alarm(ticket)
  }

  function suppress({ rule, subject, into, at }: Key & { into: string | null; at: Millis }) {
    const ticket = book.byRule(rule, subject)
    if (!ticket) return 'none'
    if (into !== null && (ticket.row.state === 'new' || ticket.row.state === 'checked')) {
      if (ticket.episode) bare.set(keyOf(rule, subject), ticket.episode)
      ticket.episode = undefined
      book.set(ticket, { mergedInto: into })
      book.note(ticket, { at, who: 'sensor', action: 'merge', to: 'closed', data: { into } })
      close(book, ticket, at, 'merged')
      const parent = open.get(into)
      if (parent) handOver(ticket, parent)
      return 'merged'
    }
    if (!ticket.row.pauses.some(pause => pause.why === 'suppressed' && pause.until === null)) {
      beginPause(book, ticket, { from: at, until: null, why: 'suppressed' })
      book.note(ticket, { at, who: 'sensor', action: 'pause', data: { into } })
    }
    return 'paused'
  }

  function ended({
    rule,
    subject,
    endedAt,
    at,
    needsProof
  }: Key & { endedAt: Millis; at: Millis; needsProof?: boolean }): OpenTicket | undefined {
    const alone = bare.get(keyOf(rule, subject))
    if (alone) {
      book.endEpisode(alone, endedAt)
      bare.delete(keyOf(rule, subject))
      return undefined
    }
    const ticket = book.byRule(rule, subject)
    if (!ticket) return undefined
    if (ticket.episode) book.endEpisode(ticket.episode, endedAt)
    ticket.episode = undefined
    cleared(ticket, { endedAt, at, needsProof })
    return ticket
  }

  function severity({ rule, subject, severity: to, at }: Key & { severity: Severity; at: Millis }): void {
    const ticket = book.byRule(rule, subject)
    const episode = ticket?.episode ?? bare.get(keyOf(rule, subject))
    if (episode) {
      const changed = { ...episode, severity: to }
      book.effects().episodes.set(changed.id, changed)
      if (ticket?.episode) ticket.episode = changed
      else bare.set(keyOf(rule, subject), changed)
    }
    if (!ticket || ticket.row.severity === to) return
    const from = ticket.row.severity
    book.set(ticket, { severity: to })
    book.note(ticket, { at, who: 'sensor', action: 'severity', note: to, data: { from } })
  }

  function release({ rule, subject, at }: Key & { at: Millis }): void {
    const ticket = book.byRule(rule, subject)
    if (!ticket || !endPause(book, ticket, 'suppressed', at)) return
    book.note(ticket, { at, who: 'sensor', action: 'go-on' })
  }

  function change(body: TicketChange, who: string, at: Millis): Outcome {
    switch (body.kind) {
      case 'ticket-action':
        return act(book, body, who, at)
      case 'ticket-report':
        return report(book, body, who, at)
      case 'ticket-rating':
        return rate(book, body, at)
      case 'ticket-policy':
        book.policy = body.policy
        for (const ticket of open.values()) alarm(ticket)
        return { facility: null }
      case 'plan':
        planned(book, body.plan, at)
        return { facility: body.plan.facility }
      case 'service':
        book.fact({ kind: 'service', facility: body.facility, at })
        for (const ticket of scanned(book, body.facility, who, at)) cleared(ticket, { endedAt: at, at })
        return { facility: body.facility }
    }
  }

  /** Everything that happens, happens at a journal time and leaves the timers of what it altered set. */
  function at<T>(now: Millis, work: () => T): T {
    book.now = Math.max(book.now, now)
    const result = work()
    for (const ticket of book.takeAltered()) alarm(ticket)
    return result
  }

  return {
    began(event) {
      const episode = episodeOf(event, null)
      bare.set(keyOf(event.rule.id, event.subject), episode)
      book.effects().episodes.set(episode.id, episode)
    },

    fired: event => at(event.openedAt, () => fired(event)),
    ended: event => at(event.at, () => ended(event)),
    heard: ({ rule, subject, ...said }) =>
      at(said.knownAt, () => heard(book, book.byRule(rule, subject), said)),
    severity: event => at(event.at, () => severity(event)),
    suppress: event => at(event.at, () => suppress(event)),
    release: event => at(event.at, () => release(event)),
    measure: work => at(work.at, () => toMeasure(book, work)),
    act: (body, who, now) => at(now, () => change(body, who, now)),
    wake: ({ key }, now) =>
      at(now, () => {
        const ticket = open.get(key)
        const resting = book.rechecks.get(key)
        if (key.startsWith(PLAN_KEY)) windowOver(book, key.slice(PLAN_KEY.length), now)
        else if (resting) recheckDue(book, resting, now)
        else if (ticket) wakeTicket(ticket, now)
      }),

    takeFacts: book.takeFacts,
    open: book.byRule,
    byId: id => open.get(id),
    all: () => open.values(),
    plans: () => book.plans.values(),
    policy: () => book.policy,
    version: book.version,
    facilityVersion: book.facilityVersion,

    *saved() {
      yield { policy: book.policy, now: book.now }
      for (const plan of book.plans.values()) yield { plan }
      yield* open.values()
      for (const done of book.done.values()) yield { done }
      for (const ended of book.ended.values())
        yield { ended, recheck: book.rechecks.has(ended.row.id), kept: true }
      for (const [id, ended] of book.rechecks)
        if (!book.ended.has(id)) yield { ended, recheck: true, kept: false }
      for (const rateable of book.rateable.values()) yield { rateable }
      for (const episode of bare.values()) yield { bare: episode }
    },

    restore(item) {
      if ('row' in item) return book.keep(restored(item))
      if ('bare' in item) return void bare.set(keyOf(item.bare.rule, item.bare.subject), item.bare)
      if ('policy' in item) return void Object.assign(book, item)
      if ('plan' in item) return restorePlan(book, item.plan)
      if ('done' in item) return void book.done.set(item.done.key, item.done)
      if ('rateable' in item) {
        const { id } = item.rateable.row
        // One that also waits for its second look is the same ticket, not a second one that counts its events apart.
        return void book.rateable.set(id, book.rechecks.get(id) ?? restored(item.rateable))
      }
      const ticket = restored(item.ended)
      if (item.kept) book.keepEnded(ticket)
      if (item.recheck) book.rechecks.set(ticket.row.id, ticket)
    },

    adopt: (row, { events, followers, at: now }) =>
      at(now, () => {
        const ticket = restored({ row, events, followers, dispatchAt: null, askAt: null })
        book.keep(ticket)
        const { state, clearedAt } = ticket.row
        // Later, nobody claimed it, and that was told.
        if (clearedAt !== null && clearedAt + book.policy.claimWaitMs > now)
          ticket.askAt = clearedAt + book.policy.claimWaitMs
        if (state === 'new') ticket.dispatchAt = firstDispatchAt(book, ticket, 0)
        if (state === 'dispatched') lookForCrew(book, ticket, now)
      }),

    resume() {
      for (const ticket of open.values()) alarm(ticket)
      for (const ticket of book.rechecks.values()) alarmRecheck(book, ticket)
      for (const id of book.plans.keys()) alarmPlan(book, id)
    }
  }
}

/** How long the newest reading that opened it was on its way: of several sensors that is no time of the episode. */
function lagOf({ evidence }: Fired): Millis {
  const newest = evidence.at(-1)
  return newest ? newest.receivedAt - newest.measuredAt : 0
}

const restored = (ticket: OpenTicket): OpenTicket => ({
  ...ticket,
  row: completed(ticket.row),
  dispatchAt: ticket.dispatchAt ?? null,
  askAt: ticket.askAt ?? null
})

/** JSON knows no Infinity: a plan without a next window waits for none. */
function restorePlan(book: Book, state: PlanState): void {
  const { from, until } = state
  book.plans.set(state.plan.id, { ...state, from: from ?? Infinity, until: until ?? Infinity })
}
