import { describe, expect, it } from 'vitest'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'
import { hours, minutes } from '#model/time'

/** What readings show beside their values: emptyings, hauls, visits, services. The world begins at noon in Shanghai. */
const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
const HOUR = 60
const MIDNIGHT = 12 * HOUR

type World = ReturnType<typeof ruleWorld>
const rulesOf = (world: World) => world.open().map(({ rule }) => rule)

describe('bin-not-emptied', () => {
  const binWorld = () =>
    ruleWorld({ records: [CITY, facility('bin-1'), device('fs-1', { facility: 'bin-1' })] })
  /** A report every half hour, as the sensor does. */
  const play = (world: World, from: number, to: number, fillPct: (minute: number) => number) => {
    for (let at = from; at <= to; at += 30) {
      world.tick(at)
      world.say({ device: 'fs-1', at, values: { fillPct: fillPct(at) } })
    }
  }

  it('opens with the first report after a whole city day without an emptying, due at the end of that day', () => {
    const world = binWorld()
    play(world, 0, MIDNIGHT + 24 * HOUR - 30, () => 60)
    expect(rulesOf(world)).toEqual([])
    play(world, MIDNIGHT + 24 * HOUR, MIDNIGHT + 24 * HOUR, () => 60)
    expect(world.open()).toMatchObject([
      {
        rule: 'bin-not-emptied',
        openedAt: world.timeOf(MIDNIGHT + 24 * HOUR),
        dueAt: world.timeOf(MIDNIGHT + 48 * HOUR)
      }
    ])
  })

  it('counts from the last emptying: a fall of thirty points to thirty percent or less', () => {
    const world = binWorld()
    play(world, 0, 6 * HOUR, () => 80)
    // Emptied at 18:30 of the first day: all of the second has to pass.
    play(world, 6 * HOUR + 30, MIDNIGHT + 24 * HOUR - 30, () => 30)
    expect(rulesOf(world)).toEqual([])
    play(world, MIDNIGHT + 24 * HOUR, MIDNIGHT + 24 * HOUR, () => 29)
    expect(rulesOf(world)).toEqual([])
    play(world, MIDNIGHT + 24 * HOUR + 30, MIDNIGHT + 24 * HOUR + 30, () => 30)
    expect(rulesOf(world)).toEqual(['bin-not-emptied'])
  })

  it('takes no smaller fall for one, nor one that leaves it half full', () => {
    const world = binWorld()
    play(world, 0, 6 * HOUR, () => 55)
    play(world, 6 * HOUR + 30, 8 * HOUR, () => 26)
    play(world, 8 * HOUR + 30, 10 * HOUR, () => 95)
    play(world, 10 * HOUR + 30, MIDNIGHT + 24 * HOUR, () => 40)
    expect(rulesOf(world)).toEqual(['bin-not-emptied'])
  })

  it('adds up a fall over several reports', () => {
    const world = binWorld()
    play(world, 0, MIDNIGHT + 10 * HOUR, () => 80)
    play(world, MIDNIGHT + 10 * HOUR + 30, MIDNIGHT + 10 * HOUR + 30, () => 50)
    play(world, MIDNIGHT + 11 * HOUR, MIDNIGHT + 11 * HOUR, () => 28)
    play(world, MIDNIGHT + 11 * HOUR + 30, MIDNIGHT + 25 * HOUR, () => 60)
    expect(rulesOf(world)).toEqual([])
  })

  it('says nothing of a bin that was never filled so far that an emptying could be seen', () => {
    const world = binWorld()
    play(world, 0, MIDNIGHT + 72 * HOUR, () => 20)
    expect(rulesOf(world)).toEqual([])
  })

  it('counts anew after a gap, in which it may have been emptied', () => {
    const world = binWorld()
    play(world, 0, MIDNIGHT, () => 60)
    play(world, MIDNIGHT + 2 * HOUR, MIDNIGHT + 26 * HOUR, () => 60)
    expect(rulesOf(world)).toEqual([])
    play(world, MIDNIGHT + 26 * HOUR + 30, MIDNIGHT + 48 * HOUR, () => 60)
    expect(rulesOf(world)).toEqual(['bin-not-emptied'])
  })

  it('closes with the emptying, and remembers all of it over a restart', () => {
    const world = binWorld()
    play(world, 0, 20 * HOUR, () => 60)
    world.restart()
    play(world, 20 * HOUR + 30, MIDNIGHT + 24 * HOUR, () => 60)
    expect(rulesOf(world)).toEqual(['bin-not-emptied'])
    world.restart()
    play(world, MIDNIGHT + 25 * HOUR, MIDNIGHT + 25 * HOUR, () => 5)
    expect(rulesOf(world)).toEqual([])
  })
})

