import { hours, type Millis } from '#model/time'
import type { FoundEpisode } from './backtest.ts'

/** Episodes so soon after the last one are the same trouble flickering. */
const FLAP_MS = hours(1)

export interface BacktestFigures {
  episodes: number
  tickets: number
  /** Time in episodes within the range, over all subjects. */
  minutes: number
  /** Episodes of a subject that began within an hour of its last one's end. */
  flaps: number
}

export interface Difference {
  subject: string
  what: 'only-draft' | 'only-present' | 'other-times'
  /** Of the draft where it has one, else of the present version; `to` null: until the end and beyond. */
  from: Millis
  to: Millis | null
  /** The present version's times, where they are others. */
  presentFrom?: Millis
  presentTo?: Millis | null
}

interface Range {
  from: Millis
  to: Millis
}

/** Those that were true at some time of the range, by subject and time. */
export const within = (episodes: readonly FoundEpisode[], { from, to }: Range): FoundEpisode[] =>
  episodes
    .filter(({ startedAt, endedAt }) => startedAt < to && (endedAt ?? Infinity) > from)
    .sort((a, b) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : a.startedAt - b.startedAt))

/** `episodes` as `within` answers them. */
export function figuresOf(episodes: readonly FoundEpisode[], { from, to }: Range): BacktestFigures {
  let ms = 0
  let flaps = 0
  for (const [i, { subject, startedAt, endedAt }] of episodes.entries()) {
    ms += Math.min(endedAt ?? to, to) - Math.max(startedAt, from)
    const before = episodes[i - 1]
    if (before?.subject === subject && before.endedAt !== null && startedAt - before.endedAt < FLAP_MS)
      flaps++
  }
  const tickets = new Set(episodes.flatMap(({ ticket }) => (ticket === null ? [] : [ticket])))
  return { episodes: episodes.length, tickets: tickets.size, minutes: Math.round(ms / 60_000), flaps }
}

/** What the draft finds otherwise, by time; both lists as `within` answers them. */
export function differences(draft: readonly FoundEpisode[], present: readonly FoundEpisode[]): Difference[] {
  const others = new Map<string, FoundEpisode[]>()
  for (const one of present) others.set(one.subject, [...(others.get(one.subject) ?? []), one])
  const met = new Set<FoundEpisode>()
  const found: Difference[] = []
  for (const one of draft) {
    const { subject, startedAt: from, endedAt: to } = one
    const overlapping = (others.get(subject) ?? []).filter(
      other => !met.has(other) && other.startedAt < (to ?? Infinity) && (other.endedAt ?? Infinity) > from
    )
    const [same] = overlapping
    if (!same) {
      found.push({ subject, what: 'only-draft', from, to })
      continue
    }
    met.add(same)
    if (same.startedAt === from && same.endedAt === to) continue
    found.push({
      subject,
      what: 'other-times',
      from,
      to,
      presentFrom: same.startedAt,
      presentTo: same.endedAt
    })
  }
  for (const one of present) {
    if (met.has(one)) continue
    found.push({ subject: one.subject, what: 'only-present', from: one.startedAt, to: one.endedAt })
  }
  return found.sort((a, b) => a.from - b.from || (a.subject < b.subject ? -1 : 1))
}
