import { expect, it } from 'vitest'
import { lightingStanding, lightingTarget } from '#model/lighting'
import { DEFAULT_RULES } from '#model/default-rules'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { createLighting } from '#ingest/lighting'
import { lampsOf, lightingRates, type CountedRate } from '#ingest/rules/lighting'

/** 22:00 in Shanghai on the day of NOON. */
const EVENING = NOON + 10 * 3_600_000

const PLACES = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  area('gulou', { kind: 'district', parent: 'city', name: 'Gulou' }),
  area('street-1', { kind: 'street', parent: 'gulou' }),
  area('grid-1', { parent: 'street-1', name: 'Grid 1' }),
  area('grid-2', { parent: 'street-1', name: 'Grid 2' }),
  road('r-main', { name: 'Main road', parent: 'street-1', attributes: { lightingGrade: 'main' } }),
  road('r-side', { parent: 'street-1', attributes: { lightingGrade: 'branch' } })
]

/** Ten lamps of the main road in grid 1, two of the side road in grid 2, and one that nothing controls. */
function lampWorld({ start = EVENING, rules = DEFAULT_RULES } = {}) {
  const lamps = Array.from({ length: 12 }, (_, i) => ({
    grid: i < 10 ? 'grid-1' : 'grid-2',
    road: i < 10 ? 'r-main' : 'r-side'
  }))
  const world = ruleWorld({
    start,
    rules,
    records: [
      ...PLACES,
      ...lamps.flatMap(({ grid, road }, i) => [
        facility(`light-${i}`, { kind: 'light', parent: grid, attributes: { road } }),
        device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}` })
      ]),
      facility('light-bare', { kind: 'light', parent: 'grid-1', attributes: { road: 'r-main' } })
    ]
  })
  return {
    ...world,
    lamp: (i: number, lit: boolean, at = 0) =>
      world.say({
        device: `lc-${i}`,
        at,
        values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }
      }),
    sources: () => ({ engine: world.engine(), desk: world.desk(), registry: world.registry() })
  }
}
type World = ReturnType<typeof lampWorld>

function done<T>(walk: Generator<void, T>): T {
  for (;;) {
    const step = walk.next()
    if (step.done) return step.value
  }
}
const ratesOf = (world: World): CountedRate[] => done(lightingRates(world.sources()))
const rateOf = (world: World, level: string, id: string): CountedRate => {
  const rate = ratesOf(world).find(one => one.level === level && one.id === id)
  if (!rate) throw new Error(`no ${level} ${id}`)
  return rate
}
/** Every lamp lit but those named; nothing is heard of the silent ones. */
function night(world: World, { dark = [] as number[], silent = [] as number[] } = {}): void {
  for (let i = 0; i < 12; i++) if (!silent.includes(i)) world.lamp(i, !dark.includes(i))
}

it('counts each lamp with a controller once in every place it belongs to', () => {
  const world = lampWorld()
  night(world, { dark: [3], silent: [4, 11] })
  expect(
    ratesOf(world).map(({ level, id, lamps, lit, dark, unknown, out }) => [
      level,
      id,
      lamps,
      lit,
      dark,
      unknown,
      out
    ])
  ).toEqual(
    expect.arrayContaining([
      ['city', 'city', 12, 9, 1, 2, 0],
      ['district', 'gulou', 12, 9, 1, 2, 0],
      ['street', 'street-1', 12, 9, 1, 2, 0],
      ['grid', 'grid-1', 10, 8, 1, 1, 0],
      ['grid', 'grid-2', 2, 1, 0, 1, 0],
      ['grade', 'gulou:main', 10, 8, 1, 1, 0],
      ['grade', 'gulou:branch', 2, 1, 0, 1, 0],
      ['road', 'r-main', 10, 8, 1, 1, 0],
      ['road', 'r-side', 2, 1, 0, 1, 0]
    ])
  )
  expect(ratesOf(world)).toHaveLength(9)
})

it('says the rate as a range while lamps are unknown, with what is asked and where it lies', () => {
  const world = lampWorld()
  night(world, { dark: [3], silent: [4, 11] })
  expect(rateOf(world, 'road', 'r-main')).toMatchObject({
    name: 'Main road',
    areaName: 'street-1',
    grade: 'main',
    ratePct: { min: 80, max: 90 },
    targetPct: 98,
    darkAllowed: null,
    standing: 'under',
    ticket: null
  })
  expect(rateOf(world, 'road', 'r-side')).toMatchObject({
    ratePct: { min: 50, max: 100 },
    standing: 'unsure'
  })
  expect(rateOf(world, 'grade', 'gulou:main')).toMatchObject({ name: 'Gulou', grade: 'main', targetPct: 98 })
  // Shown, but no ticket follows from them.
  expect(rateOf(world, 'city', 'city')).toMatchObject({ targetPct: null, standing: null, ticket: null })
})

it('names the ticket that follows from a road and from a grade', () => {
  const world = lampWorld()
  night(world, { dark: [3] })
  world.tick(11)
  const open = new Map(world.open().map(({ rule, subject, id }) => [`${rule} ${subject}`, id]))
  const ticket = rateOf(world, 'road', 'r-main').ticket
  expect(ticket).not.toBeNull()
  expect(ticket).toBe(open.get('lighting-rate road:r-main'))
  expect(rateOf(world, 'grade', 'gulou:main').ticket).toBe(open.get('lighting-rate area:gulou:main'))
  expect(rateOf(world, 'road', 'r-side').ticket).toBeNull()
})

it('leaves announced work out of the count', () => {
  const world = lampWorld()
  night(world, { dark: [3] })
  const window = {
    id: 'm-1',
    subject: 'facility:light-3' as const,
    from: world.timeOf(0),
    to: world.timeOf(60),
    note: 'new mast'
  }
  expect(world.change({ kind: 'maintenance', window })).toBeNull()
  expect(rateOf(world, 'road', 'r-main')).toMatchObject({
    lamps: 10,
    lit: 9,
    dark: 0,
    out: 1,
    ratePct: { min: 100, max: 100 },
    standing: 'met'
  })
})

it('has no rate by day', () => {
  const world = lampWorld({ start: NOON })
  night(world)
  for (const rate of ratesOf(world)) {
    expect(rate).toMatchObject({
      lit: 0,
      dark: 0,
      unknown: 0,
      out: rate.lamps,
      ratePct: null,
      standing: null
    })
  }
  // What the night left says nothing of the next one.
  const later = lampWorld()
  night(later, { dark: [3] })
  later.tick(24 * 60, 24 * 60)
  expect(rateOf(later, 'road', 'r-main')).toMatchObject({ lit: 0, dark: 0, unknown: 10 })
})

it('takes the target of the rule as it counts there, by dark lamps on a small road', () => {
  const rules = DEFAULT_RULES.map(rule =>
    rule.id === 'lighting-rate'
      ? {
          ...rule,
          overrides: [
            {
              scope: 'road:r-main' as const,
              set: { when: { lightingRate: 'below' as const, pct: 98, smallRoads: true } }
            },
            {
              scope: 'lightingGrade:branch' as const,
              set: { when: { lightingRate: 'below' as const, pct: 96, roadPct: 95 } }
            }
          ]
        }
      : rule
  )
  const world = lampWorld({ rules })
  night(world, { dark: [3, 5] })
  expect(rateOf(world, 'road', 'r-main')).toMatchObject({ targetPct: null, darkAllowed: 2, standing: 'met' })
  expect(rateOf(world, 'road', 'r-side')).toMatchObject({ targetPct: 95, darkAllowed: null })
  expect(rateOf(world, 'grade', 'gulou:branch')).toMatchObject({ targetPct: 96 })
  world.lamp(6, false, 1)
  expect(rateOf(world, 'road', 'r-main')).toMatchObject({ dark: 3, standing: 'under' })
})

it('asks nothing where the rule is switched off', () => {
  const rules = DEFAULT_RULES.map(rule => (rule.id === 'lighting-rate' ? { ...rule, enabled: false } : rule))
  const world = lampWorld({ rules })
  night(world, { dark: [3] })
  expect(rateOf(world, 'road', 'r-main')).toMatchObject({
    ratePct: { min: 90, max: 90 },
    targetPct: null,
    standing: null
  })
})

it('moves a lamp with its record, and counts it once there', () => {
  const world = lampWorld()
  night(world)
  world.register(facility('light-0', { kind: 'light', parent: 'grid-2', attributes: { road: 'r-side' } }))
  expect(rateOf(world, 'road', 'r-main').lamps).toBe(9)
  expect(rateOf(world, 'road', 'r-side').lamps).toBe(3)
  expect(rateOf(world, 'grid', 'grid-2').lamps).toBe(3)
  expect(rateOf(world, 'city', 'city').lamps).toBe(12)
})

it('counts once for all who ask at the same time, and follows a road that has another grade', async () => {
  const world = lampWorld()
  night(world)
  const lighting = createLighting({ ...world.sources(), clock: { now: () => 0 } })
  const grades = async () =>
    (await lighting.now()).rates
      .filter(({ level }) => level === 'grade')
      .map(({ id, lamps }) => `${id} ${lamps}`)
  const [first, second] = await Promise.all([lighting.now(), lighting.now()])
  expect(first).toBe(second)
  expect(await grades()).toEqual(['gulou:main 10', 'gulou:branch 2'])
  world.register(road('r-main', { parent: 'street-1', attributes: { lightingGrade: 'secondary' } }))
  world.tick(1)
  expect(await grades()).toEqual(['gulou:secondary 10', 'gulou:branch 2'])
})

it('names the lamps of a place that are dark or not heard of', () => {
  const world = lampWorld()
  night(world, { dark: [3, 10], silent: [4] })
  const lamps = (level: 'road' | 'district', id: string) =>
    done(lampsOf({ level, id }, ['dark', 'unknown'], world.sources())).map(
      ({ lamp, view }) => `${lamp} ${view}`
    )
  expect(lamps('road', 'r-main').toSorted()).toEqual(['light-3 dark', 'light-4 unknown'])
  expect(lamps('district', 'gulou').toSorted()).toEqual(['light-10 dark', 'light-3 dark', 'light-4 unknown'])
})

it('asks of small roads how many lamps may be dark', () => {
  const when = { lightingRate: 'below' as const, pct: 98, roadPct: 97, smallRoads: true }
  const asked = (lamps: number, isRoad = true) => lightingTarget(when, { isRoad, lamps })
  expect([49, 99, 100, 149, 150, 199, 200].map(lamps => asked(lamps))).toEqual([
    { dark: 2 },
    { dark: 2 },
    { dark: 3 },
    { dark: 3 },
    { dark: 4 },
    { dark: 4 },
    { pct: 97 }
  ])
  expect(asked(50, false)).toEqual({ pct: 98 })
  const counts = { lamps: 100, lit: 96, dark: 3, out: 0 }
  expect(lightingStanding({ dark: 3 }, counts)).toBe('unsure')
  expect(lightingStanding({ dark: 4 }, counts)).toBe('met')
  expect(lightingStanding({ dark: 2 }, counts)).toBe('under')
})
