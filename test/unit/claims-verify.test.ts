import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Condition, Rule } from '#model/rules'
import type { TicketAction } from '#model/tickets'
import { hours, minutes } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

/** Full at 90, over at 60 or less for two minutes; what a claim must show differs. */
const STRICT: Condition = { metric: 'fillPct', atMost: 20 }
const LOOSE: Condition = { metric: 'fillPct', atMost: 80 }
const rulesWith = (verify: Condition | null): Rule[] =>
  DEFAULT_RULES.map(rule => (rule.id === 'bin-full' ? { ...rule, verify } : rule))

/** A bin that was full at minute 0, its ticket accepted at minute 11. */
function full(verify: Condition | null) {
  const world = ruleWorld({
    rules: rulesWith(verify),
    records: [
      area('city', { kind: 'city' }),
      facility('bin-1', { kind: 'bin', attributes: { cleaningGrade: '3' } }),
      device('fs-1', { kind: 'fill-sensor', facility: 'bin-1' })
    ]
  })
  const fill = (at: number, fillPct: number, received = at) =>
    world.say({ device: 'fs-1', at, received, values: { fillPct } })
  fill(0, 95)
  world.tick(11)
  const ticket = () => world.tickets().find(({ rule }) => rule === 'bin-full')!
  const act = (action: TicketAction) =>
    world.change({
      kind: 'ticket-action',
      ticket: ticket().id,
      action,
      note: null,
      claimedAt: null,
      quietUntil: null
    })
  for (const action of ['dispatch', 'accept', 'start'] as const) expect(act(action)).toBeNull()
  const now = () => {
    const { state, closeReason, falseClaims, verification } = ticket()
    return [state, closeReason, falseClaims, verification]
  }
  return { world, fill, act, now, ticket }
}
const WAITS = ['claimed-done', null, 0, 'report']
const VERIFIED = ['closed', 'verified', 0]

