import { describe, expect, it } from 'vitest'
import { pastCity } from '#ingest/backtest/past-city'
import type { ChangeBody } from '#model/changes'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Subject } from '#model/ids'
import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import type { Attributes, RegistryRecord } from '#model/registry'
import type { DayWindow } from '#model/rules'
import { hours, minutes, type Millis } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
/** Off from half past midnight to five, as on small roads. */
const HALF_NIGHT: DayWindow[] = [
  { from: '16:00', to: '00:30' },
  { from: '05:00', to: '09:00' }
]
const LAMPS = 10
type World = ReturnType<typeof ruleWorld>

/** From 22:00 in Nanjing: civil dawn is at 6:38. Ten lamps on a road, fed by a cabinet. */
const START = NOON + hours(10)
/** Minutes after the start, of a time of that night or the morning after it. */
const clock = (time: string): number => {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return ((hour + 2) % 24) * 60 + minute
}
const timeOf = (world: World, at: Millis | null): string | null => {
  const minute = world.minuteOf(at)
  if (minute === null) return null
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(Math.floor(minute / 60 + 22) % 24)}:${two(minute % 60)}`
}

const light = (i: number, attributes: Attributes = {}) =>
  facility(`light-${i}`, {
    kind: 'light',
    parent: 'gulou',
    attributes: { road: 'r-1', cabinet: 'cab-1', ...attributes }
  })
const gulou = (attributes: Attributes = {}) => area('gulou', { kind: 'district', parent: 'city', attributes })
const street = (attributes: Attributes = {}) =>
  road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main', ...attributes } })
const cabinet = (attributes: Attributes = {}) =>
  facility('cab-1', { kind: 'cabinet', parent: 'gulou', attributes })

interface Scheduled {
  road?: DayWindow[]
  lamps?: (i: number) => DayWindow[] | undefined
}

const streetRecords = ({ road: ofRoad, lamps }: Scheduled = {}): RegistryRecord[] => [
  CITY,
  gulou(),
  street(ofRoad && { lightingSchedule: ofRoad }),
  cabinet(),
  ...Array.from({ length: LAMPS }, (_, i) => {
    const own = lamps?.(i)
    return [
      light(i, own && { lightingSchedule: own }),
      device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}` })
    ]
  }).flat()
]
const streetWorld = (scheduled?: Scheduled): World =>
  ruleWorld({ start: START, records: streetRecords(scheduled) })

/** Lamps report every five minutes, one a few seconds after the other. */
function play(world: World, from: string, to: string, lit: (i: number, at: number) => boolean): void {
  for (let at = clock(from); at <= clock(to); at += 5)
    for (let i = 0; i < LAMPS; i++) {
      const on = lit(i, at)
      world.say({
        device: `lc-${i}`,
        at,
        values: { powerState: on ? 'on' : 'off', activePowerW: on ? 90 : 0 }
      })
    }
}
const within = (at: number, from: string, to: string): boolean => clock(from) <= at && at < clock(to)
const obeying = (_: number, at: number): boolean => !within(at, '00:30', '05:00')

/** What was opened, with when the condition began and when it fired. */
const begun = (world: World, rule: string): string[] =>
  world
    .episodes()
    .filter(one => one.rule === rule)
    .map(
      ({ subject, startedAt, firedAt }) => `${subject} ${timeOf(world, startedAt)} ${timeOf(world, firedAt)}`
    )
    .sort()

