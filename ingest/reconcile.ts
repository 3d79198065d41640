import { isDeepStrictEqual } from 'node:util'
import type { StandingRows } from '#db/state-store'
import type { Millis } from '#model/time'
import type { Effects, EpisodeRow, TicketRow } from './effects.ts'
import { noEffects } from './effects.ts'
import type { Follower, OpenTicket, TicketDesk } from './tickets/desk.ts'
import { handOver } from './tickets/followers.ts'

/** What the tickets in memory are, live: whoever alters one alters the desk's. */
interface InMemory {
  tickets: Map<string, OpenTicket>
  open: Map<string, OpenTicket>
  episodes: Map<string, EpisodeRow>
}

/** Every ticket the desk may still write of. */
export function ticketsIn(desk: TicketDesk): InMemory {
  const found: InMemory = { tickets: new Map(), open: new Map(), episodes: new Map() }
  for (const item of desk.saved()) {
    const ticket =
      'row' in item ? item : 'ended' in item ? item.ended : 'rateable' in item ? item.rateable : undefined
    if (ticket) found.tickets.set(ticket.row.id, ticket)
    if ('row' in item) found.open.set(item.row.id, item)
    const episode = 'row' in item ? item.episode : 'bare' in item ? item.bare : undefined
    if (episode) found.episodes.set(episode.id, episode)
  }
  return found
}

/**
 * After a replay: what the database must be told so that its rows are what the rules now stand on. Undefined where the code is
 * the one that wrote them. Another build may have decided the last half minute otherwise; the memory wins, because the next
 * decisions come from it: what it has is written, and what only the rows have open is closed, as part of the open ticket of the same
 * trouble, or as one that cleared itself. So one ticket is open for each trouble, and none that nobody would end.
 *
 * @param replayed what the replay decided, and would have been thrown away
 * @param at the journal time the replay ended at
 */
export function reconciled(options: {
  desk: TicketDesk
  replayed: Effects
  rows: StandingRows
  at: Millis
}): Effects | undefined {
  const { desk, replayed, rows, at } = options
  const memory = ticketsIn(desk)
  if (agrees(memory, rows)) return undefined

  const effects = noEffects()
  const write = (row: TicketRow) => void effects.tickets.set(row.id, row)
  const entriesOf = (id: string): number => rows.entries.get(id) ?? 0
  /** Those that the replay left elsewhere are there now. */
  const movedOn = new Set(replayed.reports.map(({ id }) => id))
  const followersOf = (id: string): Follower[] =>
    (rows.followers.get(id) ?? [])
      .filter(report => !movedOn.has(report))
      .map(report => ({ report, rated: false }))
  // Closed before others are opened: the database allows one open ticket at any moment.
  for (const row of rows.tickets) {
    const known = memory.tickets.get(row.id)
    if (known && known.row.closedAt !== null) write(known.row)
    else if (!known) {
      const [no, followers] = [entriesOf(row.id), followersOf(row.id)]
      if (row.rule === null) desk.adopt(row, { events: no, followers, at })
      else closeUnknown({ desk, effects, at, no, followers }, row)
    }
  }
  for (const { row } of memory.open.values()) write(row)
  for (const row of replayed.tickets.values()) if (!effects.tickets.has(row.id)) write(row)

  for (const episode of rows.episodes) {
    if (!memory.episodes.has(episode.id))
      effects.episodes.set(episode.id, { ...episode, endedAt: Math.max(at, episode.firedAt) })
  }
  for (const episode of [...replayed.episodes.values(), ...memory.episodes.values()])
    effects.episodes.set(episode.id, episode)

  effects.reports.push(...replayed.reports)
  // What was written keeps its number; the histories go on behind both.
  effects.events.push(...replayed.events.filter(({ ticket, no }) => no >= entriesOf(ticket)))
  effects.notifications.push(
    ...replayed.notifications.filter(({ id, ticket }) => entryOf(id, ticket) >= entriesOf(ticket))
  )
  for (const [id, ticket] of memory.tickets) ticket.events = Math.max(ticket.events, entriesOf(id))
  return effects
}

function agrees(memory: InMemory, rows: StandingRows): boolean {
  const same = (mine: Iterable<{ id: string }>, theirs: readonly { id: string }[]) => {
    const byId = new Map([...mine].map(row => [row.id, row]))
    return (
      byId.size === theirs.length &&
      theirs.every(row => isDeepStrictEqual(asJson(byId.get(row.id)), asJson(row)))
    )
  }
  return (
    same(
      [...memory.open.values()].map(({ row }) => row),
      rows.tickets
    ) &&
    same(memory.episodes.values(), rows.episodes) &&
    [...memory.tickets].every(([id, { events }]) => events === (rows.entries.get(id) ?? 0))
  )
}

const asJson = (row: object | undefined): unknown => row && (JSON.parse(JSON.stringify(row)) as unknown)

/** A notification is named after its ticket and the entry it belongs to. */
const entryOf = (id: string, ticket: string): number => Number(id.slice(ticket.length + 1).split('-')[0])

function closeUnknown(
  {
    desk,
    effects,
    at,
    no,
    followers
  }: { desk: TicketDesk; effects: Effects; at: Millis; no: number; followers: Follower[] },
  row: TicketRow
): void {
  const whole = row.rule === null ? undefined : desk.open(row.rule, row.subject)
  const into = whole?.row.id
  const closedAt = Math.max(at, row.openedAt)
  const closed: TicketRow = {
    ...row,
    state: 'closed',
    closedAt,
    clearedAt: closedAt,
    resolvedAt: closedAt,
    closeReason: into === undefined ? 'self-cleared' : 'merged',
    mergedInto: into ?? null,
    // By the rules as they are it never was: outside all rates.
    bornCleared: true,
    pauses: row.pauses.map(pause => ({ ...pause, until: pause.until ?? closedAt })),
    deferredUntil: null,
    asked: null,
    verification: null,
    verifyBy: null
  }
  effects.tickets.set(row.id, closed)
  effects.events.push({
    ticket: row.id,
    no,
    at: closedAt,
    who: 'system',
    action: into === undefined ? 'clear' : 'merge',
    from: row.state,
    to: 'closed',
    note: null,
    data: into === undefined ? null : { into }
  })
  const ended: OpenTicket = { row: closed, events: no + 1, dispatchAt: null, askAt: null, followers }
  if (whole) handOver(ended, whole)
  desk.restore({ ended, kept: true, recheck: false })
}
