import type { EvidenceRow } from '#db/schema'
import type { CleaningGrade } from '#model/kinds'
import type { Facility } from '#model/registry'
import { dueMsOf, type Rule } from '#model/rules'
import { BEFORE_ACCEPTANCE, isOpen, ticketMove, type CloseReason, type TicketState } from '#model/tickets'
import type { ChangeBody } from '#model/changes'
import type { Millis } from '#model/time'
import type { Effects, EpisodeRow, TicketRow } from '../effects.ts'
import { episodeId, ticketId } from './ticket-id.ts'

/** An open ticket in memory: its row, and how many events it has. */
export interface OpenTicket {
  row: TicketRow
  events: number
  /** The episode that is going on, if one is. */
  episode: EpisodeRow | undefined
}

export interface Fired {
  rule: Rule
  subject: string
  startedAt: Millis
  firedAt: Millis
  /** Journal time: deadlines run from here. */
  openedAt: Millis
  evidence: EvidenceRow[]
  facility: Facility | undefined
  area: string | null
  cleaningGrade: CleaningGrade | undefined
}

export type TicketActionBody = Extract<ChangeBody, { kind: 'ticket-action' }>

/** Opens, clears and moves tickets. Exactly one is open for a (rule, subject); every change of one goes through here. */
export interface TicketDesk {
  fired(fired: Fired): OpenTicket
  /** The episode that began at `startedAt` is over since `endedAt` (event time); we know it at `at` (journal time). */
  ended(key: { rule: string; subject: string; endedAt: Millis; at: Millis }): OpenTicket | undefined
  /** What a person did, at journal time `at`. Answers why it cannot be, or undefined when it is done. */
  act(body: TicketActionBody, who: string, at: Millis): string | undefined
  open(rule: string, subject: string): OpenTicket | undefined
  byId(id: string): OpenTicket | undefined
  all(): IterableIterator<OpenTicket>
  restore(ticket: OpenTicket): void
}

const keyOf = (rule: string, subject: string) => `${rule}|${subject}`

