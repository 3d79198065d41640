import { createHash } from 'node:crypto'
import type { Millis } from '#model/time'

const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

/**
 * The id of the ticket a (rule, subject) opens for an episode that began then: the same on every replay, short
 * enough to say on the phone. The UTC day, then 50 bits without letters that look alike, e.g. `261120-7K3F9QXWBA`:
 * at ten thousand tickets a day one chance in sixty thousand a year that two of one day share an id.
 */
export function ticketId(rule: string, subject: string, startedAt: Millis): string {
  const digest = createHash('sha256').update(`${rule}|${subject}|${startedAt}`).digest()
  const code = Array.from(digest.subarray(0, 10), byte => ALPHABET[byte % 32]).join('')
  return `${new Date(startedAt).toISOString().slice(2, 10).replaceAll('-', '')}-${code}`
}

/** The id of one episode: (rule, subject, start) names it. */
export const episodeId = (rule: string, subject: string, startedAt: Millis): string =>
  `${ticketId(rule, subject, startedAt)}-e`
