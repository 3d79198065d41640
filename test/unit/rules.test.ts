import { describe, expect, it } from 'vitest'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { hours, minutes } from '#model/time'
import type { RegistryRecord } from '#model/registry'

const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })

const binWorld = (attributes = {}, more: RegistryRecord[] = []) =>
  ruleWorld({
    records: [CITY, facility('bin-1', { attributes }), device('fs-1', { facility: 'bin-1' }), ...more]
  })

describe('bin-full', () => {
  it('fires at the tenth minute on one sample, with the reading that opened it', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.tick(9)
    expect(world.open()).toEqual([])
    world.tick(11)
    const [ticket] = world.open()
    expect(ticket).toMatchObject({
      rule: 'bin-full',
      subject: 'facility:bin-1',
      state: 'new',
      openedAt: world.timeOf(10),
      dueAt: world.timeOf(10 + 120),
      evidence: [{ device: 'fs-1', metric: 'fillPct', value: 95, measuredAt: world.timeOf(0) }]
    })
    expect(world.episodes()).toMatchObject([
      { startedAt: world.timeOf(0), firedAt: world.timeOf(10), endedAt: null }
    ])
  })

  it('gives ten minutes on special and grade 1 roads, by the facility or by its road', () => {
    const onRoad = binWorld({ road: 'r-1' }, [road('r-1', { attributes: { cleaningGrade: '1' } })])
    const itself = binWorld({ cleaningGrade: 'special' })
    for (const world of [onRoad, itself]) {
      world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
      world.tick(11)
      expect(world.minuteOf(world.open()[0]?.dueAt ?? null)).toBe(20)
    }
  })

  it('closes by itself two minutes after it was emptied, at the sensor’s time', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.say({ device: 'fs-1', at: 30, values: { fillPct: 12 } })
    world.tick(40)
    expect(world.tickets()).toMatchObject([
      { state: 'closed', closeReason: 'self-cleared', clearedAt: world.timeOf(32), bornCleared: false }
    ])
  })

  it('waits for the claim when a crew accepted before it cleared, and then is verified at once', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.tick(11)
    const id = world.open()[0]?.id ?? ''
    const act = (action: 'accept' | 'claim') =>
      world
        .engine()
        .act(
          { kind: 'ticket-action', ticket: id, action, note: null, claimedAt: null, quietUntil: null },
          'wang'
        )
    expect(act('accept')).toBeUndefined()
    world.say({ device: 'fs-1', at: 30, values: { fillPct: 5 } })
    world.tick(40)
    expect(world.open()).toMatchObject([{ state: 'accepted', clearedAt: world.timeOf(32) }])
    expect(act('claim')).toBeUndefined()
    expect(world.tickets()).toMatchObject([{ state: 'closed', closeReason: 'verified' }])
    expect(act('claim')).toContain('closed')
  })

  it('does not count a gap: after the level went stale the hold stands still', () => {
    const world = binWorld({}, [
      device('fs-1', { facility: 'bin-1', attributes: { expectedIntervalMs: minutes(1) } })
    ])
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.tick(60)
    expect(world.open().filter(ticket => ticket.rule === 'bin-full')).toEqual([])
    world.say({ device: 'fs-1', at: 60, values: { fillPct: 95 } })
    world.say({ device: 'fs-1', at: 62, values: { fillPct: 95 } })
    world.say({ device: 'fs-1', at: 64, values: { fillPct: 95 } })
    world.say({ device: 'fs-1', at: 66, values: { fillPct: 95 } })
    expect(world.open()).toEqual([])
    world.say({ device: 'fs-1', at: 67, values: { fillPct: 95 } })
    expect(world.open()).toMatchObject([{ rule: 'bin-full' }])
    expect(world.episodes()[0] && world.minuteOf(world.episodes().at(-1)?.firedAt ?? 0)).toBe(67)
  })

  it('makes a backlog a ticket born self-cleared when it was over before we heard of it', () => {
    const world = binWorld()
    for (const [at, fillPct] of [
      [0, 95],
      [30, 96],
      [60, 10],
      [90, 15]
    ] as const) {
      world.say({ device: 'fs-1', at, received: 360, values: { fillPct } })
    }
    expect(world.tickets()).toMatchObject([
      {
        state: 'closed',
        closeReason: 'self-cleared',
        bornCleared: true,
        openedAt: world.timeOf(360),
        clearedAt: world.timeOf(62)
      }
    ])
  })

  it('fires a backlog by its own samples, not by the wall: the last level is held for the device’s lag', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, received: 60, values: { fillPct: 95 } })
    world.tick(69)
    expect(world.open()).toEqual([])
    world.tick(70)
    expect(world.open()).toMatchObject([{ openedAt: world.timeOf(70) }])
    expect(world.episodes()[0]?.firedAt).toBe(world.timeOf(10))
  })

  it('lets a late reading move nothing', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 10, values: { fillPct: 20 } })
    world.say({ device: 'fs-1', at: 0, received: 11, values: { fillPct: 99 } })
    world.say({ device: 'fs-1', at: 10, received: 12, values: { fillPct: 99 } })
    world.tick(60)
    expect(world.open()).toEqual([])
    expect(world.engine().devices.get('fs-1')?.levels.get('fillPct')?.value).toBe(20)
  })

  it('is one episode over two sensors, and ends when both are clear', () => {
    const world = binWorld({}, [device('fs-2', { facility: 'bin-1' })])
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.say({ device: 'fs-2', at: 1, values: { fillPct: 95 } })
    world.tick(20)
    world.say({ device: 'fs-1', at: 21, values: { fillPct: 10 } })
    world.tick(30)
    expect(world.open()).toHaveLength(1)
    world.say({ device: 'fs-2', at: 31, values: { fillPct: 10 } })
    world.tick(40)
    expect(world.open()).toEqual([])
    expect(world.episodes()).toHaveLength(1)
  })

  it('after a person closed it stays quiet, then begins a new episode and a new ticket', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.tick(11)
    const [ticket] = world.open()
    const close = {
      kind: 'ticket-action',
      ticket: ticket?.id ?? '',
      action: 'close',
      note: 'wall moved',
      claimedAt: null
    } as const
    expect(world.engine().act({ ...close, quietUntil: null }, 'li')).toContain('quietUntil')
    expect(world.engine().act({ ...close, quietUntil: world.timeOf(60) }, 'li')).toBeUndefined()
    world.tick(59)
    expect(world.open()).toEqual([])
    world.tick(70)
    expect(world.open()).toMatchObject([{ openedAt: world.timeOf(70) }])
    expect(world.open()[0]?.id).not.toBe(ticket?.id)
    expect(world.episodes()).toMatchObject([
      { endedAt: world.timeOf(11) },
      { startedAt: world.timeOf(60), firedAt: world.timeOf(70) }
    ])
  })
})

