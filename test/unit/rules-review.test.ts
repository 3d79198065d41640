import { describe, expect, it } from 'vitest'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { isWarning } from '#ingest/health'
import { hours, minutes } from '#model/time'
import { toPpm } from '#model/odour-limits'
import type { Attributes, RegistryRecord } from '#model/registry'
import type { TicketAction } from '#model/tickets'

const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
type World = ReturnType<typeof ruleWorld>

const binWorld = (...more: RegistryRecord[]) =>
  ruleWorld({ records: [CITY, facility('bin-1'), device('fs-1', { facility: 'bin-1' }), ...more] })

const fill = (world: World, at: number, fillPct: number, said: { device?: string; received?: number } = {}) =>
  world.say({ device: 'fs-1', at, values: { fillPct }, ...said })

const act = (world: World, action: TicketAction, quietUntil: number | null = null, who = 'li') =>
  world.engine().act(
    {
      kind: 'ticket-action',
      ticket: world.open()[0]?.id ?? '',
      action,
      note: 'why',
      claimedAt: null,
      quietUntil: quietUntil === null ? null : world.timeOf(quietUntil)
    },
    who
  )

const rulesOf = (world: World) => world.open().map(({ rule, subject }) => `${rule} ${subject}`)

/** What the database promises: no event of a ticket twice, no episode twice. */
function eventKeys({ effects }: World) {
  return effects.current.events.map(({ ticket, no }) => `${ticket} ${no}`)
}

describe('a device fitted to another facility', () => {
  it('takes nothing it saw in the old one with it', () => {
    const world = binWorld(facility('bin-2'), device('fs-2', { facility: 'bin-2' }))
    fill(world, 0, 95)
    world.register(device('fs-1', { facility: 'bin-2' }))
    fill(world, 1, 20, { device: 'fs-2' })
    world.tick(30)
    expect(rulesOf(world)).toEqual([])
    fill(world, 30, 95)
    world.tick(41)
    expect(rulesOf(world)).toEqual(['bin-full facility:bin-2'])
  })

  it('does not let what it measured before it was fitted there decide, though it arrives later', () => {
    const world = binWorld(facility('bin-2'))
    fill(world, 10, 20)
    world.register(device('fs-1', { facility: 'bin-2' }))
    fill(world, 9.5, 95, { received: 11 })
    fill(world, 9.9, 95, { received: 12 })
    world.tick(40)
    expect(rulesOf(world)).toEqual([])
  })

  it('leaves the old facility unknown: no hold runs there on its last reading', () => {
    const world = binWorld(facility('bin-2'))
    fill(world, 0, 95)
    world.tick(5)
    world.register(device('fs-1', { facility: 'bin-2' }))
    world.tick(30)
    expect(rulesOf(world)).toEqual([])
  })

  it('and what was open there stays open until another device sees it gone', () => {
    const world = binWorld(facility('bin-2'))
    fill(world, 0, 95)
    world.tick(11)
    world.register(device('fs-1', { facility: 'bin-2' }))
    world.restart()
    world.register(device('fs-3', { facility: 'bin-1' }))
    fill(world, 20, 5, { device: 'fs-3' })
    world.tick(30)
    expect(world.tickets()).toMatchObject([{ closeReason: 'self-cleared', clearedAt: world.timeOf(22) }])
  })

  it('takes no rise of temperature with it either', () => {
    const world = binWorld(facility('bin-2'))
    world.say({ device: 'fs-1', at: 0, values: { tempC: 15 } })
    world.tick(0.5)
    world.register(device('fs-1', { facility: 'bin-2' }))
    world.say({ device: 'fs-1', at: 1, values: { tempC: 32 } })
    expect(rulesOf(world)).toEqual([])
  })
})