describe('station-not-hauled', () => {
  it('sees a haul by weight as well, as a share of the container’s capacity', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('st-1', { kind: 'compactor', attributes: { containerCapacityKg: 8000 } }),
        device('cc-1', { kind: 'compactor-controller', facility: 'st-1' })
      ]
    })
    const play = (from: number, to: number, containerWeightKg: number) => {
      for (let at = from; at <= to; at += 5) {
        world.tick(at)
        world.say({ device: 'cc-1', at, values: { containerWeightKg } })
      }
    }
    play(0, MIDNIGHT + 9 * HOUR, 5000)
    play(MIDNIGHT + 9 * HOUR + 5, MIDNIGHT + 10 * HOUR, 2300)
    play(MIDNIGHT + 10 * HOUR + 5, MIDNIGHT + 47 * HOUR, 5000)
    expect(rulesOf(world)).toEqual([])
    play(MIDNIGHT + 47 * HOUR + 5, MIDNIGHT + 48 * HOUR, 5000)
    expect(rulesOf(world)).toEqual(['station-not-hauled'])
  })

  it.each([
    { capacityKg: 5000, kg: 1600, opens: true },
    { capacityKg: 5000, kg: 1400, opens: false },
    { capacityKg: 20_000, kg: 5000, opens: false },
    { capacityKg: undefined, kg: 3000, opens: true },
    { capacityKg: undefined, kg: 2900, opens: false }
  ])('is asked of $kg kg in a container for $capacityKg: $opens', ({ capacityKg, kg, opens }) => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('st-1', {
          kind: 'compactor',
          attributes: capacityKg === undefined ? {} : { containerCapacityKg: capacityKg }
        }),
        device('cc-1', { kind: 'compactor-controller', facility: 'st-1' })
      ]
    })
    for (let at = 0; at <= MIDNIGHT + 24 * HOUR; at += 5) {
      world.tick(at)
      world.say({ device: 'cc-1', at, values: { containerWeightKg: kg } })
    }
    expect(rulesOf(world)).toEqual(opens ? ['station-not-hauled'] : [])
  })
})

