import { describe, expect, it } from 'vitest'
import { hours, minutes } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { ticketWorld } from '#test/fixtures/ticket-world'

/** What the rules had wrong when they were first compared with the reference, each as small as it became. */
const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
type World = ReturnType<typeof ruleWorld>
const binWorld = () =>
  ruleWorld({ records: [CITY, facility('bin-1'), device('fs-1', { facility: 'bin-1' })] })
const wait = (world: World, from: number, to: number) => {
  for (let at = from; at <= to; at++) world.tick(at, 1)
}
const rulesOf = (world: World) => world.open().map(({ rule }) => rule)

describe('a bin that stores its readings', () => {
  it('ends its episode by the time it was emptied, though we thought its level stale by then', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    wait(world, 1, 200)
    world.say({ device: 'fs-1', at: 40, received: 200, values: { fillPct: 10 } })
    expect(world.episodes()).toMatchObject([
      { rule: 'bin-full', startedAt: world.timeOf(0), firedAt: world.timeOf(10), endedAt: null },
      { rule: 'device-silent' }
    ])
    world.say({ device: 'fs-1', at: 70, received: 200, values: { fillPct: 10 } })
    expect(world.episodes()[0]).toMatchObject({ endedAt: world.timeOf(42) })
  })

  it('does not wait for its next report to end it, when that was its only one', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { tempC: 60 } })
    wait(world, 1, 200)
    world.say({ device: 'fs-1', at: 4, received: 200, values: { tempC: 15 } })
    wait(world, 201, 210)
    expect(world.episodes()[0]).toMatchObject({ rule: 'bin-fire', endedAt: world.timeOf(14) })
  })
})

describe('a device that lags', () => {
  it('ends an episode as late as it speaks, though its reading counts from a later decision on', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, received: 1, values: { fillPct: 95 } })
    wait(world, 2, 32)
    // Measured before the tenth minute, at which it was decided: it counts from that on, and the lag is thirty minutes.
    world.say({ device: 'fs-1', at: 2, received: 32, values: { fillPct: 10 } })
    wait(world, 33, 41)
    expect(rulesOf(world)).toEqual(['bin-full'])
    world.tick(42, 1)
    expect(world.episodes()).toMatchObject([{ rule: 'bin-full', endedAt: world.timeOf(12) }])
  })
})

describe('a gap', () => {
  it('does not end that a bin was not emptied: only an emptying does', () => {
    const world = binWorld()
    for (let at = 0; at <= 36 * 60; at += 30) {
      world.tick(at)
      world.say({ device: 'fs-1', at, values: { fillPct: 60 } })
    }
    expect(rulesOf(world)).toEqual(['bin-not-emptied'])
    wait(world, 36 * 60 + 1, 40 * 60)
    world.say({ device: 'fs-1', at: 40 * 60, values: { fillPct: 60 } })
    expect(rulesOf(world)).toEqual(['bin-not-emptied'])
    world.say({ device: 'fs-1', at: 40 * 60 + 30, values: { fillPct: 5 } })
    expect(rulesOf(world)).toEqual([])
  })

  it('of the gas that is over the limit does not end the odour by the other one', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('st-1', { kind: 'compactor', attributes: { toiletClass: 3 } }),
        device('od-1', { kind: 'odour-sensor', facility: 'st-1' })
      ]
    })
    for (let at = 0; at <= 15; at += 5)
      world.say({ device: 'od-1', at, values: at === 0 ? { nh3Ppm: 10 } : { h2sPpm: 0 } })
    expect(rulesOf(world)).toEqual(['station-odour'])
    for (let at = 20; at <= 60; at += 5) world.say({ device: 'od-1', at, values: { h2sPpm: 0 } })
    expect(rulesOf(world)).toEqual(['station-odour'])
    for (let at = 65; at <= 75; at += 5) world.say({ device: 'od-1', at, values: { nh3Ppm: 0, h2sPpm: 0 } })
    expect(rulesOf(world)).toEqual([])
  })
})