describe('two devices on one bin', () => {
  const twoSensors = () => binWorld(device('fs-2', { facility: 'bin-1' }))

  it('never begin one episode twice, when one of them sends what it stored at the same moments', () => {
    const world = twoSensors()
    fill(world, 0, 95)
    world.tick(11)
    fill(world, 30, 10)
    world.tick(40)
    expect(world.tickets()).toMatchObject([{ state: 'closed' }])
    world.restart()
    for (const [at, level] of [
      [0, 95],
      [10, 95],
      [20, 95],
      [35, 10]
    ] as const)
      fill(world, at, level, { device: 'fs-2', received: 50 })
    world.tick(60)
    expect(new Set(eventKeys(world)).size).toBe(eventKeys(world).length)
    expect(world.open()).toEqual([])
  })

  it('of which one lags do not make the hold of the other wait for its lag', () => {
    const world = twoSensors()
    fill(world, 100, 95)
    fill(world, 45, 95, { device: 'fs-2', received: 105 })
    world.tick(109)
    world.tick(120)
    expect(world.open()).toMatchObject([{ rule: 'bin-full' }])
    expect(world.open()[0]?.openedAt).toBeLessThanOrEqual(world.timeOf(115))
  })

  it('open a ticket with readings that met the condition, not with those of the other one', () => {
    const world = twoSensors()
    fill(world, 0, 95)
    fill(world, 5, 10, { device: 'fs-2' })
    world.tick(11)
    expect(world.open()[0]?.evidence.map(({ value }) => value)).toEqual([95])
  })
})

describe('one device', () => {
  it('has its ticket opened when the hold was full, though the next we hear of is later', () => {
    const world = binWorld()
    fill(world, 0, 95)
    fill(world, 20, 10)
    expect(world.tickets()).toMatchObject([{ openedAt: world.timeOf(10), bornCleared: false }])
  })

  it('that clears and fills again takes the clearing back: a claim then waits for the sensor', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(11)
    expect(act(world, 'accept')).toBeUndefined()
    fill(world, 20, 5)
    world.tick(25)
    expect(world.open()).toMatchObject([{ clearedAt: world.timeOf(22) }])
    fill(world, 30, 95)
    world.tick(41)
    expect(world.open()).toMatchObject([{ clearedAt: null, state: 'accepted' }])
    expect(act(world, 'claim')).toBeUndefined()
    expect(world.open()).toMatchObject([{ state: 'claimed-done' }])
    expect(act(world, 'verify', null, 'chen')).toContain('still holds')
    fill(world, 50, 5)
    world.tick(53)
    expect(world.tickets()).toMatchObject([{ closeReason: 'verified', clearedAt: world.timeOf(50) }])
    expect(world.episodes()).toHaveLength(2)
  })

  it('does not begin an episode before the end of the last', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(11)
    fill(world, 30, 10)
    world.tick(33)
    fill(world, 31, 95, { received: 45 })
    world.tick(70)
    const [first, second] = world.episodes()
    expect(second?.startedAt).toBeGreaterThanOrEqual(first?.endedAt ?? Infinity)
  })
})

describe('after a person closed it', () => {
  const closedAt75 = () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(11)
    fill(world, 20, 75)
    expect(act(world, 'close', 60)).toBeUndefined()
    return world
  }

  it('begins nothing new between the two thresholds', () => {
    const world = closedAt75()
    fill(world, 45, 75)
    world.tick(120)
    expect(rulesOf(world)).toEqual([])
  })

  it('nor when nothing is heard since it was between the two', () => {
    const world = closedAt75()
    world.tick(100)
    expect(rulesOf(world)).toEqual([])
  })

  it('nor on a level that went stale in the quiet time', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(11)
    expect(act(world, 'close', 120)).toBeUndefined()
    for (const minute of [70, 130, 150, 180]) world.tick(minute)
    expect(rulesOf(world).filter(rule => rule.startsWith('bin-full'))).toEqual([])
  })

  it('nor on a level that was stale when it was closed', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(11)
    for (const minute of [60, 95]) world.tick(minute)
    expect(act(world, 'close', 120)).toBeUndefined()
    for (const minute of [130, 150, 180]) world.tick(minute)
    expect(rulesOf(world).filter(rule => rule.startsWith('bin-full'))).toEqual([])
  })

  it('does so again at once for a device that stays silent', () => {
    const world = binWorld()
    fill(world, 0, 10)
    world.tick(91)
    expect(act(world, 'close', 120)).toBeUndefined()
    world.restart()
    world.tick(150)
    expect(world.open()).toMatchObject([{ rule: 'device-silent', openedAt: world.timeOf(120) }])
    fill(world, 160, 10)
    expect(world.open()).toEqual([])
  })

  it('needs a quiet time that lies ahead', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(11)
    expect(act(world, 'close', 11)).toContain('quietUntil')
    expect(act(world, 'close', 12)).toBeUndefined()
  })

  it('a road’s rate begins anew only if it is still under the target', () => {
    const world = lamps(10)
    night(world, 0, 15, 3)
    const target = world.open().findIndex(({ subject }) => subject === 'road:r-1')
    expect(target).toBeGreaterThanOrEqual(0)
    const body = { kind: 'ticket-action', action: 'close', note: 'why', claimedAt: null } as const
    const ticket = world.open()[target]?.id ?? ''
    expect(world.engine().act({ ...body, ticket, quietUntil: world.timeOf(60) }, 'li')).toBeUndefined()
    world.restart()
    night(world, 20, 75, 3)
    expect(world.open().find(({ subject }) => subject === 'road:r-1')).toMatchObject({
      openedAt: world.timeOf(70)
    })
  })
})

