import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { MetricId } from '#model/metrics'
import type { Rule } from '#model/rules'
import { minutes } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

/** Stale after 45 minutes. */
const sensor = (id: string, to: string | null = 'bin-1') =>
  device(id, { facility: to, attributes: { expectedIntervalMs: minutes(15) } })
const PLACE = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  facility('bin-1'),
  facility('bin-2', { name: 'The store' })
]

/** A bin of these sensors under `bin-full`: ten minutes of 90 %, over after two of 60 %. */
function binOf(ids: string[], settings: Partial<Rule> = {}) {
  const rules = DEFAULT_RULES.filter(({ id }) => id === 'bin-full').map(rule => ({ ...rule, ...settings }))
  const world = ruleWorld({ records: [...PLACE, ...ids.map(id => sensor(id))], rules })
  return {
    ...world,
    /** At a minute, and of when it is by the sensor. */
    full: (id: string, received: number, at = received) =>
      world.say({ device: id, at, received, values: { fillPct: 95 } }),
    half: (id: string, at: number) => world.say({ device: id, at, values: { fillPct: 75 } }),
    empty: (id: string, at: number, received = at) =>
      world.say({ device: id, at, received, values: { fillPct: 10 } }),
    /** One message of what it kept, each as [minute, metric, value]. */
    stored: (device: string, received: number, kept: readonly (readonly [number, MetricId, number])[]) =>
      world.engine().record({
        ...{ seq: 0, kind: 'telemetry', receivedAt: world.timeOf(received), deviceId: device, rejects: [] },
        reports: kept.map(([at, metric, value]) => ({
          ...{ device, measuredAt: world.timeOf(at), quality: 'good', metrics: [metric], values: [value] }
        }))
      }),
    /** Each episode as [began, fired, over]. */
    lives: () =>
      world
        .episodes()
        .map(({ startedAt, firedAt, endedAt }) => [startedAt, firedAt, endedAt].map(world.minuteOf))
  }
}