describe('a lamp with a schedule', { timeout: minutes(5) }, () => {
  it('is neither out nor burning by day where it obeys', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '06:30', obeying)
    expect(world.episodes()).toEqual([])
  })

  it('is given a quarter of an hour at each edge of it', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '06:30', (_, at) => !within(at, '00:45', '05:15'))
    expect(world.episodes()).toEqual([])
  })

  it('burns when it stays lit past that', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '04:00', (i, at) => i === 0 || obeying(i, at))
    expect(begun(world, 'lamp-day-burn')).toEqual(['facility:light-0 00:45 01:15'])
  })

  it('is out when it stays dark past that', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '05:40', (i, at) => obeying(i, at) && (i > 0 || at < clock('00:30')))
    expect(begun(world, 'lamp-out')).toEqual(['facility:light-0 05:15 05:25'])
  })

  it('stays out over the hours it need not be lit: its ticket is not closed by its rest', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '04:00', (i, at) => i !== 0 && obeying(i, at))
    expect(world.open().map(({ rule, subject }) => `${rule} ${subject}`)).toContain(
      'lamp-out facility:light-0'
    )
  })

  it('ends a hold that ran into its rest', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '00:25', (i, at) => i > 0 || at < clock('00:25'))
    play(world, '00:30', '04:55', () => false)
    expect(world.episodes()).toEqual([])
  })

  it('of every kind of facility around it goes by the nearest', () => {
    const never: DayWindow[] = [{ from: '12:00', to: '13:00' }]
    const burning = (...records: Parameters<World['register']>[0][]) => {
      const world = streetWorld()
      world.engine().time.at = 0
      for (const record of records) world.register(record)
      play(world, '22:00', '22:45', () => true)
      return begun(world, 'lamp-day-burn').length > 0
    }
    const [off, on] = [{ lightingSchedule: never }, { lightingSchedule: [] }]
    const lamps = Array.from({ length: LAMPS }, (_, i) => i)
    expect(burning()).toBe(false)
    expect(burning(gulou(off))).toBe(true)
    expect(burning(gulou(off), street(on))).toBe(false)
    expect(burning(gulou(on), street(off))).toBe(true)
    expect(burning(street(off), cabinet(on))).toBe(false)
    expect(burning(street(on), cabinet(off))).toBe(true)
    expect(burning(cabinet(off), ...lamps.map(i => light(i, on)))).toBe(false)
    expect(burning(cabinet(on), ...lamps.map(i => light(i, off)))).toBe(true)
  })
})

describe('lamps with a schedule judged together', { timeout: minutes(5) }, () => {
  const rates = (world: World) => begun(world, 'lighting-rate')

  it('are in the rate only while they should be lit', () => {
    // Of ten on the road five rest; one of the others is dark: one in ten is 90 %, one in five 80 %.
    const world = streetWorld({ lamps: i => (i < 5 ? HALF_NIGHT : undefined) })
    play(world, '22:00', '02:00', (i, at) => i !== 9 && (i >= 5 || obeying(i, at)))
    const road = world.engine().groups.get('road:r-1')!
    expect(road.counts.seen(world.engine().time.at)).toEqual({ lamps: 10, lit: 4, dark: 1, out: 5 })
    expect(rates(world)).toEqual(['area:gulou:main 22:00 22:10', 'road:r-1 22:00 22:10'])
  })

  it('are no reason for a ticket while they rest', () => {
    const world = streetWorld({ lamps: i => (i < 5 ? HALF_NIGHT : undefined) })
    play(world, '22:00', '06:30', (i, at) => i >= 5 || obeying(i, at))
    expect(rates(world)).toEqual([])
  })

  it('are judged again a quarter of an hour after they should be lit again', () => {
    const world = streetWorld({ lamps: i => (i < 5 ? HALF_NIGHT : undefined) })
    play(world, '22:00', '05:40', (i, at) => i >= 5 || (i > 0 ? obeying(i, at) : at < clock('00:30')))
    expect(rates(world)).toEqual(['area:gulou:main 05:15 05:25', 'road:r-1 05:15 05:25'])
  })

  it('end the hold of their road where they begin to rest, though nothing more is heard', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '00:25', (i, at) => i > 0 || at < clock('00:25'))
    world.tick(clock('00:36'))
    expect(rates(world)).toEqual([])
  })

  it('that all rest leave nothing to judge, and their open ticket as it is', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '00:25', i => i > 0)
    play(world, '00:30', '04:55', () => false)
    expect(rates(world)).toEqual(['area:gulou:main 22:00 22:10', 'road:r-1 22:00 22:10'])
    expect(
      world.episodes().filter(({ rule, endedAt }) => rule === 'lighting-rate' && endedAt !== null)
    ).toEqual([])
  })

  it('are not gone with their cabinet while they rest, but are when nobody hears them', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '03:00', obeying)
    expect(begun(world, 'cabinet-dead')).toEqual([])
    world.tick(clock('03:15'), 1)
    expect(begun(world, 'cabinet-dead')).toEqual(['facility:cab-1 03:10 03:11'])
  })

  it('are gone with it when they stay dark after their rest', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    play(world, '22:00', '05:30', (_, at) => at < clock('00:30'))
    expect(begun(world, 'cabinet-dead')).toEqual(['facility:cab-1 05:15 05:16'])
  })

  it('count as what they are, one by one', () => {
    const world = streetWorld({ lamps: i => (i < 2 ? HALF_NIGHT : undefined) })
    const lit = (i: number, at: number) => i !== 9 && (i >= 2 || obeying(i, at))
    play(world, '22:00', '01:00', lit)
    const views = () => [...world.engine().groups.views()].map(({ view }) => view)
    const others = [...Array<string>(7).fill('lit'), 'dark']
    expect(views()).toEqual(['out', 'out', ...others])
    play(world, '01:05', '05:10', lit)
    expect(views()).toEqual(['unknown', 'unknown', ...others])
    play(world, '05:15', '05:15', lit)
    expect(views()).toEqual(['lit', 'lit', ...others])
  })
})

