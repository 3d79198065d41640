import { describe, expect, it } from 'vitest'
import type { MaintenanceWindow } from '#model/maintenance'
import type { RegistryRecord } from '#model/registry'
import { hours } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

type World = ReturnType<typeof ruleWorld>
const LAMPS = 10

/** The ticket of `rule` in a world where `happened` opened it, claimed at minute `at`. */
function claimOf(rule: string, records: RegistryRecord[], happened: (world: World) => void, at = 20) {
  const world = ruleWorld({ start: NOON + hours(6.5), records })
  happened(world)
  const ticket = world.open().find(one => one.rule === rule)!
  world.tick(at)
  for (const action of ['dispatch', 'accept', 'start', 'claim'] as const)
    expect(
      world.change({
        kind: 'ticket-action',
        ticket: ticket.id,
        action,
        note: null,
        claimedAt: null,
        quietUntil: null
      })
    ).toBeNull()
  const now = () => {
    const { state, closeReason, falseClaims } = world.tickets().find(({ id }) => id === ticket.id)!
    return { state, closeReason, falseClaims }
  }
  return { world, now }
}

const STREET = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  road('r-1', { parent: 'city', attributes: { lightingGrade: 'main' } }),
  ...Array.from({ length: LAMPS }, (_, i) => [
    facility(`light-${i}`, { kind: 'light', parent: 'city', attributes: { road: 'r-1' } }),
    device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}` })
  ]).flat()
]

/** A road of ten lamps by night, each reporting every five minutes; three were dark, which its crew says it has mended. */
function claimed() {
  const shineIn =
    (world: World) =>
    (at: number, i: number, lit: boolean, measured = at) =>
      world.say({
        device: `lc-${i}`,
        at: measured,
        received: at,
        values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }
      })
  const dark = (world: World) => {
    for (let at = 0; at <= 20; at += 5) for (let i = 0; i < LAMPS; i++) shineIn(world)(at, i, i >= 3)
  }
  const { world, now } = claimOf('lighting-rate', STREET, dark, 21)
  return { shine: shineIn(world), now, world }
}

const WAITING = { state: 'claimed-done', closeReason: null, falseClaims: 0 }
const RETURNED = { state: 'dispatched', closeReason: null, falseClaims: 1 }

describe('a claim about a street', () => {
  it('is not refuted by the first lamp that shines again while the others were not heard', () => {
    const { shine, now } = claimed()
    for (const [at, lamp] of [22, 23].entries()) {
      shine(lamp, at, true)
      expect(now()).toEqual(WAITING)
    }
  })

  it('is confirmed when all lamps have shone since', () => {
    const { shine, now } = claimed()
    for (let i = 0; i < LAMPS - 1; i++) shine(22, i, true)
    expect(now()).toEqual(WAITING)
    shine(22, LAMPS - 1, true)
    expect(now()).toEqual({ state: 'closed', closeReason: 'verified', falseClaims: 0 })
  })

  it('is refuted as soon as more lamps are dark than may be, though nothing changed', () => {
    const { shine, now } = claimed()
    shine(22, 0, false)
    expect(now()).toEqual(RETURNED)
  })

  it('is not refuted by what a lamp measured before it', () => {
    const { shine, now } = claimed()
    shine(22, 0, false, 20.5)
    shine(23, 1, false, 20.5)
    expect(now()).toEqual(WAITING)
  })

  it('is not confirmed while all lamps are left out of the count: announced work proves nothing', () => {
    const { shine, now, world } = claimed()
    const window: MaintenanceWindow = {
      id: 'm-1',
      subject: 'road:r-1',
      from: world.timeOf(21),
      to: world.timeOf(60),
      note: 'cable'
    }
    expect(world.change({ kind: 'maintenance', window })).toBeNull()
    for (let i = 0; i < LAMPS; i++) shine(22, i, i > 0)
    expect(now()).toEqual(WAITING)
  })
})

const COMPACTOR = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  facility('st-1', { kind: 'compactor' }),
  device('cc-1', { kind: 'compactor-controller', facility: 'st-1' })
]
const CABINET = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  facility('cab-1', { kind: 'cabinet' }),
  device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
  ...[1, 2, 3, 4, 5].flatMap(i => [
    facility(`light-${i}`, { kind: 'light', attributes: { cabinet: 'cab-1' } }),
    device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}` })
  ])
]