describe('bin-fire', () => {
  it('fires at once at 60 °C', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { tempC: 60 } })
    expect(world.open()).toMatchObject([{ rule: 'bin-fire', openedAt: NOON, dueAt: NOON + minutes(10) }])
  })

  it('fires when it rises by ten degrees within two minutes, in one step or in several', () => {
    const world = binWorld()
    for (const [at, tempC] of [
      [0, 20],
      [1, 26],
      [1.9, 30.5]
    ] as const)
      world.say({ device: 'fs-1', at, values: { tempC } })
    expect(world.open()).toMatchObject([{ rule: 'bin-fire' }])
  })

  it('takes the same rise over an hour for weather', () => {
    const world = binWorld()
    for (const [at, tempC] of [
      [0, 20],
      [30, 29],
      [60, 38]
    ] as const)
      world.say({ device: 'fs-1', at, values: { tempC } })
    expect(world.open()).toEqual([])
  })
})

describe('toilet rules', () => {
  const toilets = () =>
    ruleWorld({
      records: [
        CITY,
        facility('wc-1', { kind: 'toilet', attributes: { toiletClass: 1 } }),
        device('od-1', { kind: 'odour-sensor', facility: 'wc-1' }),
        device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1' })
      ]
    })
  /** Reports every `every` minutes from `from` to `to`. */
  const play = (
    world: ReturnType<typeof toilets>,
    said: { device: string; from: number; to: number; every: number; values: object }
  ) => {
    for (let at = said.from; at <= said.to; at += said.every)
      world.say({ device: said.device, at, values: said.values })
  }

  it('judges ammonia by the limit of the class, 0.43 ppm for class 1', () => {
    const world = toilets()
    play(world, { device: 'od-1', from: 0, to: 20, every: 5, values: { nh3Ppm: 0.42 } })
    expect(world.open()).toEqual([])
    play(world, { device: 'od-1', from: 25, to: 35, every: 5, values: { nh3Ppm: 0.5 } })
    expect(world.open()).toMatchObject([{ rule: 'toilet-odour' }])
    play(world, { device: 'od-1', from: 40, to: 60, every: 5, values: { nh3Ppm: 0.4 } })
    expect(world.open()).toHaveLength(1)
    play(world, { device: 'od-1', from: 65, to: 75, every: 5, values: { nh3Ppm: 0.3 } })
    expect(world.open()).toEqual([])
  })

  it('never judges hydrogen sulphide by a limit its cell cannot tell', () => {
    const world = toilets()
    play(world, { device: 'od-1', from: 0, to: 60, every: 5, values: { h2sPpm: 0.2 } })
    expect(world.open()).toEqual([])
  })

  it('calls a toilet crowded after a quarter of an hour without a free stall', () => {
    const world = toilets()
    play(world, { device: 'oc-1', from: 0, to: 14, every: 1, values: { stallsTotal: 4, stallsOccupied: 4 } })
    expect(world.open()).toEqual([])
    play(world, { device: 'oc-1', from: 15, to: 15, every: 1, values: { stallsTotal: 4, stallsOccupied: 4 } })
    expect(world.open()).toMatchObject([{ rule: 'toilet-crowded', severity: 'minor' }])
  })
})

