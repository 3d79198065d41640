import { expectedIntervalMs } from '#model/device-models'
import type { Subject } from '#model/ids'
import type { Device, Facility } from '#model/registry'
import type { Millis } from '#model/time'
import type { City } from '../city.ts'
import type { Deed } from '../crews/deeds.ts'
import { cleanings } from '../cleaning.ts'
import type { Fault } from '../faults.ts'
import type { Orders } from '../orders.ts'
import { makeWorld } from '../world.ts'
import { claimsOf, type Claims } from './claims.ts'
import { cleaningsDue } from './cleaning.ts'
import { FULL_PCT, HOLD_MS, SILENT_INTERVALS, type RuleId } from './domain.ts'
import { isOpenStill, type Fate } from './fate.ts'
import { fatesOf, servicesOf, type Service } from './fates.ts'
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
  /** When its condition begins, where that is not a hold before `from`. */
  begins?: Millis
  /** The hold that counts here, where it is not the rule's own. */
  holdMs?: Millis
  /** No reading says it, and none that it is over but the first that comes. */
  unsaid?: true
  /** Its end may be seen so much later than its own sensor says. */
  clearsLateMs?: Millis
  /** When it becomes critical; above that it may. */
  critical?: { from: Millis; to: Millis }
  /** How it goes on and ends, by what the sensors tell and people do. */
  fate?: Fate
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
  /** In real time: a report comes when it is sent, or so much later on a busy machine. */
  liveLateMs?: Millis
  outages?: readonly Outage[]
  /** Announced work and changed rules. */
  orders?: Orders
  /** What people did, when some were about. */
  deeds?: readonly Deed[]
}

/** How full a bin must be where it stands. */
export function fullPctOf({ orders }: Played, { attributes }: Facility): number {
  const edit = orders?.edits.find(one => one.rule === 'bin-full' && one.road === attributes.road)
  return edit?.rule === 'bin-full' ? edit.atLeastPct : FULL_PCT
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
  const setting = { played, world, deeds: played.deeds ?? [] }
  const smells = claims.flatMap(({ must = [], may = [] }) => [...must, ...may])
  const services = played.deeds ? servicesOf(smells, setting) : undefined
  claims.push(darkGroups({ played, world }), cleaningsDue({ played, world, services }))
  const all: Expectation = { must: [], may: [], mustNot: claims.flatMap(({ mustNot = [] }) => mustNot) }
  for (const { must = [], may = [] } of claims) {
    for (const ticket of must) place(all, ticket, { played, sure: true, spanMs: spanOf(ticket, devices) })
    for (const ticket of may) place(all, ticket, { played, sure: false, spanMs: spanOf(ticket, devices) })
  }
  return all
}

/**
 * The same with how each ticket that must be goes on and ends: lets the devices speak a second time, so it takes a while. What comes
 * again while its ticket is still open (a lamp that was mended while it rested, and fails at dusk) is one with it.
 */
export function foreseenOf(played: Played): Expectation {
  const expectation = expectationOf(played)
  const setting = { played, world: makeWorld(), deeds: played.deeds ?? [] }
  const scanned = cleanings(played).map(({ facility, at }): Service => ({ facility, from: at, to: at }))
  const { must, may } = expectation
  const services = played.deeds ? servicesOf([...must, ...may], setting) : scanned
  const first = fatesOf(must, setting, services, may)
  const isAgain = (ticket: MustTicket) =>
    must.some(
      (before, i) =>
        before.rule === ticket.rule &&
        before.subject === ticket.subject &&
        before.from < ticket.from &&
        isOpenStill(first[i] as Fate, ticket)
    )
  const own = must.filter(ticket => !isAgain(ticket))
  const also = [...may, ...must.filter(isAgain)]
  const fates = own.length === must.length ? first : fatesOf(own, setting, services, also)
  return {
    ...expectation,
    must: own.map((ticket, i) => ({ ...ticket, fate: fates[i] as Fate })),
    may: also
  }
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