describe('a claim about a facility', () => {
  const broken = (world: World) => {
    for (const at of [0, 5, 10]) world.say({ device: 'cc-1', at, values: { state: 'fault', faultCode: 7 } })
  }

  it('is not refuted by a message that says but half: the other half is of before it', () => {
    const { world, now } = claimOf('compactor-fault', COMPACTOR, broken)
    world.say({ device: 'cc-1', at: 21, values: { state: 'idle' } })
    expect(now()).toEqual(WAITING)
    world.say({ device: 'cc-1', at: 22, values: { faultCode: 0 } })
    expect(now()).toEqual({ state: 'closed', closeReason: 'verified', falseClaims: 0 })
  })

  it('is refuted by half a message that says that it is still so', () => {
    const { world, now } = claimOf('compactor-fault', COMPACTOR, broken)
    world.say({ device: 'cc-1', at: 21, values: { faultCode: 7 } })
    expect(now()).toEqual(RETURNED)
  })

  it('is not refuted by the controller of a cabinet whose lamps have not spoken since', () => {
    const dark = (world: World) => {
      for (const at of [0, 5, 10]) {
        for (const i of [1, 2, 3, 4, 5]) world.say({ device: `lc-${i}`, at, values: { powerState: 'off' } })
        world.say({ device: 'cc-1', at, values: { energised: false } })
      }
    }
    const mended = claimOf('cabinet-dead', CABINET, dark)
    mended.world.say({ device: 'cc-1', at: 21, values: { doorOpen: false } })
    expect(mended.now()).toEqual(WAITING)
    mended.world.say({ device: 'cc-1', at: 21.5, values: { energised: true } })
    expect(mended.now()).toEqual({ state: 'closed', closeReason: 'verified', falseClaims: 0 })
    const not = claimOf('cabinet-dead', CABINET, dark)
    not.world.say({ device: 'cc-1', at: 21, values: { energised: false } })
    expect(not.now()).toEqual(RETURNED)
  })
})

describe('a claim about a facility with two sensors', () => {
  const TWO = [
    area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
    facility('bin-1'),
    device('fs-1', { facility: 'bin-1' }),
    device('fs-2', { facility: 'bin-1' })
  ]
  /** The first sees it full, the second never does. */
  const claimed = () => {
    const { world, now } = claimOf('bin-full', TWO, world => {
      world.say({ device: 'fs-2', at: 0, values: { fillPct: 20 } })
      for (const at of [0, 5, 10]) world.say({ device: 'fs-1', at, values: { fillPct: 95 } })
      world.tick(11)
    })
    return {
      now,
      tick: world.tick,
      say: (device: string, at: number, fillPct: number) => world.say({ device, at, values: { fillPct } })
    }
  }

  it('is confirmed once both said after it that all is well', () => {
    const { say, now } = claimed()
    say('fs-2', 21, 20)
    expect(now()).toEqual(WAITING)
    say('fs-1', 22, 5)
    expect(now()).toEqual({ state: 'closed', closeReason: 'verified', falseClaims: 0 })
  })

  it('waits for the one that never saw it too', () => {
    const { say, now } = claimed()
    say('fs-1', 21, 5)
    expect(now()).toEqual(WAITING)
    say('fs-2', 22, 75)
    expect(now()).toEqual(WAITING)
    say('fs-2', 23, 20)
    expect(now()).toEqual({ state: 'closed', closeReason: 'verified', falseClaims: 0 })
  })

  it('is refuted as soon as one of them still says so', () => {
    const { say, now } = claimed()
    say('fs-2', 21, 20)
    say('fs-1', 22, 95)
    expect(now()).toEqual(RETURNED)
  })

  it('does not wait for one that is silent', () => {
    const { say, now, tick } = claimed()
    for (let at = 25; at <= 200; at += 5) {
      tick(at)
      if (at < 180) say('fs-2', at, 20)
      if (at === 60) expect(now()).toMatchObject({ state: 'claimed-done' })
    }
    say('fs-2', 201, 20)
    expect(now()).toMatchObject({ state: 'closed', closeReason: 'verified' })
  })
})
