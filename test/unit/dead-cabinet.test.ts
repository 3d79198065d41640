import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { RegistryRecord } from '#model/registry'
import { hours, minutes, type Millis } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

/** 18:30 in Shanghai: dark, and past the grace after dusk. */
const EVENING = NOON + hours(6.5)
const LAMPS = 120
const CREW = {
  ...{ id: 'lights', name: 'Lights', contractor: null, phone: null, active: true },
  ...{ areas: ['city'], kinds: [], shifts: [], members: [] }
}

/** How its lamps and its controller speak from the minute its power is gone; a lamp speaks when its turn comes. */
interface Death {
  /** How often a lamp reports, in minutes; the lamps take turns. */
  every: number
  lamps: 'silent' | 'dark'
  controller: 'silent' | 'dead' | 'as ever'
  gateway?: boolean
  /** What the shipped rules wait for a parent, unless it is set. */
  waitMs?: Millis
}

/** Half an hour of an ordinary evening, three hours without power, then an hour with it again. */
function night({ every, lamps, controller, gateway = false, waitMs }: Death) {
  const through = gateway ? 'gw-1' : null
  const records: RegistryRecord[] = [
    area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
    area('gulou', { kind: 'district', parent: 'city' }),
    road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
    facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
    device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
    ...(gateway ? [device('gw-1', { kind: 'gateway', facility: 'cab-1' })] : [])
  ]
  for (let i = 0; i < LAMPS; i++) {
    const attributes = {
      road: 'r-1',
      cabinet: 'cab-1',
      ...(every !== 5 && { expectedIntervalMs: every * 60_000 })
    }
    records.push(facility(`light-${i}`, { kind: 'light', parent: 'gulou', attributes }))
    records.push(
      device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}`, gateway: through, attributes })
    )
  }
  const rules = DEFAULT_RULES.map(rule => (waitMs === undefined ? rule : { ...rule, parentWaitMs: waitMs }))
  const world = ruleWorld({ start: EVENING, records, rules })
  world.change({ kind: 'crew', crew: CREW })
  const [dies, lives, over] = [30, 210, 270]
  for (let at = 0; at < over; at++) {
    world.tick(at)
    const dead = at >= dies && at < lives
    for (let i = at % every; i < LAMPS; i += every) {
      if (dead && lamps === 'silent') continue
      const values = dead
        ? ({ powerState: 'off', activePowerW: 0 } as const)
        : ({ powerState: 'on', activePowerW: 90 } as const)
      world.say({ device: `lc-${i}`, at, values })
    }
    if (at % 5 > 0) continue
    if (!dead || controller !== 'silent')
      world.say({ device: 'cc-1', at, values: { energised: !(dead && controller === 'dead') } })
    if (gateway && !(dead && lamps === 'silent'))
      world.say({ device: 'gw-1', at, values: { batteryPct: 90 } })
  }
  return world
}

describe('a cabinet of 120 lamps that loses its power, with crews to send', () => {
  it.each<Death>([
    { every: 5, lamps: 'silent', controller: 'dead' },
    { every: 5, lamps: 'silent', controller: 'silent' },
    { every: 5, lamps: 'dark', controller: 'dead' },
    { every: 5, lamps: 'dark', controller: 'silent' },
    { every: 5, lamps: 'dark', controller: 'as ever' },
    { every: 7, lamps: 'silent', controller: 'silent' },
    { every: 7, lamps: 'dark', controller: 'silent' },
    { every: 7, lamps: 'dark', controller: 'as ever' },
    { every: 15, lamps: 'silent', controller: 'silent', waitMs: minutes(30) },
    { every: 5, lamps: 'dark', controller: 'dead', gateway: true },
    { every: 5, lamps: 'silent', controller: 'dead', gateway: true }
  ])('is one ticket and one crew sent: %o', death => {
    const world = night(death)
    const all = world.tickets().map(({ rule, subject, state, closeReason, crew }) => ({
      ...{ rule, subject, state, closeReason, crew }
    }))
    expect(all).toEqual([
      {
        ...{ rule: 'cabinet-dead', subject: 'facility:cab-1' },
        ...{ state: 'closed', closeReason: 'self-cleared', crew: 'lights' }
      }
    ])
  })
})