export function createTicketDesk(effects: () => Effects): TicketDesk {
  const byKey = new Map<string, OpenTicket>()
  const byId = new Map<string, OpenTicket>()

  function keep(ticket: OpenTicket): void {
    byKey.set(keyOf(ticket.row.rule ?? '', ticket.row.subject), ticket)
    byId.set(ticket.row.id, ticket)
  }

  function note(
    ticket: OpenTicket,
    event: { at: Millis; who: string; action: string; to?: TicketState; note?: string | null }
  ) {
    const from = ticket.row.state
    const to = event.to ?? from
    ticket.row = { ...ticket.row, state: to }
    effects().events.push({
      ticket: ticket.row.id,
      no: ticket.events++,
      at: event.at,
      who: event.who,
      action: event.action,
      from: event.action === 'open' ? null : from,
      to: event.to ?? null,
      note: event.note ?? null
    })
    effects().tickets.set(ticket.row.id, ticket.row)
  }

  function end(ticket: OpenTicket, at: Millis, reason: CloseReason): void {
    ticket.row = { ...ticket.row, closedAt: at, closeReason: reason }
    effects().tickets.set(ticket.row.id, ticket.row)
    byKey.delete(keyOf(ticket.row.rule ?? '', ticket.row.subject))
    byId.delete(ticket.row.id)
  }

  function endEpisode(ticket: OpenTicket, endedAt: Millis): void {
    if (!ticket.episode) return
    const episode = { ...ticket.episode, endedAt }
    effects().episodes.set(episode.id, episode)
    ticket.episode = undefined
  }

  function create(fired: Fired): OpenTicket {
    const { rule, subject, facility } = fired
    const row: TicketRow = {
      id: ticketId(rule.id, subject, fired.startedAt),
      source: 'sensor',
      rule: rule.id,
      ruleVersion: rule.version,
      parameters: {
        when: rule.when,
        forMs: rule.forMs,
        clear: rule.clear,
        clearForMs: rule.clearForMs,
        noData: rule.noData
      },
      subject,
      facility: facility?.id ?? null,
      facilityKind: facility?.kind ?? null,
      area: fired.area,
      crew: null,
      state: 'new',
      severity: rule.severity,
      openedAt: fired.openedAt,
      dueAt: fired.openedAt + dueMsOf(rule, fired.cleaningGrade),
      clearedAt: null,
      closedAt: null,
      closeReason: null,
      bornCleared: false,
      evidence: fired.evidence,
      shard: 0
    }
    const ticket: OpenTicket = { row, events: 0, episode: undefined }
    note(ticket, { at: fired.openedAt, who: 'sensor', action: 'open', to: 'new' })
    return ticket
  }

  function claimed(ticket: OpenTicket, at: Millis): void {
    if (ticket.row.clearedAt === null) return
    note(ticket, { at, who: 'sensor', action: 'verify', to: 'closed' })
    end(ticket, at, 'verified')
  }

  return {
    fired(fired) {
      const known = byKey.get(keyOf(fired.rule.id, fired.subject))
      const ticket = known ?? create(fired)
      ticket.episode = {
        id: episodeId(fired.rule.id, fired.subject, fired.startedAt),
        rule: fired.rule.id,
        ruleVersion: fired.rule.version,
        subject: fired.subject,
        facility: ticket.row.facility,
        severity: fired.rule.severity,
        startedAt: fired.startedAt,
        firedAt: fired.firedAt,
        endedAt: null,
        ticket: ticket.row.id,
        shard: 0
      }
      effects().episodes.set(ticket.episode.id, ticket.episode)
      if (known) {
        ticket.row = { ...ticket.row, clearedAt: null }
        note(ticket, { at: fired.openedAt, who: 'sensor', action: 'again' })
      }
      keep(ticket)
      return ticket
    },

    ended({ rule, subject, endedAt, at }) {
      const ticket = byKey.get(keyOf(rule, subject))
      if (!ticket) return undefined
      endEpisode(ticket, endedAt)
      const bornCleared = endedAt <= ticket.row.openedAt
      ticket.row = { ...ticket.row, clearedAt: endedAt, bornCleared }
      if (BEFORE_ACCEPTANCE.includes(ticket.row.state as TicketState)) {
        note(ticket, { at, who: 'sensor', action: 'clear', to: 'closed' })
        end(ticket, at, 'self-cleared')
      } else {
        note(ticket, { at, who: 'sensor', action: 'clear' })
        if (ticket.row.state === 'claimed-done') claimed(ticket, at)
      }
      return ticket
    },

    act(body, who, at) {
      const ticket = byId.get(body.ticket)
      if (!ticket) return 'the ticket is not open any more'
      const move = ticketMove(body.action)
      const state = ticket.row.state as TicketState
      if (!move.from.includes(state))
        return `the ticket is ${state}: it cannot be moved by "${body.action}" now`
      if (move.reason && !body.note?.trim()) return `"${body.action}" needs a reason`
      const ends = move.to !== undefined && !isOpen(move.to)
      if (ends && ticket.episode && !(body.quietUntil !== null && body.quietUntil > at)) {
        return 'the condition still holds: say until when it shall stay quiet (quietUntil, in the future)'
      }
      note(ticket, {
        at,
        who,
        action: body.action,
        note: body.note,
        ...(move.to === undefined ? {} : { to: move.to })
      })
      if (ends) {
        endEpisode(ticket, at)
        end(ticket, at, body.action === 'void' ? 'void' : 'person')
      } else if (move.to === 'claimed-done') {
        claimed(ticket, at)
      }
      return undefined
    },

    open: (rule, subject) => byKey.get(keyOf(rule, subject)),
    byId: id => byId.get(id),
    all: () => byId.values(),
    restore: keep
  }
}