describe('a change of schedule', { timeout: minutes(5) }, () => {
  const early: DayWindow[] = [{ from: '16:00', to: '22:30' }]

  it('gives a quarter of an hour from when it is applied', () => {
    const world = streetWorld()
    play(world, '22:00', '23:00', () => true)
    world.register(street({ lightingSchedule: early }))
    world.tick(clock('23:01'))
    play(world, '23:05', '23:50', () => true)
    expect(begun(world, 'lamp-day-burn')[0]).toBe('facility:light-0 23:15 23:45')
  })

  it('gives none to lamps of which the same is expected as before', () => {
    const world = streetWorld({ road: early })
    play(world, '22:00', '22:05', () => true)
    world.register(street({ lightingSchedule: HALF_NIGHT }))
    play(world, '22:10', '22:25', () => false)
    expect(begun(world, 'lamp-out')[0]).toBe('facility:light-0 22:10 22:20')
  })

  it('ends a hold of what is not expected any more', () => {
    const world = streetWorld()
    play(world, '22:00', '22:05', () => false)
    world.register(street({ lightingSchedule: [{ from: '16:00', to: '21:00' }] }))
    world.tick(clock('22:30'))
    expect(begun(world, 'lamp-out')).toEqual([])
    expect(begun(world, 'lighting-rate')).toEqual([])
  })

  it('of the city’s clock moves its edges, with a quarter of an hour', () => {
    const world = streetWorld({ road: early })
    play(world, '22:00', '22:10', () => true)
    // Half past ten there is half past one here.
    world.change({ kind: 'city', timeZone: 'Asia/Karachi' })
    play(world, '22:15', '02:20', () => true)
    expect(begun(world, 'lamp-day-burn')[0]).toBe('facility:light-0 01:45 02:15')
  })

  it('is no other decision after a restart', () => {
    const life = (restarts: readonly string[]) => {
      const world = streetWorld({ lamps: i => (i < 5 ? HALF_NIGHT : undefined) })
      for (let at = clock('22:00'); at <= clock('06:30'); at += 5) {
        if (at === clock('23:00'))
          world.register(street({ lightingSchedule: [{ from: '16:00', to: '02:00' }] }))
        if (restarts.some(time => clock(time) === at)) world.restart()
        for (let i = 0; i < LAMPS; i++) {
          const lit = i !== 1 && i !== 7 && at < clock('03:00')
          world.say({
            device: `lc-${i}`,
            at,
            values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }
          })
        }
      }
      return world.effects.current
    }
    const whole = life([])
    expect(whole.episodes.size).toBeGreaterThan(8)
    expect(life(['23:05', '00:30', '00:35', '02:10', '05:05', '05:20'])).toEqual(whole)
  })
})