describe('an outage of ours', () => {
  const slowBin = () =>
    ruleWorld({
      records: [
        CITY,
        facility('bin-1'),
        device('fs-1', { facility: 'bin-1', attributes: { expectedIntervalMs: hours(10) } })
      ]
    })

  it('in which a quiet time ends does not count for the hold after it', () => {
    const world = slowBin()
    fill(world, 0, 95)
    world.tick(11)
    expect(act(world, 'close', 60)).toBeUndefined()
    world.tick(50, 1)
    world.tick(200)
    expect(world.open()).toEqual([])
    world.tick(209)
    expect(world.open()).toEqual([])
    world.tick(211)
    expect(world.open()).toMatchObject([{ openedAt: world.timeOf(210) }])
    expect(world.episodes().at(-1)).toMatchObject({ startedAt: world.timeOf(200) })
  })

  it('in which a level got stale counts once: the hold goes on where it stood', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(4, 1)
    world.tick(120)
    fill(world, 130, 95)
    world.tick(134)
    expect(rulesOf(world)).toEqual([])
    world.tick(136)
    expect(world.open()).toMatchObject([{ rule: 'bin-full', openedAt: world.timeOf(135) }])
  })

  it('is noticed by a report too, when that comes before the first tick', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(4, 1)
    fill(world, 80, 95)
    world.tick(80.01)
    world.tick(84)
    expect(rulesOf(world)).toEqual([])
    world.tick(86)
    expect(world.open()).toMatchObject([{ openedAt: world.timeOf(85) }])
  })

  it('is one of more than five seconds', () => {
    for (const [second, opened] of [
      [5, 10],
      [6, 10.1]
    ] as const) {
      const world = binWorld()
      fill(world, 0, 95)
      world.tick(4, 1)
      world.tick(5 + second / 60)
      world.tick(20)
      expect(world.minuteOf(world.open()[0]?.openedAt ?? null)).toBe(opened)
    }
  })

  it('of which the first report came late leaves a silent device silent', () => {
    const world = binWorld()
    fill(world, 0, 10)
    world.tick(91)
    world.tick(92, 1)
    world.tick(400)
    expect(rulesOf(world)).toEqual(['device-silent device:fs-1'])
    world.tick(900)
    expect(world.tickets()).toHaveLength(1)
  })
})

const DUSK_PASSED = NOON + hours(6.5)

const lamps = (count: number, start = DUSK_PASSED, ...more: RegistryRecord[]) =>
  ruleWorld({
    start,
    records: [
      CITY,
      area('gulou', { kind: 'district', parent: 'city' }),
      road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
      ...Array.from({ length: count }, (_, i) => [lamp(i), controller(i)]).flat(),
      ...more
    ]
  })
const lamp = (i: number, attributes: Attributes = { road: 'r-1' }) =>
  facility(`light-${i}`, { kind: 'light', parent: 'gulou', attributes })
