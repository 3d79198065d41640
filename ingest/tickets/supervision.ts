import { COLOUR_IDS, COLOURS, type Colour } from '#model/tickets'
import type { EscalationLevel } from '#model/ticket-policy'
import type { Millis } from '#model/time'
import { allowedMs, reachedAt, resolvedBy } from './clock.ts'
import type { Book } from './book.ts'
import type { OpenTicket } from './desk-parts.ts'

/** The next colour and the next level, each with when its share of the allowed time is used up. */
interface Step {
  at: Millis
  take: () => void
}

const rank = (colour: string | null): number => (colour === null ? -1 : COLOUR_IDS.indexOf(colour as Colour))

/** When the ticket changes colour or goes up a level next; Infinity while its resolve clock is stopped. */
export const superviseAt = (book: Book, ticket: OpenTicket): Millis =>
  Math.min(Infinity, ...steps(book, ticket, 0).map(step => step.at))

/** Takes every step that is due by `at`: colours only ever go up, levels one after the other. */
export function supervise(book: Book, ticket: OpenTicket, at: Millis): void {
  for (;;) {
    const due = steps(book, ticket, at)
      .filter(step => step.at <= at)
      .sort((a, b) => a.at - b.at)
    if (!due[0]) return
    due[0].take()
  }
}

function steps(book: Book, ticket: OpenTicket, at: Millis): Step[] {
  const { row } = ticket
  if (resolvedBy(row) !== undefined) return []
  const reached = (share: number): Millis =>
    reachedAt(row, book.calendar(), row.openedAt, Math.round(share * allowedMs(row)))
  const found: Step[] = []
  const redNow = book.policy.redAtOnce.some(severity => severity === row.severity)
  const now = rank(row.colour)
  const red = COLOUR_IDS.length - 1
  if (redNow && now < red) found.push({ at: row.openedAt, take: () => colour(book, ticket, 'red', at) })
  else
    // The highest that is due counts: a clock that comes back late does not name the colours between.
    for (const next of COLOUR_IDS.slice(now + 1).reverse()) {
      const due = reached(COLOURS[next].share)
      if (due <= at || next === COLOUR_IDS[now + 1]) {
        found.push({ at: due, take: () => colour(book, ticket, next, at) })
        break
      }
    }
  const level = book.policy.escalation[row.level]
  if (level) found.push({ at: reached(level.share), take: () => escalate(book, ticket, level.to, at) })
  return found
}

function colour(book: Book, ticket: OpenTicket, to: Colour, at: Millis): void {
  const { area } = ticket.row
  const chief = area === null ? undefined : book.addressees?.chiefOf(area, COLOURS[to].chief)
  const addressee = chief?.username ?? undefined
  book.set(ticket, { colour: to })
  const data = {
    colour: to,
    chief: COLOURS[to].chief,
    name: chief?.name ?? null,
    addressee: addressee ?? null
  }
  book.note(ticket, { at, who: 'system', action: 'colour', note: to, data })
  book.tell(ticket, { kind: 'colour', at, addressee })
}

function escalate(book: Book, ticket: OpenTicket, to: EscalationLevel, at: Millis): void {
  const addressee = addresseeAt(book, ticket, to)
  book.set(ticket, { level: ticket.row.level + 1 })
  const data = { level: to, addressee: addressee ?? null }
  book.note(ticket, { at, who: 'system', action: 'escalate', note: to, data })
  book.tell(ticket, { kind: 'escalated', at, addressee })
}

/** The chief of the grid, street or district it lies in; at last the unit that answers for the area. */
function addresseeAt(book: Book, { row }: OpenTicket, to: EscalationLevel): string | undefined {
  if (row.area === null) return undefined
  if (to === 'unit') {
    const unit = row.unit ?? book.addressees?.unitOf(row.area)
    return unit === undefined ? undefined : `unit:${unit}`
  }
  const area = book.registry.areaPath(row.area).find(one => one.kind === to)
  const level = { grid: 3, street: 2, district: 1 } as const
  return (area && book.addressees?.chiefOf(area.id, level[to])?.username) ?? undefined
}