describe('announced work over lamps', { timeout: minutes(5) }, () => {
  const announce = (world: World, subject: Subject, from: string, to: string, id = 'w-1') =>
    world.change({
      kind: 'maintenance',
      window: { id, subject, from: world.timeOf(clock(from)), to: world.timeOf(clock(to)), note: '' }
    })

  for (const subject of ['facility:light-0', 'device:lc-0', 'road:r-1', 'area:gulou', 'area:city'] as const) {
    it(`gives a quarter of an hour after its end (${subject})`, () => {
      const world = streetWorld()
      announce(world, subject, '22:00', '23:00')
      play(world, '22:00', '23:40', i => i > 0)
      expect(begun(world, 'lamp-out')).toEqual(['facility:light-0 23:15 23:25'])
      expect(begun(world, 'lighting-rate')).toEqual(['area:gulou:main 23:15 23:25', 'road:r-1 23:15 23:25'])
    })
  }

  it('makes what was measured until then say nothing, though nothing else comes', () => {
    const world = streetWorld()
    announce(world, 'road:r-1', '22:00', '23:00')
    play(world, '22:00', '23:10', i => i > 0)
    world.tick(clock('23:24'))
    expect(begun(world, 'lamp-out')).toEqual([])
    expect(begun(world, 'lighting-rate')).toEqual([])
  })

  it('ends a hold that began before it', () => {
    const world = streetWorld()
    play(world, '22:00', '22:05', i => i > 0)
    announce(world, 'road:r-1', '22:07', '22:08')
    world.tick(clock('22:11'))
    play(world, '22:15', '22:45', i => i > 0)
    // 22:08 and a quarter of an hour: the sample of 22:25 is the first that counts.
    expect(begun(world, 'lamp-out')).toEqual(['facility:light-0 22:25 22:35'])
    expect(begun(world, 'lighting-rate')).toEqual(['area:gulou:main 22:25 22:35', 'road:r-1 22:25 22:35'])
  })

  it('ends a hold that began before it though nothing more is heard', () => {
    const world = streetWorld()
    play(world, '22:00', '22:05', i => i > 0)
    announce(world, 'road:r-1', '22:07', '22:08')
    world.tick(clock('22:19'))
    expect(begun(world, 'lamp-out')).toEqual([])
    expect(begun(world, 'lighting-rate')).toEqual([])
  })

  it('lets a ticket that was open before it end while it lasts', () => {
    const world = streetWorld()
    play(world, '22:00', '22:20', i => i > 0)
    announce(world, 'facility:light-0', '22:21', '23:30')
    play(world, '22:25', '22:35', () => true)
    expect(world.open().filter(({ rule }) => rule === 'lamp-out')).toEqual([])
  })

  it('excuses lamps that burn by schedule as well', () => {
    const world = streetWorld({ road: HALF_NIGHT })
    announce(world, 'road:r-1', '00:00', '02:00')
    play(world, '22:00', '03:00', () => true)
    expect(begun(world, 'lamp-day-burn')[0]).toBe('facility:light-0 02:15 02:45')
  })

  it('takes dark lamps out of what is gone with a cabinet, and for a quarter of an hour after', () => {
    const world = streetWorld()
    for (let i = 0; i < LAMPS; i++) announce(world, `facility:light-${i}`, '22:00', '23:00', `w-${i}`)
    play(world, '22:00', '23:30', () => false)
    expect(begun(world, 'cabinet-dead')).toEqual(['facility:cab-1 23:15 23:16'])
  })

  it('excuses that they are not heard, for a quarter of an hour after it too', () => {
    const world = streetWorld()
    announce(world, 'road:r-1', '22:03', '23:00')
    play(world, '22:00', '22:00', () => true)
    world.tick(clock('23:15') - 1, 1)
    expect(begun(world, 'cabinet-dead')).toEqual([])
    world.tick(clock('23:17'), 1)
    expect(begun(world, 'cabinet-dead')).toEqual(['facility:cab-1 23:15 23:16'])
  })

  it('shortened gives it from the new end', () => {
    const world = streetWorld()
    announce(world, 'road:r-1', '22:00', '01:00')
    play(world, '22:00', '22:30', i => i > 0)
    announce(world, 'road:r-1', '22:00', '22:30')
    play(world, '22:35', '23:00', i => i > 0)
    expect(begun(world, 'lamp-out')).toEqual(['facility:light-0 22:45 22:55'])
  })

  it('is no other decision after a restart', () => {
    const life = (restarts: readonly string[]) => {
      const world = streetWorld({ road: HALF_NIGHT })
      announce(world, 'road:r-1', '22:10', '22:40')
      for (let at = clock('22:00'); at <= clock('02:00'); at += 5) {
        if (restarts.some(time => clock(time) === at)) world.restart()
        play(world, timeOf(world, world.timeOf(at))!, timeOf(world, world.timeOf(at))!, i => i % 3 !== 0)
      }
      return world.effects.current
    }
    const whole = life([])
    expect(whole.episodes.size).toBeGreaterThan(4)
    expect(life(['22:10', '22:15', '22:45', '22:55', '23:00', '00:40'])).toEqual(whole)
  })
})

