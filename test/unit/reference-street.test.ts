import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hours, seconds } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { check } from '#test/reference/pasts'
import { CITY, type World } from '#test/reference/play'
import type { Slot } from '#test/reference/episodes'
import { STREET_SLOT_MS, streetEpisodes, streetTickets, type Said, type Street } from '#test/reference/street'

/** 18:30 in Shanghai: dark, and past the grace after dusk. */
const EVENING = NOON + hours(6.5)
const MINUTE: Slot = 60_000 / STREET_SLOT_MS
/** Every four minutes of five, one after the other, so that nothing is due in the moment of a report. */
const EACH: Slot = 4 * MINUTE
const COUNT = 5

const minuteOf = (slot: Slot): number => slot / MINUTE

const street: fc.Arbitrary<Street> = fc
  .record({
    through: fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }),
    gatewayInCabinet: fc.boolean(),
    rounds: fc.integer({ min: 1, max: 25 }),
    rest: fc.constantFrom(7, 43, 181),
    /** From round to round: what is wrong with which devices. */
    troubles: fc.array(
      fc.record({
        what: fc.constantFrom('dark', 'mute', 'dead', 'all dark', 'all mute', 'gateway mute'),
        from: fc.nat(20),
        rounds: fc.integer({ min: 1, max: 12 }),
        which: fc.nat(COUNT)
      }),
      { maxLength: 6 }
    )
  })
  .map(({ through, gatewayInCabinet, rounds, rest, troubles }) => {
    const lamps = through.map((throughGateway, i) => ({
      id: `light-${i}`,
      device: `lc-${i}`,
      throughGateway
    }))
    const said: Said[] = []
    for (let round = 0; round < rounds; round++) {
      const now = troubles.filter(one => round > one.from && round <= one.from + one.rounds)
      const is = (what: string, which?: number) =>
        now.some(one => one.what === what && (which === undefined || one.which === which))
      const at = round * EACH
      for (const [i, { device, throughGateway }] of lamps.entries()) {
        const mute = is('mute', i) || is('all mute') || (throughGateway && is('gateway mute'))
        if (!mute) said.push({ device, at: at + i, lit: !(is('dark', i) || is('all dark') || is('dead')) })
      }
      if (!is('mute', COUNT)) said.push({ device: 'cc-1', at: at + COUNT, energised: !is('dead') })
      if (!is('gateway mute')) said.push({ device: 'gw-1', at: at + COUNT })
    }
    return { lamps, gatewayInCabinet, said, end: rounds * EACH + rest }
  })

function play({ lamps, gatewayInCabinet, said, end }: Street, crashes = new Set<number>()): World {
  const world = ruleWorld({
    start: EVENING,
    records: [
      CITY,
      area('gulou', { kind: 'district', parent: 'city' }),
      road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
      facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
      device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
      device('gw-1', { kind: 'gateway', facility: gatewayInCabinet ? 'cab-1' : null }),
      ...lamps.flatMap(({ id, device: name, throughGateway }) => [
        facility(id, { kind: 'light', parent: 'gulou', attributes: { road: 'r-1', cabinet: 'cab-1' } }),
        device(name, { kind: 'lamp-controller', facility: id, gateway: throughGateway ? 'gw-1' : null })
      ])
    ]
  })
  for (let slot = 0; slot <= end; slot++) {
    if (crashes.has(slot)) world.restart()
    world.tick(minuteOf(slot), 1)
    for (const one of said.filter(({ at }) => at === slot)) {
      const { lit, energised } = one
      const values = {
        ...(lit !== undefined && { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }),
        ...(energised !== undefined && { energised })
      }
      world.say({ device: one.device, at: minuteOf(slot), values })
    }
  }
  return world
}

const byName = <T extends { rule: string; subject: string }>(all: T[]): T[] =>
  all.toSorted((a, b) => `${a.rule} ${a.subject}`.localeCompare(`${b.rule} ${b.subject}`))
const slotIn = (world: World, at: number | null): Slot | null =>
  at === null ? null : Math.round((world.minuteOf(at) as number) * MINUTE)

describe('the rules of a street agree with the reference', { timeout: seconds(60) }, () => {
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
      fc.property(street, fc.array(fc.nat(600), { maxLength: 6 }), (city, crashes) => {
        expect(play(city, new Set(crashes)).effects.current).toEqual(play(city).effects.current)
      })
    ))
})
