import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Subject } from '#model/ids'
import type { Attributes } from '#model/registry'
import { hours, minutes } from '#model/time'
import type { TicketAction } from '#model/tickets'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { check } from '#test/reference/pasts'
import { CITY, type World } from '#test/reference/play'
import type { Slot } from '#test/reference/episodes'
import {
  parentsOf,
  STREET_SLOT_MS,
  streetEpisodes,
  streetTickets,
  type Said,
  type Span,
  type Street,
  type StreetLamp
} from '#test/reference/street'

/** Half past six and five seconds in Shanghai: dark, and past the grace after dusk. */
const EVENING = NOON + hours(6.5) + STREET_SLOT_MS
const MINUTE: Slot = 60_000 / STREET_SLOT_MS
/** Every four minutes of five, one after the other, so that nothing is due in the moment of a report. */
const EACH: Slot = 4 * MINUTE
const COUNT = 5

/**
 * What happens in one and the same moment has an order in the rules (a schedule turns, then a lamp is not heard any more) and none in
 * the reference: a hold that ends between the two is lost in one of them. Here it never does. Reports, and what is due after
 * them, are in even slots; schedules turn on the minute of the clock, the last slot of twelve; announced work begins and ends in other odd
 * ones.
 */
const onTheMinute = (minutes: number): Slot => minutes * MINUTE - 1
const otherOdd = (n: number): Slot => 2 * (n % 6 === 5 ? n - 1 : n) + 1

const minuteOf = (slot: Slot): number => slot / MINUTE

const street: fc.Arbitrary<Street> = fc
  .record({
    through: fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }),
    gatewayInCabinet: fc.boolean(),
    rounds: fc.integer({ min: 1, max: 25 }),
    rest: fc.constantFrom(15, 87, 363),
    /** From round to round: what is wrong with which devices. */
    troubles: fc.array(
      fc.record({
        what: fc.constantFrom('dark', 'burning', 'mute', 'dead', 'all dark', 'all mute', 'gateway mute'),
        from: fc.nat(20),
        rounds: fc.integer({ min: 1, max: 12 }),
        which: fc.nat(COUNT)
      }),
      { maxLength: 6 }
    ),
    /** Minutes after the start. */
    rests: fc.array(fc.option(fc.tuple(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 60 }))), {
      minLength: COUNT,
      maxLength: COUNT
    }),
    /** Some streets have one schedule for all. */
    together: fc.boolean(),
    work: fc.array(
      fc.record({
        subject: fc.constantFrom<Subject>('road:r-1', 'facility:light-0', 'device:lc-1', 'facility:light-3'),
        from: fc.nat(30 * MINUTE),
        lasts: fc.integer({ min: 2, max: 20 * MINUTE })
      }),
      { maxLength: 3 }
    )
  })
  .map(({ through, gatewayInCabinet, rounds, rest, troubles, rests, together, work }) => {
    const lamps = through.map((throughGateway, i) => {
      const [from, lasts] = rests[together ? 0 : i] ?? []
      return {
        id: `light-${i}`,
        device: `lc-${i}`,
        throughGateway,
        rest: from && lasts ? { from: onTheMinute(from), to: onTheMinute(from + lasts) } : null
      }
    })
    /** Most lamps obey their schedule within minutes. */
    const obeys = ({ rest }: StreetLamp, at: Slot) =>
      !rest || at < rest.from + MINUTE || at >= rest.to + MINUTE
    const said: Said[] = []
    for (let round = 0; round < rounds; round++) {
      const now = troubles.filter(one => round > one.from && round <= one.from + one.rounds)
      const is = (what: string, which?: number) =>
        now.some(one => one.what === what && (which === undefined || one.which === which))
      const at = round * EACH
      for (const [i, lamp] of lamps.entries()) {
        const { device, throughGateway } = lamp
        const mute = is('mute', i) || is('all mute') || (throughGateway && is('gateway mute'))
        if (mute) continue
        const lit = (obeys(lamp, at) || is('burning', i)) && !(is('dark', i) || is('all dark') || is('dead'))
        said.push({ device, at: at + 2 * i, lit })
      }
      if (!is('mute', COUNT)) said.push({ device: 'cc-1', at: at + 2 * COUNT, energised: !is('dead') })
      if (!is('gateway mute')) said.push({ device: 'gw-1', at: at + 2 * COUNT })
    }
    const announced = work.map(({ subject, from, lasts }) => ({
      subject,
      from: otherOdd(from),
      to: otherOdd(from + lasts)
    }))
    return { lamps, work: announced, gatewayInCabinet, said, end: rounds * EACH + rest }
  })