describe('a back-test', { timeout: minutes(5) }, () => {
  it('of a night with schedules, an edit of one and announced work finds what was decided', () => {
    const window = {
      id: 'w-1',
      subject: 'facility:light-3',
      from: START,
      to: START + minutes(40),
      note: ''
    } as const
    const edit = street({ lightingSchedule: [{ from: '16:00', to: '02:00' }] })
    const lit = (i: number, at: number) => (i === 1 || i === 3 ? false : i === 5 || obeying(i, at))
    const world = streetWorld({ lamps: i => (i < 6 ? HALF_NIGHT : undefined) })
    world.change({ kind: 'maintenance', window })
    play(world, '22:00', '23:00', lit)
    world.register(edit)
    play(world, '23:05', '03:30', lit)

    for (const rule of ['lamp-out', 'lamp-day-burn', 'lighting-rate']) {
      const past = pastCity({ rules: DEFAULT_RULES, rule, timeZone: 'Asia/Shanghai' })
      const change = (body: ChangeBody) =>
        past.change({
          id: 0,
          subject: 'area:city',
          body,
          who: 'li',
          why: null,
          requestedAt: 0,
          applied: null
        })
      for (const record of streetRecords({ lamps: i => (i < 6 ? HALF_NIGHT : undefined) }))
        change({ kind: 'registry', record })
      change({ kind: 'maintenance', window })
      for (let at = clock('22:00'); at <= clock('03:30'); at += 5) {
        if (at === clock('23:05')) change({ kind: 'registry', record: edit })
        for (let i = 0; i < LAMPS; i++) {
          const time = START + minutes(at)
          const row = {
            device: `lc-${i}`,
            measuredAt: time,
            receivedAt: time,
            seq: 0,
            quality: 'good'
          } as const
          const on = lit(i, at)
          past.record([
            { ...row, metric: 'powerState', value: encoded('powerState', on ? 'on' : 'off') },
            { ...row, metric: 'activePowerW', value: on ? 90 : 0 }
          ])
        }
      }
      past.tick(START + minutes(clock('03:30')))
      const found = past.episodes().map(({ subject, startedAt, firedAt }) => {
        return `${subject} ${timeOf(world, startedAt)} ${timeOf(world, firedAt)}`
      })
      expect(found.sort(), rule).toEqual(begun(world, rule))
      expect(found.length, rule).toBeGreaterThan(0)
    }
  })
})

function encoded(metric: MetricId, raw: RawValue): number {
  const { value } = encodeValue(metric, raw) as { value: number }
  return value
}