describe('a rule that asks more of a claim than of the end', () => {
  it('confirms by a report after the claim that meets it, not by one that merely ends it', () => {
    const { fill, act, now, world } = full(STRICT)
    act('claim')
    fill(12, 40)
    expect(now()).toEqual(WAITS)
    world.tick(15)
    expect(now()).toEqual(WAITS)
    fill(16, 15)
    expect(now().slice(0, 3)).toEqual(VERIFIED)
  })

  it('ends the episode and stops the clock when it is over, though the claim still waits', () => {
    const { fill, act, now, world, ticket } = full(STRICT)
    act('claim')
    fill(12, 40)
    world.tick(15)
    expect(now()).toEqual(WAITS)
    expect(world.minuteOf(ticket().clearedAt)).toBe(14)
    expect(world.episodes().map(({ endedAt }) => world.minuteOf(endedAt))).toEqual([14])
  })

  it('contradicts by a report that meets what begins it, also after its end, and waits between', () => {
    const { fill, act, now, world } = full(STRICT)
    act('claim')
    fill(12, 40)
    world.tick(15)
    fill(16, 70)
    expect(now()).toEqual(WAITS)
    fill(17, 92)
    expect(now()).toEqual(['dispatched', null, 1, null])
  })

  it('is verified at once by a claim after the end only if a report has met it since it was full', () => {
    const half = full(STRICT)
    half.fill(12, 40)
    half.world.tick(15)
    half.act('claim')
    expect(half.now()).toEqual(WAITS)
    half.fill(16, 10)
    expect(half.now().slice(0, 3)).toEqual(VERIFIED)

    const whole = full(STRICT)
    whole.fill(12, 10)
    whole.world.tick(15)
    // Somebody threw something in since: it was empty, and that is what is claimed.
    whole.fill(16, 30)
    whole.act('claim')
    expect(whole.now().slice(0, 3)).toEqual(VERIFIED)
  })

  it('forgets what was met when the bin is full again', () => {
    const { fill, act, now, world } = full(STRICT)
    fill(12, 10)
    world.tick(15)
    fill(16, 95)
    fill(17, 40)
    act('claim')
    expect(now()).toEqual(WAITS)
  })

  it('leaves to a person what no report shows in time, and is still confirmed by a late one', () => {
    const { fill, act, now, world } = full(STRICT)
    act('claim')
    fill(12, 40)
    for (let at = 15; at <= 135; at += 30) world.tick(at)
    expect(now()).toEqual(['claimed-done', null, 0, 'person'])
    fill(140, 5)
    expect(now().slice(0, 3)).toEqual(VERIFIED)
  })

  it('says nothing of what was measured before the claim and arrives after it', () => {
    const { fill, act, now, world } = full(STRICT)
    world.tick(20)
    act('claim')
    fill(19, 10, 21)
    world.tick(24)
    expect(now()).toEqual(WAITS)
    fill(25, 10)
    expect(now().slice(0, 3)).toEqual(VERIFIED)
  })

  it('is verified when it ends after the claim, if it was met before', () => {
    const { fill, act, now, world } = full(STRICT)
    fill(12, 10)
    act('claim')
    expect(now()).toEqual(WAITS)
    world.tick(15)
    expect(now().slice(0, 3)).toEqual(VERIFIED)
  })

  it('clears by itself what nobody accepted: it counts for claims alone', () => {
    const world = ruleWorld({
      rules: rulesWith(STRICT),
      records: [
        area('city', { kind: 'city' }),
        facility('bin-1', { kind: 'bin' }),
        device('fs-1', { kind: 'fill-sensor', facility: 'bin-1' })
      ]
    })
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.tick(11)
    world.say({ device: 'fs-1', at: 12, values: { fillPct: 40 } })
    world.tick(15)
    expect(world.tickets().map(({ closeReason }) => closeReason)).toEqual(['self-cleared'])
  })

  it('remembers across a restart what was met before the claim, and that it is asked for', () => {
    const proven = full(STRICT)
    proven.fill(12, 10)
    proven.world.tick(15)
    proven.world.restart()
    proven.act('claim')
    expect(proven.now().slice(0, 3)).toEqual(VERIFIED)

    const not = full(STRICT)
    not.fill(12, 40)
    not.world.tick(15)
    not.act('claim')
    not.world.restart()
    not.fill(16, 10)
    expect(not.now().slice(0, 3)).toEqual(VERIFIED)
  })
})

describe('a rule that asks less of a claim than of the end', () => {
  it('confirms by a report between the two thresholds, and ends the episode with it', () => {
    const { fill, act, now, world } = full(LOOSE)
    act('claim')
    fill(12, 75)
    expect(now().slice(0, 3)).toEqual(VERIFIED)
    expect(world.episodes().every(({ endedAt }) => endedAt !== null)).toBe(true)
    fill(13, 95)
    world.tick(24)
    expect(world.open()).toHaveLength(1)
  })

  it('does not confirm by what was measured before the claim while it goes on', () => {
    const { fill, act, now } = full(LOOSE)
    fill(12, 75)
    act('claim')
    expect(now()).toEqual(WAITS)
    fill(13, 75)
    expect(now().slice(0, 3)).toEqual(VERIFIED)
  })

  it('verifies a claim after the end at once: what ended it has met this too', () => {
    const { fill, act, now, world } = full(LOOSE)
    fill(12, 50)
    world.tick(15)
    fill(16, 85)
    act('claim')
    expect(now().slice(0, 3)).toEqual(VERIFIED)
  })
})

describe('a rule that names nothing', () => {
  it('goes by what ends it, as do rules stored before there was anything to name', () => {
    for (const verify of [null, undefined] as (Condition | null)[]) {
      const { fill, act, now } = full(verify)
      act('claim')
      fill(12, 70)
      expect(now()).toEqual(WAITS)
      fill(13, 60)
      expect(now().slice(0, 3)).toEqual(VERIFIED)
    }
  })
})

