import type { EvidenceRow } from '#db/schema'
import type { ChangeBody } from '#model/changes'
import type { FacilityKind } from '#model/kinds'
import type { Facility } from '#model/registry'
import type { Rule, Severity } from '#model/rules'
import { BEFORE_ACCEPTANCE, isOpen, ticketMove, type CloseReason, type TicketState } from '#model/tickets'
import type { Millis } from '#model/time'
import type { Effects, EpisodeRow, TicketRow } from '../effects.ts'
import type { Registry } from '../registry.ts'
import type { Timed } from '../rules/timers.ts'
import { episodeId, ticketId } from './ticket-id.ts'

/** An open ticket in memory: its row, and how many events it has. */
export interface OpenTicket {
  row: TicketRow
  events: number
  /** The episode that is going on, if one is. */
  episode: EpisodeRow | undefined
}

export interface Fired {
  /** As it counts for this subject. */
  rule: Rule
  /** Of each overridden field the scope it comes from. */
  sources?: Record<string, string>
  subject: string
  startedAt: Millis
  firedAt: Millis
  /** Journal time: deadlines run from here. */
  openedAt: Millis
  /** Names the ticket where one of the same episode was merged before; else `startedAt` does. */
  idFrom?: Millis
  evidence: EvidenceRow[]
  facility: Facility | undefined
  area: string | null
  /** By when it must be resolved, in journal time. */
  dueAt: Millis
}

export type TicketActionBody = Extract<ChangeBody, { kind: 'ticket-action' }>
/** Every change that tickets take. */
export type TicketChange = TicketActionBody

/** What came of a change. `quiet`: its person ended an episode that still goes on; nothing may begin before `until`. */
export type Outcome =
  | { refused: string }
  | {
      refused?: undefined
      facility: string | null
      quiet?: { rule: string; subject: string; until: Millis }
    }

/** What happened that rules must know. */
export type Fact =
  /** The facility was cleaned. */
  | { kind: 'service'; facility: string; at: Millis }
  | { kind: 'closed'; rule: string; subject: string; ticket: string; at: Millis }

/** A timer of a ticket in the heap of the rules. */
export interface TicketTimer extends Timed {
  readonly what: 'ticket'
  readonly key: string
}

/** Who is told and sent, by area, as data says at that moment. */
export interface Addressees {
  crewFor(place: { area: string; kind: FacilityKind | null; at: Millis }): { id: string } | undefined
  /** 街长: 1 is the highest, 3 the nearest. */
  chiefOf(area: string, level: 1 | 2 | 3): { username: string | null; name: string } | undefined
  unitOf(area: string): string | undefined
}

/** One item of what a checkpoint keeps of the desk. */
export type SavedItem = OpenTicket | { bare: EpisodeRow }

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
  /** The episode is over since `endedAt` (event time); we know it at `at` (journal time). Also of one without a ticket. */
  ended(key: Key & { endedAt: Millis; at: Millis }): OpenTicket | undefined
  /**
   * While a claimed ticket waits: a report measured at `at` said so. `confirmed`: the ticket is closed and its episode
   * over, the engine resets it; `returned`: the crew has to go again.
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
  /** What a person did, at journal time `at`. */
  act(change: TicketChange, who: string, at: Millis): Outcome
  /** A timer of a ticket is due. */
  wake(timed: TicketTimer, at: Millis): void
  /** What happened that rules must know; emptied by reading. */
  takeFacts(): Fact[]
  open(rule: string, subject: string): OpenTicket | undefined
  byId(id: string): OpenTicket | undefined
  all(): IterableIterator<OpenTicket>
  /** What a checkpoint keeps; `restore` each of it into an empty desk, then `resume`. */
  saved(): Iterable<SavedItem>
  restore(item: SavedItem): void
  /** Sets the timers again after a checkpoint was restored. */
  resume(): void
}

export interface DeskParts {
  effects: () => Effects
  /** Puts a timer into the heap the rules share. */
  schedule: (timed: Timed) => void
  registry: Registry
  /** Nobody by default: tickets wait for a person to dispatch them. */
  addressees?: Addressees
}

const keyOf = ({ rule, subject }: Key) => `${rule}|${subject}`

