import { expectedIntervalMs } from '#model/device-models'
import type { Subject } from '#model/ids'
import type { Device } from '#model/registry'
import type { Millis } from '#model/time'
import type { City } from '../city.ts'
import type { Fault } from '../faults.ts'
import { makeWorld } from '../world.ts'
import { claimsOf, type Claims } from './claims.ts'
import { cleaningsDue } from './cleaning.ts'
import { HOLD_MS, SILENT_INTERVALS, type RuleId } from './domain.ts'
import { darkGroups } from './lighting.ts'

/** A ticket that must exist. */
export interface MustTicket {
  rule: RuleId
  subject: Subject
  /** The earliest it may open: the condition has held as long as it must. */
  from: Millis
  /** From here on the condition is gone; Infinity when nobody repairs it. */
  to: Millis
  /** It may open so much later than `from`: until the sensor samples, the report arrives, the clock steps. */
  toleranceMs: Millis
  /** What happened. */
  why: string
  /** It began and was over before it arrived: opened and closed at the same moment, and nobody was sent. */
  bornCleared?: true
}

/** A stretch of time in which no ticket of this rule and subject may open, and why one could think it should. */
export interface MustNot {
  rule: RuleId
  subject: Subject
  from: Millis
  to: Millis
  why: string
}

export interface Expectation {
  must: MustTicket[]
  /** May exist or not: what the sampling leaves open, or the end of the time cuts off. */
  may: MustTicket[]
  mustNot: MustNot[]
}

/** A time in which the platform was away: nothing arrived, nothing ran. */
export interface Outage {
  from: Millis
  to: Millis
}

export interface Played {
  city: City
  faults: readonly Fault[]
  /** The same as they ended when crews were about; default as planned. */
  repaired?: readonly Fault[]
  from: Millis
  to: Millis
  /** How coarsely the clock goes: what is due within a step arrives at its end. */
  stepMs: Millis
  outages?: readonly Outage[]
}

/**
 * What must follow from what went wrong, and what must not, by the specification alone: the faults, the physics and the
 * sampling of the city's devices. Every ticket that is in neither `must` nor `may` is a false one, in `mustNot` or not.
 */
export function expectationOf(played: Played): Expectation {
  const { city, faults } = played
  const world = makeWorld()
  const devices = new Map(city.devices.map(device => [device.id, device]))
  const facilities = new Map(city.facilities.map(facility => [facility.id, facility]))
  const claims: Claims[] = faults.flatMap(fault => {
    const device = devices.get(fault.device)
    const facility = device?.facility ? facilities.get(device.facility) : undefined
    if (!device || !facility) return []
    return [claimsOf({ fault, device, facility, played, world })]
  })
  claims.push(darkGroups({ played, world }), cleaningsDue({ played, world }))
  const all: Expectation = { must: [], may: [], mustNot: claims.flatMap(({ mustNot = [] }) => mustNot) }
  for (const { must = [], may = [] } of claims) {
    for (const ticket of must) place(all, ticket, { played, sure: true, spanMs: spanOf(ticket, devices) })
    for (const ticket of may) place(all, ticket, { played, sure: false, spanMs: spanOf(ticket, devices) })
  }
  return all
}

/** What an outage of ours delays, and the end of the time leaves open. */
function place(
  all: Expectation,
  ticket: MustTicket,
  { played, sure, spanMs }: { played: Played; sure: boolean; spanMs: Millis }
): void {
  const { outages = [], from, to } = played
  const met = outages.find(
    outage => ticket.from - spanMs < outage.to && ticket.from + ticket.toleranceMs > outage.from
  )
  const extraMs = spanMs + ticket.toleranceMs
  const late = met ? { ...ticket, toleranceMs: ticket.toleranceMs + (met.to - met.from) + extraMs } : ticket
  const overBefore = met && ticket.to < met.to + extraMs
  const cut = late.from + late.toleranceMs > to || late.from < from
  all[!sure || cut || overBefore ? 'may' : 'must'].push(late)
}

/** What begins anew after an outage: the hold; silence with an interval of grace. */
function spanOf({ rule, subject }: MustTicket, devices: ReadonlyMap<string, Device>): Millis {
  const device = devices.get(subject.slice(subject.indexOf(':') + 1))
  if (rule !== 'device-silent' || !device) return HOLD_MS[rule]
  return (SILENT_INTERVALS + 1) * expectedIntervalMs(device)
}

/** As JSON: times as RFC 3339, what never ends as null. */
export function expectationFile(options: {
  seed: number
  played: Played
  expectation: Expectation
}): Record<string, unknown> {
  const { seed, played, expectation } = options
  const time = (at: Millis) => (Number.isFinite(at) ? new Date(at).toISOString() : null)
  const told = <T extends { from: Millis; to: Millis }>(one: T) => ({
    ...one,
    from: time(one.from),
    to: time(one.to)
  })
  return {
    seed,
    facilities: played.city.facilities.length,
    from: time(played.from),
    to: time(played.to),
    outages: (played.outages ?? []).map(told),
    faults: played.faults.map(told),
    must: expectation.must.map(told),
    may: expectation.may.map(told),
    mustNot: expectation.mustNot.map(told)
  }
}
