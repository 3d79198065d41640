import { expectedIntervalMs } from '#model/device-models'
import { parseSubject, subjectOf } from '#model/ids'
import type { Millis } from '#model/time'
import type { Deed } from '../crews/deeds.ts'
import { NO_ORDERS } from '../orders.ts'
import { VERIFY_INTERVALS, verifyWithinMs } from './domain.ts'
import type { Ending, Fate, Outcome } from './fate.ts'
import type { Expectation, MustNot, MustTicket, Played } from './expectation.ts'

const FORMAT = 'mingjie-truth'
/**
 * Raised when something in the file changes its meaning or goes away; what is new does not raise it. 1 had no `end` and no `claim`; in 2
 * `end` was of a ticket nobody touches, and had both its parts or was not there.
 */
export const VERSION = 3

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
  /** After what people did to it (`people`). Only of `must`; what is not there cannot be told. */
  end?: {
    /** `clearedAt` of the ticket lies between these, by the sensor's clock; null: not within the time. */
    cleared?: { from: Time; to: Time } | null
    how?: Ending
  }
  /** What became of each claim of its crew; null: that cannot be told. */
  claims?: { at: Time; outcome: Outcome | null }[]
  /** A crew without signal was there, and its claim came when it was over: it is kept. */
  lateClaim?: true
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

/** One thing somebody did, as they know it themselves. */
export interface DeedInFile {
  at: Time
  what: Deed['what']
  subject: string
  rule?: string | null
  ticket?: string
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
  /** When the program was away, or is to be; no hold and no silence runs through it. */
  outages: { from: Time; to: Time }[]
  /** People work the tickets: what they did so far is in `people`, and an `end` comes after that. */
  crews: boolean
  people: DeedInFile[]
  /** False: it is written down before or while it happens, and will be again. */
  over: boolean
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
  /** Default nobody's. */
  crews?: boolean
  /** Default yes. */
  over?: boolean
}): TruthFile {
  const { seed, played, expectation, crews = false, over = true } = options
  const { works, edits } = played.orders ?? NO_ORDERS
  const slowest = intervals(played)
  const ticket = (one: MustTicket) => ticketInFile(one, slowest, over || !crews)
  const not = ({ rule, subject, why, ...when }: MustNot) => ({ rule, subject, why, ...span(when) })
  return {
    format: FORMAT,
    version: VERSION,
    seed,
    facilities: played.city.facilities.length,
    ...span(played),
    stepMs: played.stepMs,
    outages: (played.outages ?? []).map(span),
    crews,
    people: (played.deeds ?? []).map(deed =>
      deed.what === 'scan'
        ? { at: time(deed.at), what: deed.what, subject: subjectOf('facility', deed.facility) }
        : { ...deed, at: time(deed.at) }
    ),
    over,
    works: works.map(({ subject, enteredAt, ...when }) => ({
      subject,
      ...span(when),
      enteredAt: time(enteredAt)
    })),
    edits: edits.map(({ at, ...edit }) => ({ ...edit, at: time(at) })),
    faults: (played.repaired ?? played.faults).map(({ kind, device, ...when }) => ({
      kind,
      device,
      ...span(when)
    })),
    must: expectation.must.map(ticket),
    may: expectation.may.map(ticket),
    mustNot: expectation.mustNot.map(not)
  }
}

function ticketInFile(
  one: MustTicket,
  slowest: (subject: string) => Millis,
  /** What people are yet to do leaves how it ends open. */
  endIsKnown: boolean
): TicketInFile {
  const { rule, subject, why, toleranceMs, bornCleared, critical, fate } = one
  return {
    rule,
    subject,
    ...span(one),
    toleranceMs,
    why,
    ...(bornCleared && { bornCleared }),
    ...(critical && { critical: span(critical) }),
    ...(fate && endIsKnown && fateInFile(fate)),
    claim: {
      provedBy: rule === 'toilet-clean-due' ? 'person' : 'report',
      trueFrom: time(one.to),
      withinMs: Math.max(verifyWithinMs(rule), VERIFY_INTERVALS * slowest(subject))
    }
  }
}

function fateInFile({
  clears,
  ending,
  claims,
  lateClaim
}: Fate): Pick<TicketInFile, 'end' | 'claims' | 'lateClaim'> {
  const end = {
    ...(clears !== undefined && { cleared: clears === null ? null : span(clears) }),
    ...(ending !== undefined && { how: ending })
  }
  return {
    ...(Object.keys(end).length > 0 && { end }),
    ...(claims.length > 0 && {
      claims: claims.map(({ at, outcome }) => ({ at: time(at), outcome: outcome ?? null }))
    }),
    ...(lateClaim && { lateClaim })
  }
}

/** The file read back as what is expected. Of another version: undefined. */
export function expectationIn(file: TruthFile): Expectation | undefined {
  if (file.format !== FORMAT || file.version !== VERSION) return undefined
  const at = (text: Time): Millis => (text === null ? Infinity : Date.parse(text))
  const between = ({ from, to }: { from: Time; to: Time }) => ({ from: at(from), to: at(to) })
  const ticket = (one: TicketInFile): MustTicket => ({
    rule: one.rule as MustTicket['rule'],
    subject: one.subject as MustTicket['subject'],
    ...between(one),
    toleranceMs: one.toleranceMs,
    why: one.why,
    ...(one.bornCleared && { bornCleared: true }),
    ...(one.critical && { critical: between(one.critical) }),
    fate: {
      clears: one.end?.cleared === null ? null : one.end?.cleared && between(one.end.cleared),
      ending: one.end?.how,
      claims: (one.claims ?? []).map(claim => ({ at: at(claim.at), outcome: claim.outcome ?? undefined })),
      lateClaim: one.lateClaim === true
    }
  })
  return {
    must: file.must.map(ticket),
    may: file.may.map(ticket),
    mustNot: file.mustNot.map(one => ({
      rule: one.rule as MustTicket['rule'],
      subject: one.subject as MustTicket['subject'],
      ...between(one),
      why: one.why
    }))
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