it('a maintenance window that was over when it was entered begins no hold anew', () => {
  const world = binWorld()
  world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
  world.tick(5)
  const window = { id: 'w-1', subject: 'facility:bin-1', note: '' } as const
  world.change({ kind: 'maintenance', window: { ...window, from: world.timeOf(1), to: world.timeOf(3) } })
  world.tick(20)
  expect(world.open()).toMatchObject([{ rule: 'bin-full', openedAt: world.timeOf(10) }])
})

it('a level that went stale before a maintenance window ended begins nothing at its end', () => {
  const quick = device('fs-1', { facility: 'bin-1', attributes: { expectedIntervalMs: minutes(1) } })
  const world = ruleWorld({ records: [CITY, facility('bin-1'), quick] })
  const window = { id: 'w-1', subject: 'facility:bin-1', note: '' } as const
  world.change({ kind: 'maintenance', window: { ...window, from: world.timeOf(5), to: world.timeOf(6) } })
  world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
  wait(world, 1, 90)
  for (let at = 90; at <= 100; at++) {
    world.tick(at, 1)
    world.say({ device: 'fs-1', at, values: { fillPct: 95 } })
  }
  expect(world.episodes().at(-1)).toMatchObject({ rule: 'bin-full', startedAt: world.timeOf(90) })
})

describe('an outage of ours', () => {
  it('in which a maintenance window ends begins what goes on after it, not in it', () => {
    const world = binWorld()
    const window = { id: 'w-1', subject: 'facility:bin-1', note: '' } as const
    world.change({
      kind: 'maintenance',
      window: { ...window, from: world.timeOf(50), to: world.timeOf(110) }
    })
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 10 } })
    wait(world, 1, 99)
    wait(world, 120, 139)
    expect(world.open()).toEqual([])
    // An interval after the work: whoever did it may just have switched it on again.
    world.tick(140, 1)
    expect(world.open()).toMatchObject([{ rule: 'device-silent', openedAt: world.timeOf(140) }])
  })

  it('in which a level went stale and a quiet time ended leaves nothing to begin', () => {
    const world = ruleWorld({
      // Opens at 06:00, which is 60 minutes later.
      start: Date.parse('2026-01-15T21:00:00Z'),
      records: [
        CITY,
        facility('wc-1', { kind: 'toilet' }),
        device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1' })
      ]
    })
    world.say({ device: 'oc-1', at: 0, values: { visitsTotal: 0 } })
    for (let at = 1; at <= 40; at++) {
      world.tick(at, 1)
      world.say({ device: 'oc-1', at, values: { visitsTotal: 320 } })
    }
    world.tick(80, 1)
    expect(world.tickets()).toEqual([])
  })
})

it('a service ends that a toilet is due for cleaning, though its sensor is silent', () => {
  const world = ruleWorld({
    records: [
      CITY,
      facility('wc-1', { kind: 'toilet' }),
      device('oc-1', {
        kind: 'occupancy-sensor',
        facility: 'wc-1',
        attributes: { expectedIntervalMs: minutes(1) }
      })
    ]
  })
  world.say({ device: 'oc-1', at: 0, values: { visitsTotal: 0 } })
  world.say({ device: 'oc-1', at: 1, values: { visitsTotal: 320 } })
  world.tick(20)
  expect(rulesOf(world)).toContain('toilet-clean-due')
  world.change({ kind: 'service', facility: 'wc-1', by: 'scan' })
  expect(rulesOf(world)).not.toContain('toilet-clean-due')
})

