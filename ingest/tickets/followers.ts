import type { TicketRatingBody } from '#model/changes'
import { RATE_WITHIN_MS, REPORTER } from '#model/report-follow'
import type { Millis } from '#model/time'
import type { Book } from './book.ts'
import type { OpenTicket, Outcome } from './desk-parts.ts'

/** The reporter may ask how it goes, and say how it went. */
export function follow(ticket: OpenTicket, report: string): void {
  ticket.followers = [...(ticket.followers ?? []), { report, rated: false }]
}

/** Who followed the one follows the other: it is the same trouble. What ends again can be rated again. */
export function handOver(from: OpenTicket, to: OpenTicket): void {
  if (!from.followers?.length) return
  const again = from.followers.map(({ report }) => ({ report, rated: false }))
  to.followers = [...(to.followers ?? []), ...again]
  from.followers = []
}

/** Whether somebody may still rate it at `at`. */
export const isRateable = ({ row, followers }: OpenTicket, at: Millis): boolean =>
  row.closedAt !== null &&
  at - row.closedAt <= RATE_WITHIN_MS &&
  (followers ?? []).some(({ rated }) => !rated)

/** What a reporter says of the end: once, for a while. */
export function rate(book: Book, body: TicketRatingBody, at: Millis): Outcome {
  const ticket = book.find(body.ticket) ?? book.rateable.get(body.ticket)
  const follower = ticket?.followers?.find(({ report }) => report === body.report)
  if (!ticket || !follower) return { refused: 'it cannot be rated any more' }
  const { row } = ticket
  if (row.closedAt === null) return { refused: 'it is not over yet' }
  if (follower.rated) return { refused: 'it was rated already' }
  if (at - row.closedAt > RATE_WITHIN_MS) return { refused: 'it cannot be rated any more' }
  follower.rated = true
  const { report, stars, comment } = body
  book.effects().ratings.push({ ticket: row.id, report, at, stars, comment })
  book.note(ticket, { at, who: REPORTER, action: 'rated', note: comment, data: { stars, report } })
  return { facility: row.facility }
}