describe('compactor-fault', () => {
  it('is judged by the state alone when the controller has no fault codes', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('st-1', { kind: 'compactor' }),
        device('cc-1', { kind: 'compactor-controller', facility: 'st-1' })
      ]
    })
    world.say({ device: 'cc-1', at: 0, values: { state: 'fault' } })
    world.tick(2)
    expect(world.open()).toMatchObject([{ rule: 'compactor-fault' }])
    world.say({ device: 'cc-1', at: 5, values: { state: 'idle' } })
    world.say({ device: 'cc-1', at: 10, values: { state: 'idle' } })
    expect(world.open()).toEqual([])
  })
})

describe('device-silent', () => {
  it('opens after three expected intervals and closes with the next report, however old that is', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 10 } })
    world.tick(60)
    world.tick(89)
    expect(world.open()).toEqual([])
    world.tick(91)
    expect(world.open()).toMatchObject([
      { rule: 'device-silent', subject: 'device:fs-1', facility: 'bin-1', openedAt: world.timeOf(90) }
    ])
    world.say({ device: 'fs-1', at: 1, received: 100, values: { fillPct: 11 } })
    expect(world.open()).toEqual([])
  })

  it('says nothing of a device that never reported', () => {
    const world = binWorld()
    for (let minute = 0; minute < 600; minute += 60) world.tick(minute)
    expect(world.open()).toEqual([])
  })

  it('does not blame devices for an outage of ours: silence counts anew, with one interval of grace', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 10 } })
    world.tick(1, 1)
    world.tick(600, 120)
    expect(world.open()).toEqual([])
    world.tick(600 + 119, 60)
    expect(world.open()).toEqual([])
    world.tick(600 + 121)
    expect(world.open()).toMatchObject([{ openedAt: world.timeOf(600 + 120) }])
  })
})