describe('a toilet', () => {
  const toiletWorld = (start?: number) =>
    ruleWorld({
      ...(start !== undefined && { start }),
      records: [
        CITY,
        facility('wc-1', { kind: 'toilet' }),
        device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1' })
      ]
    })
  const play = (world: World, from: number, to: number, values: (minute: number) => object) => {
    for (let at = from; at <= to; at++) {
      world.tick(at)
      world.say({ device: 'oc-1', at, values: values(at) })
    }
  }

  it('is due for cleaning after 300 visits, whatever the counter began with or was reset to', () => {
    const world = toiletWorld()
    play(world, 0, 99, minute => ({ visitsTotal: 5000 + 2 * minute }))
    play(world, 100, 149, minute => ({ visitsTotal: 2 * (minute - 99) }))
    // 198 before the reset, 100 after it.
    expect(rulesOf(world)).toEqual([])
    play(world, 150, 150, () => ({ visitsTotal: 102 }))
    expect(world.open()).toMatchObject([{ rule: 'toilet-clean-due', openedAt: world.timeOf(150) }])
  })

  it('or after four opening hours, and closes with a service', () => {
    const world = toiletWorld()
    play(world, 0, 239, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual([])
    play(world, 240, 245, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual(['toilet-clean-due'])
    expect(world.engine().serviced('wc-1')).toBeUndefined()
    expect(rulesOf(world)).toEqual([])
    world.restart()
    play(world, 246, 484, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual([])
    play(world, 485, 486, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual(['toilet-clean-due'])
  })

  it('is cleaned when an inspector has seen that it is, without a scan', () => {
    const world = toiletWorld()
    play(world, 0, 241, () => ({ visitsTotal: 7 }))
    const move = (action: 'accept' | 'claim' | 'verify', who: string) =>
      world.change(
        {
          kind: 'ticket-action',
          ticket: world.open()[0]?.id ?? '',
          action,
          note: 'seen',
          claimedAt: null,
          quietUntil: null,
          role: action === 'verify' ? 'inspector' : 'crew'
        },
        who
      )
    expect([move('accept', 'wang'), move('claim', 'wang'), move('verify', 'zhao')]).toEqual([
      null,
      null,
      null
    ])
    expect(world.open()).toEqual([])
    expect(world.episodes()).toMatchObject([{ endedAt: world.timeOf(241) }])
    world.restart()
    play(world, 242, 480, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual([])
    play(world, 481, 482, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual(['toilet-clean-due'])
  })

  it('is not due at night: the hours stand still from 22:00 to 06:00', () => {
    // 20:00: two hours are left of this day.
    const world = toiletWorld(Date.parse('2026-01-15T12:00:00Z'))
    play(world, 0, 10 * HOUR + 2 * HOUR - 1, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual([])
    play(world, 12 * HOUR, 12 * HOUR, () => ({ visitsTotal: 7 }))
    expect(rulesOf(world)).toEqual(['toilet-clean-due'])
  })

  it('that had its 300 visits at night is due when it opens', () => {
    const world = toiletWorld(Date.parse('2026-01-15T15:00:00Z'))
    play(world, 0, 4 * HOUR, minute => ({ visitsTotal: 2 * minute }))
    expect(rulesOf(world)).toEqual([])
    play(world, 4 * HOUR + 1, 7 * HOUR, () => ({ visitsTotal: 480 }))
    expect(world.open()).toMatchObject([{ rule: 'toilet-clean-due', openedAt: world.timeOf(7 * HOUR) }])
  })

  it('leaks when water runs for half an hour and nobody comes; a visit begins the half hour anew', () => {
    const world = toiletWorld()
    play(world, 0, 20, () => ({ waterFlowLpm: 4, visitsTotal: 10 }))
    play(world, 21, 21, () => ({ waterFlowLpm: 4, visitsTotal: 11 }))
    play(world, 22, 51, () => ({ waterFlowLpm: 4, visitsTotal: 11 }))
    expect(rulesOf(world)).toEqual([])
    play(world, 52, 52, () => ({ waterFlowLpm: 4, visitsTotal: 11 }))
    expect(rulesOf(world)).toEqual(['toilet-leak'])
    play(world, 53, 53, () => ({ waterFlowLpm: 4, visitsTotal: 12 }))
    expect(rulesOf(world)).toEqual(['toilet-leak'])
    play(world, 54, 54, () => ({ waterFlowLpm: 0, visitsTotal: 12 }))
    expect(rulesOf(world)).toEqual([])
  })

  it('lacks supplies when paper or soap runs out, until both are there again', () => {
    const world = toiletWorld()
    play(world, 0, 5, () => ({ paperPct: 80, soapPct: 9 }))
    expect(rulesOf(world)).toEqual(['toilet-supplies'])
    play(world, 6, 6, () => ({ paperPct: 49, soapPct: 90 }))
    expect(rulesOf(world)).toEqual(['toilet-supplies'])
    play(world, 7, 7, () => ({ paperPct: 90, soapPct: 90 }))
    expect(rulesOf(world)).toEqual([])
  })
})

describe('battery-low', () => {
  it('is about the device, wherever it is fitted or not', () => {
    const every = { attributes: { expectedIntervalMs: minutes(30) } }
    const world = ruleWorld({
      records: [
        CITY,
        facility('bin-1'),
        device('fs-1', { facility: 'bin-1', ...every }),
        device('fs-2', every)
      ]
    })
    for (let at = 0; at <= 60; at += 30) {
      world.tick(at)
      world.say({ device: 'fs-1', at, values: { batteryPct: 14 } })
      world.say({ device: 'fs-2', at, values: { batteryPct: at === 30 ? 15 : 14 } })
    }
    expect(world.open()).toMatchObject([
      { rule: 'battery-low', subject: 'device:fs-1', facility: 'bin-1', dueAt: world.timeOf(60) + hours(168) }
    ])
    world.restart()
    world.say({ device: 'fs-1', at: 90, values: { batteryPct: 31 } })
    expect(rulesOf(world)).toEqual([])
  })
})

it('a bin that was tipped over stands up again', () => {
  const world = ruleWorld({ records: [CITY, facility('bin-1'), device('fs-1', { facility: 'bin-1' })] })
  world.say({ device: 'fs-1', at: 0, values: { tiltDeg: 30 } })
  world.tick(5)
  expect(rulesOf(world)).toEqual(['bin-tilted'])
  world.say({ device: 'fs-1', at: 6, values: { tiltDeg: 15 } })
  expect(rulesOf(world)).toEqual(['bin-tilted'])
  world.say({ device: 'fs-1', at: 7, values: { tiltDeg: 14 } })
  expect(rulesOf(world)).toEqual([])
})
