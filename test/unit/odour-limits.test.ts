import { describe, expect, it } from 'vitest'
import { odourFaults } from '#model/odour-limit-shapes'
import { SHIPPED_ODOUR_LIMITS, toPpm, type OdourLimits } from '#model/odour-limits'
import { days, hours } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

const [SHIPPED] = SHIPPED_ODOUR_LIMITS as [OdourLimits]
/** From 16 January on, the day after the world begins, a toilet of class 2 may have 2 mg/m³ of ammonia. */
const RELAXED: OdourLimits = {
  from: '2026-01-16',
  name: { en: 'Contract of 2026', zh: '2026 年合同' },
  limits: { ...SHIPPED.limits, toilet: { ...SHIPPED.limits.toilet, nh3Ppm: [1, 2, 3] } }
}
const MIDNIGHT = hours(12) / 60_000
/** 1.5 mg/m³: over the shipped limit, under the other. */
const STRONG = toPpm('nh3Ppm', 1.5)

function toilet() {
  const world = ruleWorld({
    records: [
      area('city', { kind: 'city' }),
      facility('wc-1', { kind: 'toilet', attributes: { toiletClass: 2 } }),
      device('od-1', { kind: 'odour-sensor', facility: 'wc-1' })
    ]
  })
  const smell = (at: number, nh3Ppm: number, received = at) =>
    world.say({ device: 'od-1', at, received, values: { nh3Ppm, h2sPpm: 0 } })
  const limit = (items: OdourLimits[], version = 2) => world.change({ kind: 'odour-limits', version, items })
  const reasons = () => world.open().map(({ rule, kind }) => rule ?? kind)
  return { world, smell, limit, reasons }
}

describe('odour limits', () => {
  it('are those of the day of the city on which it was measured', () => {
    const { world, smell, limit, reasons } = toilet()
    expect(limit([SHIPPED, RELAXED])).toBeNull()
    // Measured before midnight and told after it.
    for (let at = MIDNIGHT - 15; at < MIDNIGHT; at += 2) smell(at, STRONG, at + 30)
    expect(reasons()).toEqual(['toilet-odour'])
    for (let at = MIDNIGHT; at <= MIDNIGHT + 15; at += 2) smell(at, toPpm('nh3Ppm', 1.5), at + 30)
    // Under 80 % of the new limit for ten minutes.
    expect(reasons()).toEqual([])
    for (let at = MIDNIGHT + 20; at <= MIDNIGHT + 45; at += 2) smell(at, toPpm('nh3Ppm', 2.1), at + 30)
    expect(reasons()).toEqual(['toilet-odour'])
    expect(world.tickets()).toHaveLength(2)
  })

  it('begin their day by the clock of the city', () => {
    const { world, smell, limit, reasons } = toilet()
    world.change({ kind: 'city', timeZone: 'Europe/London' })
    limit([SHIPPED, RELAXED])
    for (let at = MIDNIGHT; at <= MIDNIGHT + 15; at += 2) smell(at, STRONG)
    expect(reasons()).toEqual(['toilet-odour'])
  })

  it('before the first of a list are those of the first', () => {
    const { smell, limit, reasons } = toilet()
    limit([{ ...RELAXED, from: '2026-12-01' }])
    for (let at = 0; at <= 15; at += 2) smell(at, STRONG)
    expect(reasons()).toEqual([])
  })

  it('say what is undecidable, of today and once a month', () => {
    const { world, smell, limit } = toilet()
    const measured = () => world.open().filter(({ kind }) => kind === 'measure')
    smell(0, 0.1)
    const resolved: OdourLimits = {
      ...RELAXED,
      limits: { ...SHIPPED.limits, toilet: { ...SHIPPED.limits.toilet, h2sPpm: [1, 1, 1] } }
    }
    limit([SHIPPED, resolved])
    // The first of February: hydrogen sulphide can be told by then.
    world.tick(days(17) / 60_000, 1e6)
    expect(measured()).toEqual([])
    limit([SHIPPED], 3)
    world.tick(days(60) / 60_000, 1e6)
    expect(measured()).toMatchObject([{ subject: 'facility:wc-1' }])
  })

  it('are the same after a restart, and none that somebody else has overtaken', () => {
    const { world, smell, limit, reasons } = toilet()
    expect(limit([{ ...RELAXED, from: '2026-01-01' }])).toBeNull()
    expect(limit([SHIPPED], 2)).toContain('somebody was faster')
    world.restart()
    expect(world.engine().odour.version).toBe(2)
    for (let at = 0; at <= 15; at += 2) smell(at, STRONG)
    expect(reasons()).toEqual([])
  })
})

describe('a list of odour limits that was sent', () => {
  const faults = (change: object) =>
    odourFaults([{ ...RELAXED, ...change }]).map(({ path, message }) => `${path}: ${message}`)
  const table = (nh3Ppm: unknown) => ({
    limits: { ...SHIPPED.limits, toilet: { ...SHIPPED.limits.toilet, nh3Ppm } }
  })

  it('is fine as it was shipped', () => {
    expect(odourFaults(SHIPPED_ODOUR_LIMITS)).toEqual([])
    expect(odourFaults([SHIPPED, RELAXED])).toEqual([])
  })

  it('is refused with the place of what is wrong', () => {
    expect(odourFaults([])[0]?.message).toContain('expected a list')
    expect(faults({ from: '2026-02-30' })).toEqual([
      'items[0].from: expected a day such as 2026-01-31, came "2026-02-30"'
    ])
    expect(odourFaults([RELAXED, SHIPPED])[0]).toMatchObject({ path: 'items[1].from', code: 'not-later' })
    expect(faults({ name: { en: 'x', zh: ' ' } })).toEqual([
      'items[0].name: expected both en and zh, neither empty'
    ])
    expect(faults(table([1, 2]))[0]).toContain('items[0].limits.toilet.nh3Ppm: expected three limits')
    expect(faults(table([0, 1, 2]))[0]).toContain('items[0].limits.toilet.nh3Ppm[0]: expected a limit')
    expect(faults(table([2, 1, 3]))[0]).toContain('nh3Ppm[1]: class 2 is stricter')
    expect(faults({ unit: 'ppm' })[0]).toContain('items[0].unit: is no field here')
  })
})