export function createTicketDesk({ effects }: DeskParts): TicketDesk {
  const byKey = new Map<string, OpenTicket>()
  const byId = new Map<string, OpenTicket>()
  /** Episodes that go on without an open ticket, by rule and subject. */
  const bare = new Map<string, EpisodeRow>()
  let facts: Fact[] = []

  const keyOfTicket = ({ row }: OpenTicket) => keyOf({ rule: row.rule ?? '', subject: row.subject })

  function keep(ticket: OpenTicket): void {
    byKey.set(keyOfTicket(ticket), ticket)
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
    byKey.delete(keyOfTicket(ticket))
    byId.delete(ticket.row.id)
    const { rule, subject, id } = ticket.row
    if (rule !== null) facts.push({ kind: 'closed', rule, subject, ticket: id, at })
  }

  function endEpisode(episode: EpisodeRow, endedAt: Millis): void {
    effects().episodes.set(episode.id, { ...episode, endedAt })
  }

  function episodeOf(fired: Fired, ticket: string | null): EpisodeRow {
    const episode: EpisodeRow = {
      id: episodeId(fired.rule.id, fired.subject, fired.startedAt),
      rule: fired.rule.id,
      ruleVersion: fired.rule.version,
      subject: fired.subject,
      facility: fired.facility?.id ?? null,
      severity: fired.rule.severity,
      startedAt: fired.startedAt,
      firedAt: fired.firedAt,
      endedAt: null,
      ticket,
      shard: 0
    }
    effects().episodes.set(episode.id, episode)
    return episode
  }

  function create(fired: Fired): OpenTicket {
    const { rule, subject, facility } = fired
    const row: TicketRow = {
      id: ticketId(rule.id, subject, fired.idFrom ?? fired.startedAt),
      source: 'sensor',
      rule: rule.id,
      ruleVersion: rule.version,
      parameters: {
        when: rule.when,
        forMs: rule.forMs,
        clear: rule.clear,
        clearForMs: rule.clearForMs,
        noData: rule.noData,
        ...(fired.sources && { sources: fired.sources })
      },
      subject,
      facility: facility?.id ?? null,
      facilityKind: facility?.kind ?? null,
      area: fired.area,
      crew: null,
      state: 'new',
      severity: rule.severity,
      openedAt: fired.openedAt,
      dueAt: fired.dueAt,
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

  function confirm(ticket: OpenTicket, at: Millis): void {
    note(ticket, { at, who: 'sensor', action: 'verify', to: 'closed' })
    end(ticket, at, 'verified')
  }

  return {
    began(fired) {
      const key = keyOf({ rule: fired.rule.id, subject: fired.subject })
      bare.set(key, episodeOf(fired, null))
    },

    fired(fired) {
      const key = keyOf({ rule: fired.rule.id, subject: fired.subject })
      const known = byKey.get(key)
      const ticket = known ?? create(fired)
      ticket.episode = episodeOf(fired, ticket.row.id)
      bare.delete(key)
      if (known) {
        ticket.row = { ...ticket.row, clearedAt: null }
        note(ticket, { at: fired.openedAt, who: 'sensor', action: 'again' })
      }
      keep(ticket)
      return ticket
    },

    ended({ endedAt, at, ...key }) {
      const alone = bare.get(keyOf(key))
      if (alone) {
        endEpisode(alone, endedAt)
        bare.delete(keyOf(key))
      }
      const ticket = byKey.get(keyOf(key))
      if (!ticket || alone) return undefined
      if (ticket.episode) endEpisode(ticket.episode, endedAt)
      ticket.episode = undefined
      ticket.row = { ...ticket.row, clearedAt: endedAt, bornCleared: endedAt <= ticket.row.openedAt }
      if (BEFORE_ACCEPTANCE.includes(ticket.row.state as TicketState)) {
        note(ticket, { at, who: 'sensor', action: 'clear', to: 'closed' })
        end(ticket, at, 'self-cleared')
      } else {
        note(ticket, { at, who: 'sensor', action: 'clear' })
        if (ticket.row.state === 'claimed-done') confirm(ticket, at)
      }
      return ticket
    },

    heard: () => undefined,

    severity({ severity, at, ...key }) {
      const ticket = byKey.get(keyOf(key))
      const episode = ticket?.episode ?? bare.get(keyOf(key))
      if (episode) {
        const changed = { ...episode, severity }
        effects().episodes.set(changed.id, changed)
        if (ticket?.episode) ticket.episode = changed
        else bare.set(keyOf(key), changed)
      }
      if (!ticket) return
      ticket.row = { ...ticket.row, severity }
      note(ticket, { at, who: 'sensor', action: 'severity', note: severity })
    },

    suppress({ into, at, ...key }) {
      const ticket = byKey.get(keyOf(key))
      if (!ticket) return 'none'
      if (into === null || !(ticket.row.state === 'new' || ticket.row.state === 'checked')) return 'paused'
      if (ticket.episode) bare.set(keyOf(key), ticket.episode)
      ticket.episode = undefined
      note(ticket, { at, who: 'sensor', action: 'merge', to: 'closed', note: into })
      end(ticket, at, 'merged')
      return 'merged'
    },

    release() {},

    act(body, who, at) {
      const ticket = byId.get(body.ticket)
      if (!ticket) return { refused: 'the ticket is not open any more' }
      const move = ticketMove(body.action)
      const state = ticket.row.state as TicketState
      if (!move.from.includes(state))
        return { refused: `the ticket is ${state}: it cannot be moved by "${body.action}" now` }
      if (move.reason && !body.note?.trim()) return { refused: `"${body.action}" needs a reason` }
      const ends = move.to !== undefined && !isOpen(move.to)
      const holds = ends && ticket.episode !== undefined
      if (holds && !(body.quietUntil !== null && body.quietUntil > at)) {
        const refused =
          'the condition still holds: say until when it shall stay quiet (quietUntil, in the future)'
        return { refused }
      }
      note(ticket, {
        at,
        who,
        action: body.action,
        note: body.note,
        ...(move.to === undefined ? {} : { to: move.to })
      })
      if (ends) {
        if (ticket.episode) endEpisode(ticket.episode, at)
        ticket.episode = undefined
        end(ticket, at, body.action === 'void' ? 'void' : 'person')
      } else if (move.to === 'claimed-done' && ticket.row.clearedAt !== null) {
        confirm(ticket, at)
      }
      const { facility, rule, subject } = ticket.row
      const quiet = { rule: rule ?? '', subject, until: body.quietUntil ?? at }
      return { facility, ...(holds && { quiet }) }
    },

    wake() {},
    takeFacts() {
      const taken = facts
      facts = []
      return taken
    },

    open: (rule, subject) => byKey.get(keyOf({ rule, subject })),
    byId: id => byId.get(id),
    all: () => byId.values(),
    *saved() {
      yield* byId.values()
      for (const episode of bare.values()) yield { bare: episode }
    },
    restore(item) {
      if ('row' in item) keep(item)
      else bare.set(keyOf(item.bare), item.bare)
    },
    resume() {}
  }
}