const controller = (i: number, id = `lc-${i}`) =>
  device(id, { kind: 'lamp-controller', facility: `light-${i}` })
const shine = (world: World, at: number, i: number, lit: boolean, id = `lc-${i}`) =>
  world.say({ device: id, at, values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 } })
/** Ten lamps report every five minutes, the first `dark` of them dark. */
const night = (world: World, from: number, to: number, dark: number, count = 10) => {
  for (let at = from; at <= to; at += 5) for (let i = 0; i < count; i++) shine(world, at, i, i >= dark)
}
const rates = (world: World) => rulesOf(world).filter(rule => rule.startsWith('lighting-rate'))

describe('the sun', () => {
  it('is nobody’s without coordinates of the root area: no lamp is judged', () => {
    const world = ruleWorld({
      // Night both in Shanghai and where the equator meets Greenwich.
      start: Date.parse('2026-01-15T20:00:00Z'),
      records: [
        area('city', { kind: 'city' }),
        road('r-1', { parent: 'city', attributes: { lightingGrade: 'main' } }),
        ...Array.from({ length: 10 }, (_, i) => [lamp(i), controller(i)]).flat()
      ]
    })
    night(world, 0, 60, 10)
    expect(rulesOf(world)).toEqual([])
    world.register(CITY)
    world.restart()
    night(world, 65, 80, 10)
    expect(rulesOf(world)).toContain('lamp-out facility:light-0')
  })

  it('going up ends a hold that ran in the night', () => {
    // Civil dawn is at 6:38.
    const world = lamps(1, Date.parse('2026-01-15T22:33:00Z'))
    night(world, 0, 5, 1, 1)
    world.tick(18)
    expect(world.tickets()).toEqual([])
  })

  it('going up while a lamp is clearing leaves its ticket open: by day nobody can tell', () => {
    const world = lamps(1, Date.parse('2026-01-15T22:10:00Z'))
    night(world, 0, 15, 1, 1)
    shine(world, 20, 0, true)
    world.tick(30)
    expect(rulesOf(world)).not.toContain('lamp-out facility:light-0')
    const later = lamps(1, Date.parse('2026-01-15T22:10:00Z'))
    night(later, 0, 15, 1, 1)
    shine(later, 26, 0, true)
    later.tick(30)
    expect(rulesOf(later)).toContain('lamp-out facility:light-0')
  })
})