describe('an outage of ours', () => {
  it('opens nothing by itself: holds stand still through it', () => {
    const world = binWorld()
    world.say({ device: 'fs-1', at: 0, values: { fillPct: 95 } })
    world.tick(4, 1)
    world.tick(80, 60)
    expect(world.open()).toEqual([])
    world.tick(84)
    expect(world.open()).toEqual([])
    world.tick(86)
    expect(world.open()).toMatchObject([{ rule: 'bin-full', openedAt: world.timeOf(10 + 75) }])
  })
})

describe('lamps', () => {
  const LAMPS = 100
  /** 18:30 in Shanghai: dark, and past the grace after dusk. */
  const EVENING = NOON + hours(6.5)
  const lampWorld = (start = EVENING) =>
    ruleWorld({
      start,
      records: [
        CITY,
        area('gulou', { kind: 'district', parent: 'city' }),
        road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
        ...Array.from({ length: LAMPS }, (_, i) => [
          facility(`light-${i}`, { kind: 'light', parent: 'gulou', attributes: { road: 'r-1' } }),
          device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}` })
        ]).flat()
      ]
    })
  type World = ReturnType<typeof lampWorld>
  const report = (world: World, at: number, dark: number, speaking = LAMPS) => {
    for (let i = 0; i < speaking; i++) {
      const lit = i >= dark
      world.say({
        device: `lc-${i}`,
        at,
        values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0, lampFailure: !lit }
      })
    }
  }
  const minutesOf = (world: World, from: number, to: number, dark: number, speaking?: number) => {
    for (let at = from; at <= to; at += 5) report(world, at, dark, speaking)
  }
  const rules = (world: World) => world.open().map(({ rule, subject }) => `${rule} ${subject}`)

  it('says nothing of dark lamps by day', () => {
    const world = lampWorld(NOON)
    minutesOf(world, 0, 60, LAMPS)
    expect(world.open()).toEqual([])
  })

  it('opens one ticket for a dark lamp after ten minutes of night, and closes it when it is lit for five', () => {
    const world = lampWorld()
    minutesOf(world, 0, 10, 1)
    expect(rules(world)).toEqual(['lamp-out facility:light-0'])
    minutesOf(world, 15, 20, 0)
    expect(world.open()).toEqual([])
  })

  it('keeps it open through the day: only a lit lamp clears', () => {
    const world = lampWorld()
    minutesOf(world, 0, 15, 1)
    minutesOf(world, 14 * 60, 15 * 60, LAMPS)
    expect(rules(world)).toEqual(['lamp-out facility:light-0'])
  })

  it('gives lamps a quarter of an hour to follow dusk', () => {
    const dusk = Date.parse('2026-01-15T09:48:00Z')
    const world = lampWorld(dusk)
    minutesOf(world, 0, 10, LAMPS)
    minutesOf(world, 15, 60, 0)
    expect(world.tickets()).toEqual([])
  })

  it('opens a ticket for the road and one for the district’s grade when under 98 % for ten minutes', () => {
    const world = lampWorld()
    minutesOf(world, 0, 10, 3)
    const groups = world.open().filter(ticket => ticket.rule === 'lighting-rate')
    expect(groups.map(({ subject, area: where }) => [subject, where])).toEqual([
      ['area:gulou:main', 'gulou'],
      ['road:r-1', 'gulou']
    ])
    expect(groups[0]?.evidence).toHaveLength(3)
    minutesOf(world, 15, 30, 2)
    expect(rules(world).filter(rule => rule.startsWith('lighting-rate'))).toEqual([])
  })

  it('holds while stale lamps could make it either way, and fires when they no longer can', () => {
    const world = lampWorld()
    report(world, 0, 0)
    minutesOf(world, 5, 60, 2, 50)
    expect(rules(world).filter(rule => rule.startsWith('lighting-rate'))).toEqual([])
    minutesOf(world, 65, 80, 3, 50)
    expect(rules(world).filter(rule => rule.startsWith('lighting-rate'))).toHaveLength(2)
  })
})
