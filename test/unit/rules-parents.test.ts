import { describe, expect, it } from 'vitest'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { hours } from '#model/time'
import type { RegistryRecord } from '#model/registry'

const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
/** 18:30 in Shanghai: dark, and past the grace after dusk. */
const EVENING = NOON + hours(6.5)
const LAMPS = 10

const lamps = (cabinet: string, gateway: string | null, count = LAMPS): RegistryRecord[] =>
  Array.from({ length: count }, (_, i) => [
    facility(`light-${i}`, { kind: 'light', parent: 'gulou', attributes: { road: 'r-1', cabinet } }),
    device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}`, gateway })
  ]).flat()

const streetWorld = ({ gateway = false, start = EVENING } = {}) =>
  ruleWorld({
    start,
    records: [
      CITY,
      area('gulou', { kind: 'district', parent: 'city' }),
      road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
      facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
      device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
      ...(gateway ? [device('gw-1', { kind: 'gateway' })] : []),
      ...lamps('cab-1', gateway ? 'gw-1' : null)
    ]
  })
type World = ReturnType<typeof streetWorld>

/** Every five minutes: the first `dark` lamps are dark, those from `speaking` on say nothing. */
const report = (world: World, at: number, { dark = 0, speaking = LAMPS, energised = true } = {}) => {
  world.tick(at)
  for (let i = 0; i < speaking; i++) {
    const lit = i >= dark
    world.say({
      device: `lc-${i}`,
      at,
      values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }
    })
  }
  world.say({ device: 'cc-1', at, values: { energised } })
}
const open = (world: World) => world.open().map(({ rule, subject }) => `${rule} ${subject}`)
/** Time passes without a report, a tick a minute. */
const wait = (world: World, from: number, to: number) => {
  for (let at = from; at <= to; at++) world.tick(at)
}

describe('a dead cabinet', () => {
  it('is one ticket for all of its lamps, by its own word', () => {
    const world = streetWorld()
    report(world, 0)
    for (let at = 5; at <= 40; at += 5) report(world, at, { dark: LAMPS, energised: false })
    expect(open(world)).toEqual(['cabinet-dead facility:cab-1'])
    expect(world.open()).toMatchObject([{ severity: 'critical', openedAt: world.timeOf(6) }])
  })

  it('or by four fifths of its lamps being dark at night', () => {
    const world = streetWorld()
    report(world, 0)
    for (let at = 5; at <= 20; at += 5) report(world, at, { dark: 7 })
    expect(open(world)).not.toContain('cabinet-dead facility:cab-1')
    const other = streetWorld()
    report(other, 0)
    for (let at = 5; at <= 40; at += 5) report(other, at, { dark: 8 })
    expect(open(other)).toEqual(['cabinet-dead facility:cab-1'])
  })

  it('or unheard for two intervals, before any of them is silent', () => {
    const world = streetWorld()
    report(world, 0)
    wait(world, 1, 10)
    world.say({ device: 'cc-1', at: 10, values: { doorOpen: false } })
    wait(world, 11, 13)
    expect(open(world)).toEqual(['cabinet-dead facility:cab-1'])
    expect(world.open()).toMatchObject([{ openedAt: world.timeOf(11) }])
    wait(world, 14, 40)
    expect(open(world)).toEqual(['cabinet-dead facility:cab-1'])
    // The episodes of its lamps are on record all the same.
    expect(world.episodes().filter(({ rule }) => rule === 'device-silent')).toHaveLength(LAMPS + 1)
  })

  it('says nothing by day of lamps that are dark then', () => {
    const world = streetWorld({ start: NOON })
    for (let at = 0; at <= 60; at += 5) report(world, at, { dark: LAMPS })
    expect(open(world)).toEqual([])
  })

  it('is over when it has power for five minutes; what is still dark then waits once more and opens', () => {
    const world = streetWorld()
    report(world, 0)
    for (let at = 5; at <= 30; at += 5) report(world, at, { dark: LAMPS, energised: false })
    for (let at = 35; at <= 40; at += 5) report(world, at, { dark: 1 })
    expect(open(world)).toEqual([])
    wait(world, 41, 44)
    expect(open(world)).toEqual([])
    report(world, 45, { dark: 1 })
    expect(open(world)).toContain('lamp-out facility:light-0')
    expect(open(world)).not.toContain('lamp-out facility:light-1')
  })

  it('takes lamp tickets that were not dispatched yet, and stops the clock of those that were', () => {
    const world = streetWorld()
    for (let at = 0; at <= 15; at += 5) report(world, at, { dark: 2 })
    expect(open(world).filter(key => key.startsWith('lamp-out'))).toHaveLength(2)
    const [, sent] = world.open().filter(({ rule }) => rule === 'lamp-out')
    expect(
      world.engine().act(
        {
          kind: 'ticket-action',
          ticket: sent?.id ?? '',
          action: 'dispatch',
          note: null,
          claimedAt: null,
          quietUntil: null,
          role: 'operator',
          crew: 'lamps'
        },
        'li'
      )
    ).toBeUndefined()
    for (let at = 20; at <= 30; at += 5) report(world, at, { dark: LAMPS, energised: false })
    const merged = world.tickets().find(({ closeReason }) => closeReason === 'merged')
    const cabinet = world.open().find(({ rule }) => rule === 'cabinet-dead')
    expect(merged).toMatchObject({ rule: 'lamp-out', mergedInto: cabinet?.id })
    expect(world.open().find(({ id }) => id === sent?.id)?.pauses).toMatchObject([
      { why: 'suppressed', until: null }
    ])
  })

  it('leaves its lamps out of the lighting rate', () => {
    const world = streetWorld()
    report(world, 0)
    for (let at = 5; at <= 40; at += 5) report(world, at, { dark: LAMPS, energised: false })
    expect(open(world).filter(key => key.startsWith('lighting-rate'))).toEqual([])
    const rate = world.engine().groups.get('road:r-1')
    expect(rate?.counts.seen(world.engine().time.at)).toMatchObject({ out: LAMPS })
  })

  it('is the same wherever we crashed', () => {
    const worlds = [streetWorld(), streetWorld()]
    for (const [i, world] of worlds.entries()) {
      const crash = () => {
        if (i === 1) world.restart()
      }
      report(world, 0)
      for (let at = 5; at <= 30; at += 5) {
        report(world, at, { dark: 9, energised: at < 10 })
        crash()
      }
      for (let at = 35; at <= 60; at += 5) {
        report(world, at, { dark: 3 })
        crash()
      }
    }
    expect(worlds[1]?.effects.current).toEqual(worlds[0]?.effects.current)
  })
})

describe('a silent gateway', () => {
  it('is one ticket for all devices it speaks for, and no dead cabinet', () => {
    const world = streetWorld({ gateway: true })
    report(world, 0)
    world.say({ device: 'gw-1', at: 1, values: {} })
    for (let at = 2; at <= 40; at++) {
      world.tick(at)
      if (at % 5 === 0) world.say({ device: 'cc-1', at, values: { energised: true } })
    }
    expect(open(world)).toEqual(['device-silent device:gw-1'])
  })

  it('and when it is back those that stay silent speak for themselves', () => {
    const world = streetWorld({ gateway: true })
    report(world, 0)
    world.say({ device: 'gw-1', at: 1, values: {} })
    const cabinet = (at: number) => world.say({ device: 'cc-1', at, values: { energised: true } })
    for (let at = 2; at <= 30; at++) {
      world.tick(at)
      if (at % 5 === 0) cabinet(at)
    }
    for (let at = 31; at <= 45; at++) {
      world.tick(at)
      if (at % 5 === 1)
        for (let i = 2; i < LAMPS; i++) world.say({ device: `lc-${i}`, at, values: { powerState: 'on' } })
      if (at % 5 === 1) world.say({ device: 'gw-1', at, values: {} })
      if (at % 5 === 0) cabinet(at)
    }
    expect(open(world)).toEqual(['device-silent device:lc-0', 'device-silent device:lc-1'])
  })
})