/** Lit from the end of its rest to where it begins the next evening; the street begins at 18:30. */
function scheduleOf(rest: Span): Attributes {
  const clock = (slot: Slot) => {
    const minute = 18 * 60 + 30 + minuteOf(slot + 1)
    return [Math.floor(minute / 60) % 24, minute % 60].map(part => String(part).padStart(2, '0')).join(':')
  }
  return { lightingSchedule: [{ from: clock(rest.to), to: clock(rest.from) }] }
}

interface Act {
  slot: Slot
  action: TicketAction
  /** Which of the open ones. */
  ticket: number
}
const ACTION = {
  kind: 'ticket-action',
  note: 'why',
  claimedAt: null,
  quietUntil: null,
  role: 'operator',
  crew: 'c-1'
} as const
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.record({
    slot: fc.nat(1000),
    action: fc.constantFrom<TicketAction>('dispatch', 'accept', 'start', 'claim'),
    ticket: fc.nat(9)
  }),
  { maxLength: 12 }
)

interface Watch {
  crashes?: ReadonlySet<number>
  acts?: readonly Act[]
  look?(world: World, slot: Slot): void
}

function play(
  { lamps, work, gatewayInCabinet, said, end }: Street,
  { crashes, acts = [], look }: Watch = {}
): World {
  const world = ruleWorld({
    start: EVENING,
    records: [
      CITY,
      area('gulou', { kind: 'district', parent: 'city' }),
      road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
      facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
      device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
      device('gw-1', { kind: 'gateway', facility: gatewayInCabinet ? 'cab-1' : null }),
      ...lamps.flatMap(({ id, device: name, throughGateway, rest }) => [
        facility(id, {
          kind: 'light',
          parent: 'gulou',
          attributes: { road: 'r-1', cabinet: 'cab-1', ...(rest && scheduleOf(rest)) }
        }),
        device(name, { kind: 'lamp-controller', facility: id, gateway: throughGateway ? 'gw-1' : null })
      ])
    ]
  })
  work.forEach(({ subject, from, to }, i) => {
    const [begin, end] = [world.timeOf(minuteOf(from)), world.timeOf(minuteOf(to))]
    world.change({ kind: 'maintenance', window: { id: `w-${i}`, subject, from: begin, to: end, note: '' } })
  })
  for (let slot = 0; slot <= end; slot++) {
    if (crashes?.has(slot)) world.restart()
    world.tick(minuteOf(slot), 1)
    for (const one of said.filter(({ at }) => at === slot)) {
      const { lit, energised } = one
      const values = {
        ...(lit !== undefined && { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }),
        ...(energised !== undefined && { energised })
      }
      world.say({ device: one.device, at: minuteOf(slot), values })
    }
    for (const { action, ticket } of acts.filter(one => one.slot === slot)) {
      const row = world.open()[ticket % Math.max(1, world.open().length)]
      if (row) world.change({ ...ACTION, ticket: row.id, action })
    }
    look?.(world, slot)
  }
  return world
}

const byName = <T extends { rule: string; subject: string }>(all: T[]): T[] =>
  all.toSorted((a, b) => `${a.rule} ${a.subject}`.localeCompare(`${b.rule} ${b.subject}`))
const slotIn = (world: World, at: number | null): Slot | null =>
  at === null ? null : Math.round((world.minuteOf(at) as number) * MINUTE)