describe('the lighting rate', () => {
  it('judges no lamps that left: moved to another road they end its hold', () => {
    const world = lamps(10, DUSK_PASSED, road('r-2', { parent: 'gulou' }))
    night(world, 0, 5, 3)
    for (let i = 0; i < 3; i++) world.register(lamp(i, { road: 'r-2' }))
    world.restart()
    world.tick(12)
    expect(rates(world)).not.toContain('lighting-rate road:r-1')
  })

  it('ends for a road that lost its dark lamps', () => {
    const world = lamps(10, DUSK_PASSED, road('r-2', { parent: 'gulou' }))
    night(world, 0, 15, 3)
    expect(rates(world)).toContain('lighting-rate road:r-1')
    for (let i = 0; i < 3; i++) world.register(lamp(i, { road: 'r-2' }))
    world.tick(26)
    expect(rates(world)).not.toContain('lighting-rate road:r-1')
  })

  it('counts dark lamps in the road they came to, without a new report', () => {
    const world = lamps(10, DUSK_PASSED, road('r-2', { parent: 'gulou' }))
    night(world, 0, 5, 3)
    for (let i = 0; i < 3; i++) world.register(lamp(i, { road: 'r-2' }))
    world.tick(16)
    expect(rates(world)).toContain('lighting-rate road:r-2')
  })

  it('ends for a grade no lamp has any more', () => {
    const world = lamps(10)
    night(world, 0, 15, 3)
    expect(rates(world)).toContain('lighting-rate area:gulou:main')
    world.register(road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'branch' } }))
    world.tick(26)
    expect(rates(world)).not.toContain('lighting-rate area:gulou:main')
  })

  it('counts lamps under the district their area was given to', () => {
    const world = lamps(10, DUSK_PASSED, area('xuanwu', { kind: 'district', parent: 'city' }))
    world.register(area('gulou', { kind: 'street', parent: 'xuanwu' }))
    night(world, 0, 15, 3)
    expect(rates(world).sort()).toEqual(['lighting-rate area:xuanwu:main', 'lighting-rate road:r-1'])
  })

  it('counts a lamp with two controllers once, dark if one of them says so', () => {
    const world = lamps(10, DUSK_PASSED, controller(0, 'lc-0b'))
    for (let at = 0; at <= 15; at += 5) {
      night(world, at, at, 0)
      shine(world, at, 0, false, 'lc-0b')
    }
    expect(rates(world)).toContain('lighting-rate road:r-1')
    expect(world.engine().groups.get('road:r-1')?.counts.seen(world.engine().time.at)).toEqual({
      lamps: 10,
      lit: 9,
      dark: 1,
      out: 0
    })
  })

  it('counts a lamp by the controller that reports, though another never did', () => {
    const world = ruleWorld({
      start: DUSK_PASSED,
      records: [
        CITY,
        area('gulou', { kind: 'district', parent: 'city' }),
        road('r-1', { parent: 'gulou' }),
        lamp(0),
        controller(0, 'lc-new'),
        controller(0)
      ]
    })
    night(world, 0, 15, 1, 1)
    expect(rates(world)).toEqual(['lighting-rate road:r-1'])
  })

  it('does not clear while a lamp that fell silent could be dark', () => {
    const world = lamps(50)
    night(world, 0, 10, 3, 50)
    night(world, 15, 15, 3, 48)
    night(world, 20, 20, 0, 48)
    world.tick(31)
    expect(rates(world)).toContain('lighting-rate road:r-1')
    night(world, 35, 45, 0, 50)
    expect(rates(world)).toEqual([])
  })

  it('is judged alike after a restart, with the same evidence', () => {
    const play = (restart: boolean) => {
      const world = lamps(10)
      night(world, 0, 0, 3)
      // One that reports but not its state: unknown, and looked at without a change.
      world.say({ device: 'lc-9', at: 16, values: { batteryPct: 50 } })
      night(world, 16, 17, 3, 9)
      world.say({ device: 'lc-9', at: 17, values: { batteryPct: 50 } })
      if (restart) world.restart()
      shine(world, 18, 0, false)
      world.say({ device: 'lc-9', at: 19, values: { batteryPct: 50 } })
      world.tick(40)
      return { ...world.effects.current, open: world.open() }
    }
    expect(play(true)).toEqual(play(false))
  })
})

describe('a device whose interval was shortened', () => {
  it('is not silent in the past: its ticket opens when we could know', () => {
    const world = binWorld()
    fill(world, 0, 10)
    world.tick(60)
    world.register(device('fs-1', { facility: 'bin-1', attributes: { expectedIntervalMs: minutes(5) } }))
    world.restart()
    world.tick(61)
    expect(world.open()).toMatchObject([{ rule: 'device-silent', openedAt: world.timeOf(60) }])
  })
})

describe('an odour', () => {
  it('of exactly the limit is not over it', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('wc-1', { kind: 'toilet', attributes: { toiletClass: 1 } }),
        device('od-1', { kind: 'odour-sensor', facility: 'wc-1' })
      ]
    })
    for (let at = 0; at <= 20; at += 5)
      world.say({ device: 'od-1', at, values: { nh3Ppm: toPpm('nh3Ppm', 0.3) } })
    expect(world.open()).toEqual([])
  })
})

describe('the warning of a hold', () => {
  it('comes past half of it, however soon its reading goes stale', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('wc-1', { kind: 'toilet' }),
        device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1' })
      ]
    })
    const warns: boolean[] = []
    for (let at = 0; at < 15; at++) {
      world.say({ device: 'oc-1', at, values: { stallsTotal: 4, stallsOccupied: 4 } })
      warns.push([...world.engine().instances()].some(one => isWarning(one, world.timeOf(at))))
    }
    expect(warns.indexOf(true)).toBe(8)
  })
})