describe('of several sensors', () => {
  it('one that met the condition and went stale is left out: the fresh word of the other ends it', () => {
    const { full, empty, tick, lives, tickets } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 0)
    for (let at = 1; at <= 61; at += 15) empty('fs-2', at)
    tick(70)
    expect(lives()).toEqual([[0, 10, 47]])
    expect(tickets()).toMatchObject([{ state: 'closed', closeReason: 'self-cleared' }])
  })

  it('a gap of all of them ends nothing: what clears when the last goes silent stands still', () => {
    const { full, empty, tick, lives } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 0)
    // Stale at 46, a minute after the other: half of the two minutes.
    empty('fs-2', 1)
    tick(500)
    expect(lives()).toEqual([[0, 10, null]])
    empty('fs-2', 501)
    tick(510)
    expect(lives()).toEqual([[0, 10, 502]])
  })

  it('what all of them are silent about goes by the policy of the rule', () => {
    const ends = (noData: Rule['noData']) => {
      const { full, half, tick, lives } = binOf(['fs-1', 'fs-2'], { noData })
      full('fs-1', 0)
      half('fs-2', 10)
      tick(300)
      return lives()
    }
    expect(ends('hold')).toEqual([[0, 10, null]])
    // The first is stale at 45, the second says neither until 55.
    expect(ends('clear')).toEqual([[0, 10, 57]])
    expect(ends('fire')).toEqual([[0, 10, null]])
  })

  it('a stale one does not hold back what the other begins, nor begin anything', () => {
    const { full, empty, tick, lives } = binOf(['fs-1', 'fs-2'])
    empty('fs-1', 0)
    full('fs-2', 100)
    tick(130)
    expect(lives()).toEqual([[100, 110, null]])
  })

  it('one between the two thresholds keeps it open beside one that is clear', () => {
    const { full, half, empty, tick, lives } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 0)
    empty('fs-2', 1)
    tick(11)
    half('fs-1', 12)
    tick(20)
    expect(lives()).toEqual([[0, 10, null]])
    empty('fs-1', 21)
    tick(30)
    expect(lives()).toEqual([[0, 10, 23]])
  })

  it('holds run by the journal: a reading counts from when it came, as long as it is fresh', () => {
    const { full, empty, tick, lives, open } = binOf(['fs-1', 'fs-2'])
    empty('fs-1', 0)
    full('fs-2', 30, 5)
    tick(39)
    expect(open()).toEqual([])
    tick(40)
    expect(lives()).toEqual([[30, 40, null]])
  })

  it('what is stale as it comes says nothing, and one sensor alone goes by its own time', () => {
    const two = binOf(['fs-1', 'fs-2'])
    two.empty('fs-1', 90)
    two.full('fs-2', 100, 20)
    two.tick(130)
    expect(two.lives()).toEqual([])
    const one = binOf(['fs-2'])
    one.full('fs-2', 100, 20)
    one.tick(130)
    expect(one.lives()).toEqual([[20, 30, null]])
  })

  it('what is stale as it comes clears nothing either, also where the others have fallen silent', () => {
    const { full, empty, tick, lives } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 0)
    // Measured 46 minutes before, and a minute after what it would end.
    empty('fs-2', 1, 47)
    tick(100)
    expect(lives()).toEqual([[0, 10, null]])
  })

  it('a word is fresh until it is three intervals old by the clock of its sensor, to the second', () => {
    const after = (age: number) => {
      const { full, empty, tick, lives } = binOf(['fs-1', 'fs-2'], { forMs: 0 })
      empty('fs-1', 90)
      full('fs-2', 100, 100 - age)
      tick(130)
      return lives().length
    }
    expect(after(45)).toBe(0)
    expect(after(45 - 1 / 60)).toBe(1)
  })

  it('one whose every word comes too late is not heard beside another, though it would be alone', () => {
    const say = (ids: string[]) => {
      const { full, empty, lives } = binOf(ids)
      for (let at = 60; at <= 240; at += 15) {
        if (ids.length > 1) empty('fs-1', at - 1)
        full('fs-2', at, at - 46)
      }
      return lives()
    }
    expect(say(['fs-2'])).toEqual([[14, 24, null]])
    expect(say(['fs-1', 'fs-2'])).toEqual([])
  })

  it('what a message itself takes back begins nothing, also without a hold', () => {
    const after = (...kept: [number, MetricId, number][]) => {
      const { empty, stored, tick, lives } = binOf(['fs-1', 'fs-2'], { forMs: 0 })
      empty('fs-1', 90)
      stored('fs-2', 100, kept)
      tick(101)
      return lives()
    }
    expect(after([70, 'fillPct', 95], [90, 'fillPct', 10])).toEqual([])
    expect(after([70, 'fillPct', 10], [90, 'fillPct', 95])).toEqual([[100, 100, null]])
    // Of the level the first is the newest word.
    expect(after([70, 'fillPct', 95], [90, 'tiltDeg', 0])).toEqual([[100, 100, null]])
  })

  it('what a message itself takes back begins nothing either where it lets an episode be over', () => {
    const { full, empty, stored, tick, lives } = binOf(['fs-1', 'fs-2'], { forMs: 0 })
    full('fs-1', 12, 2)
    // Alone it lags ten minutes; with the first word of the second sensor it is the journal's time, and clear for long enough.
    empty('fs-1', 3, 13)
    stored('fs-2', 14, [
      [4, 'fillPct', 95],
      [5, 'fillPct', 10]
    ])
    tick(40)
    expect(lives()).toEqual([[2, 2, 5]])
  })

  it('what a message tells of in between breaks a hold', () => {
    const { full, empty, stored, tick, lives } = binOf(['fs-1', 'fs-2'])
    empty('fs-1', 0)
    full('fs-2', 20)
    stored('fs-2', 28, [
      [24, 'fillPct', 10],
      [27, 'fillPct', 95]
    ])
    tick(37)
    expect(lives()).toEqual([])
    tick(38)
    expect(lives()).toEqual([[28, 38, null]])
  })

  it('nobody is sent for a minute by what was long on its way: the next message may take it back', () => {
    const sent = (at: number) => {
      const { empty, full, change, register, tick, tickets } = binOf(['fs-1', 'fs-2'], { forMs: 0 })
      register(facility('bin-1', { parent: 'city' }))
      const crew = { id: 'c-1', name: 'One', contractor: null, phone: null, active: true }
      change({ kind: 'crew', crew: { ...crew, areas: ['city'], kinds: [], shifts: [], members: [] } })
      empty('fs-1', 90)
      full('fs-2', 100, at)
      const states = [100.5, 101].map(minute => {
        tick(minute)
        return tickets()[0]?.state
      })
      return states
    }
    expect(sent(80)).toEqual(['new', 'dispatched'])
    expect(sent(100)).toEqual(['dispatched', 'dispatched'])
  })

  it('one that speaks of other things leaves the time of the first as it is', () => {
    const { full, say, register, tick, lives } = binOf(['fs-1'])
    register(device('od-1', { kind: 'odour-sensor', facility: 'bin-1' }))
    full('fs-1', 60, 0)
    say({ device: 'od-1', at: 61, values: { tempC: 20 } })
    tick(69)
    expect(lives()).toEqual([])
    tick(70)
    expect(lives()).toEqual([[0, 10, null]])
  })
})

