import { expectedIntervalMs } from '#model/device-models'
import { subjectOf, type Subject } from '#model/ids'
import type { FacilityKind } from '#model/kinds'
import type { Device, Facility } from '#model/registry'
import { days, hours, minutes, type Millis } from '#model/time'
import { FAULTS, type Fault, type FaultKind } from '../faults.ts'
import type { Work } from '../orders.ts'
import type { World } from '../world.ts'
import {
  FULL_PCT,
  GONE_INTERVALS,
  HOLD_MS,
  PARENT_WAIT_MS,
  SILENT_INTERVALS,
  STENCH,
  SUN_GRACE_MS,
  type RuleId
} from './domain.ts'
import { expectedLight } from './expected-light.ts'
import { fullPctOf, type MustNot, type MustTicket, type Played } from './expectation.ts'
import { stretches } from './stretches.ts'

export interface Claims {
  must?: MustTicket[]
  may?: MustTicket[]
  mustNot?: MustNot[]
}

export interface Case {
  fault: Fault
  device: Device
  facility: Facility
  played: Played
  world: World
}

/** The specification's verdict on one thing that went wrong. */
export const claimsOf = (one: Case): Claims => CLAIMS[one.fault.kind](one)

const here = ({ facility }: Case): Subject => subjectOf('facility', facility.id)
const itself = ({ device }: Case): Subject => subjectOf('device', device.id)
const intervalOf = ({ device }: Case): Millis => expectedIntervalMs(device)
/** Of several sensors what is heard counts from when it comes: at the end of a step. */
const lateMs = ({ device, facility, played: { city, stepMs } }: Case): Millis =>
  city.devices.some(one => one !== device && one.facility === facility.id && one.kind === device.kind)
    ? stepMs
    : 0
/** A device wakes once a minute, and a played step arrives at its end. */
const slackMs = ({ played }: Case): Millis => minutes(1) + played.stepMs

/** Of the same device while the fault lasts, e.g. no network. */
const others = ({ fault, played }: Case, kind: FaultKind): Fault | undefined =>
  played.faults.find(
    other =>
      other.device === fault.device && other.kind === kind && other.from < fault.to && other.to > fault.from
  )

interface Held {
  rule: RuleId
  subject: Subject
  /** The longest the sensor may not see that it began, and that it is over; both at most an interval. */
  blindMs: Millis
  blindAfterMs?: Millis
  /** When the condition begins after the fault does. */
  rampMs?: Millis
  /** Beyond the hold and what the sampling takes. */
  extraMs?: Millis
  begins?: Millis
  /** Where it is not the rule's own. */
  holdMs?: Millis
  /** Until when it can be told. */
  ends?: Millis
}

/**
 * A condition of one sensor that must hold a while: a ticket when it surely was seen so long, none when it surely was not,
 * else either. Kept from the platform by a lost network, it is known when the backlog comes.
 */
function held(one: Case, what: Held): Claims {
  const { fault, played } = one
  const { rule, subject, blindMs, blindAfterMs = blindMs, rampMs = 0, extraMs = 0 } = what
  const { holdMs = HOLD_MS[rule] } = what
  const ends = what.ends ?? fault.to
  const why = FAULTS[fault.kind].label
  const work = workAt(one, subject, what.begins ?? fault.from, ends)
  if (work && ends <= work.to) {
    return {
      mustNot: [{ rule, subject, from: work.from, to: work.to + hours(1), why: 'work is announced there' }]
    }
  }
  // What still holds when the work is over begins anew then.
  const begins = work?.to ?? what.begins ?? fault.from
  const needed = holdMs + blindMs + rampMs + extraMs
  const ticket: MustTicket = {
    rule,
    subject,
    from: begins + holdMs,
    begins,
    ...(holdMs !== HOLD_MS[rule] && { holdMs }),
    to: fault.to,
    toleranceMs: blindMs + rampMs + extraMs + slackMs(one),
    why
  }
  const lost = others(one, 'gone') ?? others(one, 'clock-far-ahead') ?? others(one, 'stuck-sensor')
  if (lost) return { mustNot: [{ rule, subject, from: begins, to: played.to, why: FAULTS[lost.kind].label }] }
  if (ends - begins >= needed + slackMs(one)) return delivered(one, ticket)
  // By the sensor's own times: how the clock steps does not matter.
  if (ends - begins + blindAfterMs + minutes(1) < holdMs) {
    return {
      mustNot: [{ rule, subject, from: begins, to: ends + hours(1), why: `${why}: over before the hold` }]
    }
  }
  const { must = [], may = [] } = delivered(one, ticket)
  return {
    may: [...must, ...may].map(told => ({ ...ticket, from: told.from, toleranceMs: told.toleranceMs }))
  }
}