describe('another metric than the one that opened it', () => {
  it('is listened to after the claim', () => {
    const world = full({ metric: 'tiltDeg', below: 15 })
    world.act('claim')
    world.fill(12, 40)
    world.world.tick(15)
    expect(world.now()).toEqual(WAITS)
    world.world.say({ device: 'fs-1', at: 16, values: { tiltDeg: 2 } })
    expect(world.now().slice(0, 3)).toEqual(VERIFIED)
  })
})

describe('a claim about a street', () => {
  it('waits two intervals of the slowest of its lamps, where that is longer than the window', () => {
    const world = ruleWorld({
      start: NOON + hours(6.5),
      records: [
        area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
        area('d-1', { kind: 'district', parent: 'city' }),
        road('r-1', { parent: 'd-1', attributes: { lightingGrade: 'main' } }),
        ...[5, 20, 50].flatMap((every, i) => [
          facility(`light-${i}`, { kind: 'light', parent: 'd-1', attributes: { road: 'r-1' } }),
          device(`lc-${i}`, {
            kind: 'lamp-controller',
            facility: `light-${i}`,
            attributes: { expectedIntervalMs: minutes(every) }
          })
        ]),
        // Of another road and grade, and slower than all of them.
        facility('light-9', { kind: 'light', parent: 'd-1', attributes: { lightingGrade: 'branch' } }),
        device('lc-9', {
          kind: 'lamp-controller',
          facility: 'light-9',
          attributes: { expectedIntervalMs: minutes(90) }
        })
      ]
    })
    for (const at of [0, 12])
      for (const i of [0, 1, 2])
        world.say({ device: `lc-${i}`, at, values: { powerState: 'off', activePowerW: 0 } })
    const groups = world.open().filter(({ rule }) => rule === 'lighting-rate')
    expect(groups.map(({ subject }) => subject).sort()).toEqual(['area:d-1:main', 'road:r-1'])
    world.tick(20)
    for (const { id, subject } of groups) {
      for (const action of ['dispatch', 'accept', 'start', 'claim'] as const)
        world.change({
          kind: 'ticket-action',
          ticket: id,
          action,
          note: null,
          claimedAt: null,
          quietUntil: null
        })
      const row = world.tickets().find(one => one.id === id)!
      expect([subject, world.minuteOf(row.verifyBy)]).toEqual([subject, 120])
    }
  })

  it('looks at no other lamp of the street while nobody has claimed', () => {
    const verify: Condition = { lightingRate: 'atLeast', pct: 100 }
    const world = ruleWorld({
      start: NOON + hours(6.5),
      rules: DEFAULT_RULES.map(rule => (rule.id === 'lighting-rate' ? { ...rule, verify } : rule)),
      records: [
        area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
        road('r-1'),
        ...[0, 1, 2].flatMap(i => [
          facility(`light-${i}`, { kind: 'light', attributes: { road: 'r-1' } }),
          device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}` })
        ])
      ]
    })
    const say = (i: number, at: number, powerState: 'on' | 'off') =>
      world.say({ device: `lc-${i}`, at, values: { powerState } })
    for (const at of [0, 5, 10, 11]) for (const i of [0, 1, 2]) say(i, at, 'off')
    const ticket = world.open().find(({ rule }) => rule === 'lighting-rate')?.id ?? ''
    const act = (action: TicketAction) =>
      world.change({ kind: 'ticket-action', ticket, action, note: null, claimedAt: null, quietUntil: null })
    for (const action of ['dispatch', 'accept', 'start'] as const) expect(act(action)).toBeNull()

    const other = world.engine().facilities.get('light-2')!
    const { devices } = other
    let looks = 0
    Object.defineProperty(other, 'devices', { get: () => (looks++, devices) })
    for (const at of [12, 13, 14]) say(0, at, 'on')
    expect(looks).toBe(0)

    // All of them are lit for long enough: that is remembered, and a claim after it waits for no report.
    for (const at of [15, 20, 25]) for (const i of [0, 1, 2]) say(i, at, 'on')
    expect(act('claim')).toBeNull()
    expect(world.tickets().find(({ id }) => id === ticket)?.closeReason).toBe('verified')
  })
})
