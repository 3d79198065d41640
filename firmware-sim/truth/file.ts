import { expectedIntervalMs } from '#model/device-models'
import { parseSubject } from '#model/ids'
import type { Millis } from '#model/time'
import { NO_ORDERS } from '../orders.ts'
import { VERIFY_INTERVALS, verifyWithinMs } from './domain.ts'
import type { Expectation, MustNot, MustTicket, Played } from './expectation.ts'

export const FORMAT = 'mingjie-truth'
/** Raised when something in the file changes its meaning or goes away; what is new does not raise it. 1 had no `end` and no `claim`. */
export const VERSION = 2

/** RFC 3339 in UTC; null: never, or not within the time. */
type Time = string | null

/** A ticket that must open, or may. */
export interface TicketInFile {
  rule: string
  subject: string
  /** It opens not before `from`, and not later than `toleranceMs` after it. */
  from: Time
  toleranceMs: Millis
  /** From here on its condition is gone in the world. */
  to: Time
  why: string
  /** It began and was over before it arrived: opened and closed at the same moment. */
  bornCleared?: true
  /** Its severity rises to critical between these. */
  critical?: { from: Time; to: Time }
  /** When nobody touches it. Only of `must`, and only where it can be told. */
  end?: {
    /** `clearedAt` of the ticket lies between these, by the sensor's clock; null: not within the time. */
    cleared: { from: Time; to: Time } | null
    how: 'self-cleared' | 'verified' | 'open'
  }
  /** When somebody claims it. */
  claim: {
    /** The first report after the claim says whether it is true; or only a person, or a scan, can. */
    provedBy: 'report' | 'person'
    /** A claim before this is contradicted by that report, one after it confirmed, once the sensor has followed. */
    trueFrom: Time
    /** So long that report is waited for; then a person has to look. */
    withinMs: Millis
  }
}

/** What `npm run sim -- --expect` writes. */
export interface TruthFile {
  format: typeof FORMAT
  version: typeof VERSION
  seed: number
  facilities: number
  from: Time
  to: Time
  /** How coarsely the clock goes in which it was thought out; tolerances contain it. */
  stepMs: Millis
  outages: { from: Time; to: Time }[]
  /** Announced work, to be entered at `enteredAt`. */
  works: { subject: string; from: Time; to: Time; enteredAt: Time }[]
  /** Rules to be changed at `at`: one road's threshold, or the hold of all. */
  edits: { at: Time; rule: string; road?: string; atLeastPct?: number; holdMs?: Millis }[]
  faults: { kind: string; device: string; from: Time; to: Time }[]
  must: TicketInFile[]
  may: TicketInFile[]
  mustNot: { rule: string; subject: string; from: Time; to: Time; why: string }[]
}

const time = (at: Millis): Time => (Number.isFinite(at) ? new Date(at).toISOString() : null)
const span = ({ from, to }: { from: Millis; to: Millis }) => ({ from: time(from), to: time(to) })

/** What is expected of a time that was played, or is to be, in a shape for other programs. */
export function expectationFile(options: {
  seed: number
  played: Played
  expectation: Expectation
}): TruthFile {
  const { seed, played, expectation } = options
  const { works, edits } = played.orders ?? NO_ORDERS
  const slowest = intervals(played)
  const ticket = (one: MustTicket) => ticketInFile(one, slowest)
  const not = ({ rule, subject, why, ...when }: MustNot) => ({ rule, subject, why, ...span(when) })
  return {
    format: FORMAT,
    version: VERSION,
    seed,
    facilities: played.city.facilities.length,
    ...span(played),
    stepMs: played.stepMs,
    outages: (played.outages ?? []).map(span),
    works: works.map(({ subject, enteredAt, ...when }) => ({
      subject,
      ...span(when),
      enteredAt: time(enteredAt)
    })),
    edits: edits.map(({ at, ...edit }) => ({ ...edit, at: time(at) })),
    faults: played.faults.map(({ kind, device, ...when }) => ({ kind, device, ...span(when) })),
    must: expectation.must.map(ticket),
    may: expectation.may.map(ticket),
    mustNot: expectation.mustNot.map(not)
  }
}

function ticketInFile(one: MustTicket, slowest: (subject: string) => Millis): TicketInFile {
  const { rule, subject, why, toleranceMs, bornCleared, critical, fate } = one
  return {
    rule,
    subject,
    ...span(one),
    toleranceMs,
    why,
    ...(bornCleared && { bornCleared }),
    ...(critical && { critical: span(critical) }),
    ...(fate?.clears !== undefined &&
      fate.ending !== undefined && {
        end: { cleared: fate.clears === null ? null : span(fate.clears), how: fate.ending }
      }),
    claim: {
      provedBy: rule === 'toilet-clean-due' ? 'person' : 'report',
      trueFrom: time(one.to),
      withinMs: Math.max(verifyWithinMs(rule), VERIFY_INTERVALS * slowest(subject))
    }
  }
}

/** How often the slowest device of a subject reports. */
function intervals({ city }: Played): (subject: string) => Millis {
  const longest = new Map<string, Millis>()
  for (const device of city.devices) {
    const ms = expectedIntervalMs(device)
    for (const id of [device.id, device.facility ?? '']) longest.set(id, Math.max(longest.get(id) ?? 0, ms))
  }
  return subject => longest.get(parseSubject(subject)?.id ?? '') ?? 0
}