const workAt = ({ played }: Case, subject: Subject, from: Millis, to: Millis): Work | undefined =>
  played.orders?.works.find(one => one.subject === subject && one.from <= from && one.to > from && to > from)

/** A ticket that a device without network could tell of only afterwards. */
function delivered(one: Case, ticket: MustTicket): Claims {
  const offline = others(one, 'offline')
  if (!offline) return { must: [ticket] }
  const latest = ticket.from + ticket.toleranceMs
  if (ticket.from >= offline.to || latest < offline.from) return { must: [ticket] }
  const back = offline.to + slackMs(one)
  if (ticket.from < offline.from)
    return { may: [{ ...ticket, toleranceMs: Math.max(ticket.toleranceMs, back - ticket.from) }] }
  const arrives = {
    ...ticket,
    from: offline.to,
    toleranceMs: Math.max(0, latest - offline.to) + slackMs(one)
  }
  if (ticket.to + slackMs(one) < offline.to) {
    return { must: [{ ...arrives, why: `${ticket.why}, told when it was over`, bornCleared: true }] }
  }
  return ticket.to < latest ? { may: [arrives] } : { must: [arrives] }
}

/** No report: by arrival. The last one came up to an interval before. */
function silent(one: Case, subject = itself(one), intervalMs = intervalOf(one)): Claims {
  const { fault, device } = one
  const waits = hasParent(one) ? PARENT_WAIT_MS : 0
  const rule = 'device-silent'
  const why = FAULTS[fault.kind].label
  // The clock of a device that wakes each minute rounds up.
  const from = fault.from + (SILENT_INTERVALS - 1) * intervalMs - minutes(1)
  const ticket: MustTicket = {
    rule,
    subject,
    from,
    begins: fault.from,
    to: fault.to,
    toleranceMs: intervalMs + minutes(1) + slackMs(one) + waits,
    why
  }
  if (fault.to - fault.from < intervalMs - minutes(1)) {
    return {
      mustNot: [
        { rule, subject, from: fault.from, to: fault.to + hours(1), why: `${device.id} was away shortly` }
      ]
    }
  }
  return fault.to >= from + ticket.toleranceMs + slackMs(one) ? { must: [ticket] } : { may: [ticket] }
}

/** What stands behind a gateway, is fitted to a cabinet, or steers a lamp that a cabinet feeds. */
const hasParent = ({ device, facility }: Case): boolean =>
  device.gateway !== null || facility.kind === 'cabinet' || facility.attributes.cabinet !== undefined

/** Nothing of these rules may open here from the fault on until a while after. */
function none(one: Case, why: string, rules: readonly RuleId[], subjects: readonly Subject[]): MustNot[] {
  const { from, to } = one.fault
  return subjects.flatMap(subject => rules.map(rule => ({ rule, subject, from, to: to + minutes(30), why })))
}

const lampsOf = ({ played, facility }: Case): Facility[] =>
  played.city.facilities.filter(
    ({ kind, attributes }) => kind === 'light' && attributes.cabinet === facility.id
  )

/** A dead cabinet or gateway is one ticket; what stands behind it opens none. */
function children(one: Case, why: string, more: readonly RuleId[] = []): MustNot[] {
  const lamps = lampsOf(one)
  const ids = new Set(lamps.map(({ id }) => id))
  const controllers = one.played.city.devices.filter(({ facility }) => facility !== null && ids.has(facility))
  const subjects = lamps.map(({ id }) => subjectOf('facility', id))
  return [
    ...none(one, why, ['lamp-out', ...more], subjects),
    ...none(
      one,
      why,
      ['device-silent'],
      controllers.map(({ id }) => subjectOf('device', id))
    )
  ]
}

/** The first time within the fault that it should be lit, or dark, for long enough; the rest of the fault counts on in the next. */
function bySun(one: Case, rule: RuleId, dark: boolean): Claims {
  const { fault, played, facility, world } = one
  const light = expectedLight(played, world)
  const end = Math.min(fault.to, played.to)
  const blindMs = intervalOf(one)
  const waits = rule === 'lamp-out' ? PARENT_WAIT_MS : 0
  for (const [from, to] of stretches(fault.from, end, at => light.should(facility, at, dark), SUN_GRACE_MS)) {
    const claims = held(one, {
      rule,
      subject: here(one),
      blindMs,
      extraMs: waits,
      begins: from,
      // Once open it stays so until the lamp is seen to be well again.
      ends: to === end ? fault.to : to
    })
    // Too short a rest of a night: the next one tells.
    if (claims.must || to === end) return claims
    if (claims.may) return { may: claims.may.map(ticket => ({ ...ticket, toleranceMs: days(2) })) }
  }
  return {}
}