describe('while an episode goes on', () => {
  it('a second sensor that says all is well, or the same, neither ends nor doubles it', () => {
    const { full, empty, register, tick, lives, tickets } = binOf(['fs-1'])
    full('fs-1', 40, 0)
    tick(55)
    register(sensor('fs-2'))
    register(sensor('fs-3'))
    full('fs-1', 60, 20)
    empty('fs-2', 61)
    full('fs-3', 62)
    tick(80)
    expect(lives()).toEqual([[0, 10, null]])
    expect(tickets()).toHaveLength(1)
  })

  it('a hold goes on over the first word of a second sensor', () => {
    const { full, empty, tick, lives } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 20, 17)
    empty('fs-2', 23)
    tick(40)
    expect(lives()).toEqual([[17, 27, null]])
  })

  it('a hold that stood still before the first word of a second sensor is not made full by it', () => {
    const { full, say, tick, lives } = binOf(['fs-1', 'fs-2'], { forMs: minutes(60) })
    // By its own time it is stale from 45 on; the second speaks when that is 30, and the hold would be full at 60.
    full('fs-1', 40, 0)
    say({ device: 'fs-2', at: 40, received: 70, values: { fillPct: 10 } })
    tick(200)
    expect(lives()).toEqual([])
  })

  it('the one that says so is taken away: what the other says counts', () => {
    const { full, empty, register, tick, lives } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 0)
    empty('fs-2', 1)
    tick(20)
    register(sensor('fs-1', null))
    tick(21)
    tick(40)
    expect(lives()).toEqual([[0, 10, 22]])
  })

  it('the one that is well is taken away: it goes on by the time of the one that is left', () => {
    const { full, empty, register, tick, lives } = binOf(['fs-1', 'fs-2'])
    full('fs-1', 0)
    empty('fs-2', 1)
    tick(20)
    register(sensor('fs-2', null))
    full('fs-1', 40, 25)
    empty('fs-1', 55)
    tick(80)
    expect(lives()).toEqual([[0, 10, 57]])
  })

  it('a sensor is replaced: one episode, which the new one ends', () => {
    const { full, empty, register, restart, tick, lives, tickets } = binOf(['fs-1'])
    full('fs-1', 0)
    tick(20)
    register(sensor('fs-2'))
    register(sensor('fs-1', 'bin-2'))
    restart()
    full('fs-2', 25)
    tick(40)
    expect(lives()).toEqual([[0, 10, null]])
    restart()
    empty('fs-2', 41)
    full('fs-1', 42)
    tick(50)
    expect(lives()).toEqual([[0, 10, 43]])
    expect(tickets()).toMatchObject([{ state: 'closed' }])
  })

  it('what a sensor measured before it came says nothing, and leaves the time of the first as it is', () => {
    const { full, say, register, tick, lives } = binOf(['fs-1'])
    register(sensor('fs-2', 'bin-2'))
    full('fs-1', 10, 0)
    tick(12)
    register(sensor('fs-2'))
    say({ device: 'fs-2', at: 11, received: 13, values: { fillPct: 10 } })
    tick(19)
    expect(lives()).toEqual([])
    tick(20)
    expect(lives()).toEqual([[0, 10, null]])
  })
})