describe('a parent that waits for its own', () => {
  /** A gateway in a cabinet speaks for two lamps; one is silent long before the gateway is, too. */
  const silentTwice = () => {
    const lamp = (i: number) => [
      facility(`light-${i}`, { kind: 'light', attributes: { cabinet: 'cab-1' } }),
      device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}`, gateway: 'gw-1' })
    ]
    const world = ruleWorld({
      records: [
        CITY,
        facility('cab-1', { kind: 'cabinet' }),
        device('gw-1', { kind: 'gateway', facility: 'cab-1' }),
        ...[0, 1].flatMap(lamp)
      ]
    })
    for (const id of ['lc-0', 'lc-1', 'gw-1']) world.say({ device: id, at: 0, values: { batteryPct: 90 } })
    for (let at = 1; at <= 60; at++) {
      world.tick(at, 1)
      for (const id of ['lc-1', 'gw-1'])
        if (at <= 30 && at % 4 === 0) world.say({ device: id, at, values: { batteryPct: 90 } })
    }
    return world
  }

  it('takes the tickets of its children when it has one itself', () => {
    const world = silentTwice()
    const gateway = world.open().find(({ subject }) => subject === 'device:gw-1')
    expect(world.open()).toHaveLength(1)
    expect(world.tickets().find(({ subject }) => subject === 'device:lc-0')).toMatchObject({
      openedAt: world.timeOf(20),
      closedAt: gateway?.openedAt,
      mergedInto: gateway?.id
    })
  })

  it('and their episodes keep the time at which they fired', () => {
    const world = silentTwice()
    for (let at = 61; at <= 70; at++) {
      world.tick(at, 1)
      for (const id of ['lc-1', 'gw-1'])
        if (at % 4 === 0) world.say({ device: id, at, values: { batteryPct: 90 } })
    }
    expect(world.open().find(({ subject }) => subject === 'device:lc-0')).toMatchObject({
      openedAt: world.timeOf(69)
    })
    expect(world.episodes().find(({ subject }) => subject === 'device:lc-0')).toMatchObject({
      startedAt: world.timeOf(15),
      firedAt: world.timeOf(15)
    })
  })
})

it('an outage of ours after a maintenance window counts for no hold that began before both', () => {
  const world = binWorld()
  const window = { id: 'w-1', subject: 'facility:bin-1', note: '' } as const
  world.change({ kind: 'maintenance', window: { ...window, from: world.timeOf(1), to: world.timeOf(2) } })
  world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
  wait(world, 1, 4)
  world.tick(8, 1)
  wait(world, 9, 20)
  // Ten minutes from the second on, without the three between the fifth and the eighth.
  expect(world.open()).toMatchObject([{ rule: 'bin-full', openedAt: world.timeOf(15) }])
})

it('an outage of ours is not taken off a hold that was full just before it', () => {
  const world = binWorld()
  world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
  for (let at = 1; at <= 9; at += 2) world.tick(at, 2)
  world.tick(30, 1)
  expect(world.open()).toMatchObject([{ rule: 'bin-full', openedAt: world.timeOf(10) }])
})

describe('a cabinet', () => {
  const LAMPS = [0, 1, 2, 3, 4]
  const LIT = { powerState: 'on', activePowerW: 90 }
  const DARK = { powerState: 'off', activePowerW: 0 }
  /** By night, past the grace after dusk; its lamps speak every five minutes. */
  const cabinetWorld = (through: 'gw-1' | null = null) =>
    ruleWorld({
      start: NOON + hours(6.5),
      records: [
        CITY,
        facility('cab-1', { kind: 'cabinet' }),
        device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
        device('gw-1', { kind: 'gateway' }),
        ...LAMPS.flatMap(i => [
          facility(`light-${i}`, { kind: 'light', attributes: { cabinet: 'cab-1' } }),
          device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}`, gateway: through })
        ])
      ]
    })
  const sayAll = (world: World, lamps: number[], at: number, values: typeof LIT) => {
    for (const i of lamps) world.say({ device: `lc-${i}`, at, values })
  }
  const episode = (world: World) => world.episodes().find(({ rule }) => rule === 'cabinet-dead')

  it('of which a silent lamp comes back dark has one minute, not two', () => {
    const world = cabinetWorld()
    sayAll(world, LAMPS, 0, LIT)
    for (const at of [4, 8]) sayAll(world, [4], at, LIT)
    world.tick(10.25)
    // Four of five are not heard since 10:00; this one says by itself that it is gone.
    world.say({ device: 'lc-0', at: 10.5, values: DARK })
    world.tick(11.5)
    expect(episode(world)).toMatchObject({ startedAt: world.timeOf(10), firedAt: world.timeOf(11) })
  })

  it('of which all come back dark through their gateway likewise', () => {
    const world = cabinetWorld('gw-1')
    sayAll(world, LAMPS, 0, LIT)
    for (const at of [4, 8]) {
      world.say({ device: 'gw-1', at, values: { batteryPct: 90 } })
      sayAll(world, [4], at, LIT)
    }
    world.tick(10.25)
    world.engine().record({
      seq: 0,
      kind: 'telemetry',
      receivedAt: world.timeOf(10.5),
      deviceId: 'gw-1',
      rejects: [],
      reports: LAMPS.slice(0, 4).map(i => ({
        device: `lc-${i}`,
        measuredAt: world.timeOf(10.5),
        quality: 'good',
        metrics: ['activePowerW'],
        values: [0]
      }))
    })
    world.tick(11.5)
    expect(episode(world)).toMatchObject({ startedAt: world.timeOf(10), firedAt: world.timeOf(11) })
  })

  const dead = (energised: boolean) => {
    const world = cabinetWorld()
    world.say({ device: 'cc-1', at: 0, values: { energised } })
    for (let at = 0; at <= 12; at += 4) sayAll(world, LAMPS, at, DARK)
    for (let at = 16; at <= 24; at += 4) {
      world.tick(at - 1)
      sayAll(world, LAMPS, at, LIT)
    }
    return world
  }

  it('whose controller has gone silent is over when its lamps are lit for five minutes', () => {
    const world = dead(true)
    expect(episode(world)).toMatchObject({ startedAt: world.timeOf(0), endedAt: world.timeOf(21) })
  })

  it('whose controller says that it has no power is not, before that is stale', () => {
    const world = dead(false)
    // Said at 0, stale at 15, by which time the lamps are still dark.
    expect(episode(world)).toMatchObject({ endedAt: world.timeOf(21) })
    const later = cabinetWorld()
    later.say({ device: 'cc-1', at: 0, values: { energised: false } })
    for (let at = 0; at <= 24; at += 4) {
      later.tick(at)
      sayAll(later, LAMPS, at, LIT)
    }
    expect(episode(later)).toMatchObject({ startedAt: later.timeOf(0), endedAt: later.timeOf(20) })
  })

  it('is not over because its lamps are merely excused: they must be seen lit', () => {
    const world = cabinetWorld('gw-1')
    world.say({ device: 'cc-1', at: 0, values: { energised: true } })
    sayAll(world, LAMPS, 0, LIT)
    for (const at of [4, 8]) world.say({ device: 'gw-1', at, values: { batteryPct: 90 } })
    // All lamps unheard from 10 on; then the gateway is, too, and nobody can tell.
    for (let at = 9; at <= 60; at++) world.tick(at)
    expect(episode(world)).toMatchObject({ startedAt: world.timeOf(10), endedAt: null })
  })
})

it('times without clocks that overlap count once', () => {
  const world = ticketWorld()
  const { id } = world.fire({ at: 1 }).row
  world.act(id, 'accept', 1)
  world.end('bin-1', 1)
  world.suppress('bin-1', 1)
  world.fire({ at: 2 })
  world.release('bin-1', 3)
  // From 1 to 3; half of two hours is white.
  world.passTo(200)
  expect(world.history(id).filter(line => line.endsWith('colour'))[0]).toBe('63 system colour')
})