/** Nothing was taken away for a whole city day: due at the first report after its end. */
function neglected(one: Case, rule: RuleId): Claims {
  const { fault, world } = one
  // The last round was on the day it began, or was not seen at all: the day after passes, and then it is due.
  const from = world.midnight(world.midnight(fault.from) + days(2) + hours(12))
  const ticket: MustTicket = {
    rule,
    subject: here(one),
    from,
    to: fault.to,
    toleranceMs: intervalOf(one) + slackMs(one),
    why: FAULTS[fault.kind].label
  }
  return fault.to > from + ticket.toleranceMs ? { must: [ticket] } : {}
}

const minuteBlind = minutes(1)

/** One row for each fault: what must follow, and what must not although one could think so. */
const CLAIMS: Record<FaultKind, (one: Case) => Claims> = {
  // It reports a jump at once; from nearly full there is none, and the next report tells.
  'bin-overfull': one => {
    const what = { rule: 'bin-full', subject: here(one), blindMs: intervalOf(one) } as const
    if (fullPctOf(one.played, one.facility) === FULL_PCT)
      return held(one, { ...what, blindAfterMs: minuteBlind })
    // From 93 % on one and a half more in ten minutes: there after 20 to 27 minutes, and no jump tells of it.
    const begins = one.fault.from + minutes(19)
    if (one.fault.to > begins) return held(one, { ...what, begins, rampMs: minutes(9) })
    return { mustNot: none(one, 'this road has another threshold', ['bin-full'], [here(one)]) }
  },
  // 15 °C a minute: told each minute, over 60 °C in four.
  'bin-fire': one => held(one, { rule: 'bin-fire', subject: here(one), blindMs: minutes(4) }),
  'bin-tilted': one => {
    const { fault, played } = one
    const edit = played.orders?.edits.find(({ rule }) => rule === 'bin-tilted')
    const what = { rule: 'bin-tilted', subject: here(one), blindMs: minuteBlind } as const
    if (!edit || !('holdMs' in edit) || fault.to <= edit.at) return held(one, what)
    const after = held(one, { ...what, holdMs: edit.holdMs })
    if (fault.from >= edit.at) return after
    const before = held(one, what)
    return { may: [before, after].flatMap(({ must = [], may = [] }) => [...must, ...may]) }
  },
  'round-missed': one => neglected(one, 'bin-not-emptied'),
  'stuck-sensor': one => ({
    mustNot: none(one, 'no reading says that it is full', ['bin-full', 'bin-not-emptied'], [here(one)])
  }),
  // Told with every fourth report, and stale for the last of the four: meanwhile its hold stands still.
  'battery-fade': one =>
    held(one, {
      rule: 'battery-low',
      subject: itself(one),
      blindMs: 4 * intervalOf(one),
      extraMs: HOLD_MS['battery-low']
    }),
  'compactor-full': one =>
    held(one, { rule: 'compactor-full', subject: here(one), blindMs: intervalOf(one) }),
  'compactor-fault': one =>
    held(one, { rule: 'compactor-fault', subject: here(one), blindMs: intervalOf(one) }),
  'compactor-flapping': one => ({
    mustNot: none(one, 'never over the limit for ten minutes', ['compactor-full'], [here(one)])
  }),
  'haul-missed': one => neglected(one, 'station-not-hauled'),
  // Twice the limit in half an hour: over it after three and a half to seven minutes.
  'toilet-odour': one => odour(one, 'toilet-odour'),
  'station-odour': one => odour(one, 'station-odour'),
  // Over the limit after a minute, over three times as much after seven: critical ten minutes after that or after the ticket.
  'toilet-stench': one => {
    const claims = held(one, {
      rule: 'toilet-odour',
      subject: here(one),
      begins: one.fault.from + minutes(0.9),
      rampMs: minutes(1.2),
      blindMs: intervalOf(one)
    })
    const rises = (ticket: MustTicket): MustTicket => {
      const critical = {
        from: ticket.from + STENCH.holdMs / 2,
        to: ticket.from + ticket.toleranceMs + STENCH.holdMs + intervalOf(one) + lateMs(one)
      }
      return ticket.to > critical.to ? { ...ticket, critical } : ticket
    }
    return { ...claims, ...(claims.must && { must: claims.must.map(rises) }) }
  },
  'h2s-trace': one => ({
    mustNot: none(one, 'the limit is below what the cell resolves', ['toilet-odour'], [here(one)])
  }),
  'toilet-crowded': one =>
    held(one, {
      rule: 'toilet-crowded',
      subject: here(one),
      blindMs: others(one, 'reordered') ? minutes(2) : minuteBlind
    }),
  'crowd-flapping': one => ({
    mustNot: none(one, 'a stall was free every few minutes', ['toilet-crowded'], [here(one)])
  }),
  // Told every ten minutes, and stale after three: two reports fill the five minutes.
  'supplies-out': one =>
    held(one, { rule: 'toilet-supplies', subject: here(one), blindMs: minutes(10), extraMs: minutes(8) }),
  'water-leak': one => held(one, { rule: 'toilet-leak', subject: here(one), blindMs: minutes(2) }),
  'cleaner-absent': () => ({}),
  'lamp-failure': one => bySun(one, 'lamp-out', true),
  'lamp-day-burn': one => bySun(one, 'lamp-day-burn', false),
  'cabinet-dead': one => {
    const why = 'its cabinet is dead'
    const dead = held(one, {
      rule: 'cabinet-dead',
      subject: here(one),
      blindMs: GONE_INTERVALS * intervalOf(one)
    })
    const own = none(one, why, ['device-silent'], [itself(one)])
    // Its lamps are back within their interval after it, one by one; till then most of them are gone.
    const late = (ticket: MustTicket) => ({ ...ticket, clearsLateMs: intervalOf(one) })
    return {
      must: (dead.must ?? []).map(late),
      may: (dead.may ?? []).map(late),
      mustNot: [...(dead.mustNot ?? []), ...own, ...children(one, why)]
    }
  },
  // Nobody says so: four fifths of its lamps are not heard for two intervals. The first report after says that it is over,
  // and so do its lamps, within their interval.
  'cabinet-mute': one => {
    const why = 'its cabinet is dead'
    const intervalMs = intervalOf(one)
    const dead = held(one, {
      rule: 'cabinet-dead',
      subject: here(one),
      begins: one.fault.from + (GONE_INTERVALS - 1) * intervalMs - minutes(1),
      blindMs: intervalMs + minutes(1),
      blindAfterMs: intervalMs
    })
    const unsaid = (ticket: MustTicket): MustTicket => ({
      ...ticket,
      unsaid: true,
      clearsLateMs: intervalMs + minutes(2)
    })
    const own = none(one, why, ['device-silent'], [itself(one)])
    return {
      must: (dead.must ?? []).map(unsaid),
      may: (dead.may ?? []).map(unsaid),
      mustNot: [...(dead.mustNot ?? []), ...own, ...children(one, why)]
    }
  },
  offline: one => silent(one),
  gone: one => {
    const why = 'its gateway is silent'
    const behind = one.device.kind === 'gateway'
    const quiet = silent(one)
    const mustNot = behind
      ? [...none(one, why, ['cabinet-dead'], [here(one)]), ...children(one, why)]
      : none(one, 'a silent sensor says nothing', ['bin-full', 'compactor-full'], [here(one)])
    return { ...quiet, mustNot: [...(quiet.mustNot ?? []), ...mustNot] }
  },
  garbled: one => ({
    mustNot: none(one, 'what nobody can read decides nothing', ['device-silent'], [itself(one)])
  }),
  'clock-ahead': one => ({
    mustNot: none(one, 'its times are shifted back', ['device-silent'], [itself(one)])
  }),
  // All it says is refused: it was heard, and reported nothing.
  'clock-far-ahead': one => silent(one),
  duplicates: one => ({ mustNot: none(one, 'said twice is not silence', ['device-silent'], [itself(one)]) }),
  reordered: one => ({ mustNot: none(one, 'late is not silence', ['device-silent'], [itself(one)]) }),
  reboots: one => ({
    mustNot: [
      ...none(one, 'a restart is not silence', ['device-silent'], [itself(one)]),
      ...none(one, 'a counter that begins anew counts no visits', ['toilet-leak'], [here(one)])
    ]
  }),
  'reboot-storm': one => {
    const why = 'all restart at once, and nothing else is wrong'
    return {
      mustNot: [
        ...none(one, why, ['device-silent'], [itself(one)]),
        ...none(one, why, ABOUT[one.facility.kind], [here(one)]),
        ...(one.device.kind === 'gateway' ? children(one, why, ABOUT.light) : [])
      ]
    }
  }
}

/** What one could take a restart for, with counters from nothing and everything said twice. */
const ABOUT: Record<FacilityKind, readonly RuleId[]> = {
  bin: ['bin-full', 'bin-fire', 'bin-tilted', 'bin-not-emptied'],
  compactor: ['compactor-full', 'compactor-fault', 'station-odour'],
  toilet: ['toilet-leak', 'toilet-clean-due', 'toilet-crowded', 'toilet-odour'],
  light: ['lamp-day-burn'],
  cabinet: ['cabinet-dead']
}

function odour(one: Case, rule: RuleId): Claims {
  const begins = one.fault.from + minutes(3.5)
  return held(one, { rule, subject: here(one), begins, rampMs: minutes(4), blindMs: intervalOf(one) })
}