describe('the rules of a street agree with the reference', { timeout: minutes(5) }, () => {
  it('in its episodes', () =>
    check(
      fc.property(street, city => {
        const world = play(city)
        const written = world.episodes().map(({ rule, subject, startedAt, firedAt, endedAt }) => ({
          rule,
          subject,
          startedAt: slotIn(world, startedAt),
          firedAt: slotIn(world, firedAt),
          endedAt: slotIn(world, endedAt)
        }))
        const expected = streetEpisodes(city).map(({ rule, subject, startedAt, firedAt, endedAt }) => ({
          rule,
          subject,
          startedAt,
          firedAt,
          endedAt
        }))
        expect(byName(written)).toEqual(byName(expected))
      })
    ))

  it('in its tickets', () =>
    check(
      fc.property(street, city => {
        const world = play(city)
        const written = world.tickets().map(({ rule, subject, openedAt, closedAt, closeReason }) => ({
          rule: rule ?? '',
          subject,
          openedAt: slotIn(world, openedAt),
          closedAt: slotIn(world, closedAt),
          reason: closeReason
        }))
        expect(byName(written)).toEqual(byName(streetTickets(city, streetEpisodes(city))))
      })
    ))

  it('wherever it crashed', () =>
    check(
      fc.property(street, fc.array(fc.nat(1200), { maxLength: 6 }), (city, crashes) => {
        expect(play(city, { crashes: new Set(crashes) }).effects.current).toEqual(play(city).effects.current)
      })
    ))
})

describe('while a parent fires', { timeout: minutes(5) }, () => {
  const WAIT: Slot = 5 * MINUTE
  const named = ({ rule, subject }: { rule: string | null; subject: string }) => `${rule} ${subject}`

  it('no ticket of a child opens, one that is open goes into its parent’s or stands still, and after it the child speaks', () =>
    check(
      fc.property(street, acts, (city, acts) => {
        const before = new Set<string>()
        /** Since when no parent of it fired. */
        const free = new Map<string, Slot>()
        play(city, {
          acts,
          look(world, slot) {
            const firing = world.episodes().filter(({ endedAt }) => endedAt === null)
            const names = new Set(firing.map(named))
            const open = new Map(world.open().map(row => [named(row), row]))
            for (const episode of firing) {
              const name = named(episode)
              const parents = parentsOf(city, episode)
              if (parents.length === 0) continue
              const parentFires = parents.some(parent => names.has(parent))
              const since = free.get(name) ?? Math.max(slot, slotIn(world, episode.firedAt) ?? slot)
              const ticket = open.get(name)
              if (parentFires) {
                free.set(name, slot + 1)
                if (ticket) expect(before).toContain(ticket.id)
                const waits = ticket?.pauses.some(({ why, until }) => why === 'suppressed' && until === null)
                // One whose last episode was over stands still anyway.
                if (ticket && ticket.clearedAt === null) expect(waits).toBe(true)
                const parentHasTicket = parents.some(parent => names.has(parent) && open.has(parent))
                if (parentHasTicket) expect(['new', 'checked']).not.toContain(ticket?.state)
              } else {
                free.set(name, since)
                // What is clear for a moment is given as long again.
                if (slot >= since + 2 * WAIT + MINUTE) expect(ticket, name).toBeDefined()
              }
            }
            for (const name of free.keys()) if (!names.has(name)) free.delete(name)
            for (const { id } of world.open()) before.add(id)
          }
        })
      })
    ))

  it('no deadline of a child runs', () =>
    check(
      fc.property(street, acts, (city, acts) => {
        const world = play(city, { acts })
        world.tick(60 * 12, 60)
        for (const { id, pauses } of world.tickets()) {
          const turned = world.effects.current.events.filter(
            ({ ticket, action }) => ticket === id && (action === 'colour' || action === 'escalate')
          )
          const inside = turned.filter(({ at }) =>
            pauses.some(({ from, until }) => at > from && at < (until ?? Infinity))
          )
          expect(inside).toEqual([])
        }
      })
    ))
})
