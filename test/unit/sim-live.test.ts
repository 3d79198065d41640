import { describe, expect, it } from 'vitest'
import { hours, minutes, seconds, type Millis } from '#model/time'
import { plannedDays } from '#sim/expect'
import { outageWatch } from '#sim/outage-watch'
import { foreseenOf, type Outage } from '#sim/truth/expectation'
import { expectationFile, expectationIn, VERSION, type TruthFile } from '#sim/truth/file'
import { truthCity } from '#sim/truth/setting'

const START = Date.parse('2026-11-20T10:00:00Z')

describe('the program going away, as its devices notice it', () => {
  /** Connections at each second. */
  function watched(counts: readonly number[]): { over: Outage[]; now: Outage[] } {
    const over: Outage[] = []
    const watch = outageWatch(outage => over.push(outage))
    for (const [second, connected] of counts.entries())
      watch.look({ connected, acknowledged: 0, waiting: 0 }, seconds(second))
    return { over, now: watch.outages(seconds(counts.length)) }
  }
  const span = (from: number, to: number): Outage => ({ from: seconds(from), to: seconds(to) })

  it('begins when they were last connected and ends when they are back', () => {
    const { over, now } = watched([0, 90, 90, 90, 0, 0, 0, 12, 60, 89, 90, 90])
    expect(over).toEqual([span(3, 9)])
    expect(now).toEqual(over)
  })

  it('is told while it goes on', () => {
    expect(watched([90, 90, 0, 0]).now).toEqual([span(1, 4)])
  })

  it('is over a while after the first are back, also when some never come', () => {
    const { over } = watched([90, 0, ...Array.from({ length: 120 }, () => 70)])
    expect(over).toEqual([span(0, 92)])
  })

  describe('with its connections open', () => {
    /** At each second, of 90 that are connected: an acknowledgement, one that is waited for, or nothing sent at all. */
    function heard(text: string, connected: (second: number) => number = () => 90): Outage[] {
      const watch = outageWatch()
      let acknowledged = 0
      const signs = [...text]
      for (const [second, sign] of signs.entries()) {
        if (sign === 'a') acknowledged++
        const waiting = sign === '.' ? 0 : 3
        watch.look({ connected: connected(second), acknowledged, waiting }, seconds(second))
      }
      return watch.outages(seconds(signs.length))
    }

    it('begins with the last answer and ends with the next, where one was waited for', () => {
      expect(heard('aaa_______a_a')).toEqual([span(2, 10)])
      expect(heard('a_______')).toEqual([span(0, 8)])
    })

    it('is none for five seconds, nor while nothing is sent, nor while anything is answered', () => {
      expect(heard('a_____a_____a')).toEqual([])
      expect(heard('a..........._____a')).toEqual([])
      expect(heard('_a_a_a_a_a_a_a_a_a')).toEqual([])
    })

    it('is one outage where the devices give it up at last, until they are back', () => {
      const connected = (second: number) => (second < 9 ? 90 : second < 12 ? 0 : 90)
      expect(heard('aa_______..._a', connected)).toEqual([span(1, 12)])
    })
  })

  it('is no storm of restarts, nor devices that go one after the other', () => {
    expect(watched([90, 75, 76, 90, 90]).now).toEqual([])
    expect(watched(Array.from({ length: 90 }, (_, i) => 90 - i)).now).toEqual([])
  })
})

describe('hard minutes, for a live city', () => {
  const city = truthCity({ seed: 7, facilities: 200 })
  const { played, expectation } = plannedDays({ city, from: START, hoursLong: 0.3, thought: false })

  it('bring tickets that surely follow within them, and much that must not', () => {
    expect(expectation.must.length).toBeGreaterThan(6)
    expect(new Set(expectation.must.map(({ rule }) => rule)).size).toBeGreaterThanOrEqual(4)
    expect(expectation.mustNot.length).toBeGreaterThan(50)
    const kinds = new Set(played.faults.map(({ kind }) => kind))
    for (const kind of ['reboot-storm', 'crowd-flapping', 'duplicates', 'reordered'] as const)
      expect(kinds).toContain(kind)
  })

  it('leave open what an outage of ours could delay, and expect no ticket earlier', () => {
    const away = { from: START + minutes(6), to: START + minutes(8) }
    const later = foreseenOf({ ...played, outages: [away] })
    const of = (all: typeof later, rule: string, subject: string) =>
      [...all.must, ...all.may].find(one => one.rule === rule && one.subject === subject)
    const delayed = expectation.must.filter(({ rule, subject, toleranceMs }) => {
      const other = of(later, rule, subject)
      expect(other?.from).toBe(expectation.must.find(one => one.subject === subject)?.from)
      return (other?.toleranceMs ?? 0) >= toleranceMs + (away.to - away.from)
    })
    expect(delayed.length).toBeGreaterThan(0)
  })
})

it('a device that was silent may be heard as soon as the program is back, before the last one is', () => {
  const city = truthCity({ seed: 7, facilities: 50 })
  const device = city.devices.find(({ kind }) => kind === 'occupancy-sensor')!.id
  const played = {
    city,
    faults: [{ kind: 'offline' as const, device, from: START + minutes(5), to: START + minutes(20) }],
    from: START,
    to: START + minutes(30),
    stepMs: seconds(20),
    liveLateMs: seconds(20),
    outages: [{ from: START + minutes(19), to: START + minutes(22) }]
  }
  const [ticket] = foreseenOf(played).must.filter(({ rule }) => rule === 'device-silent')
  const clears = ticket?.fate?.clears
  expect(clears?.from).toBeLessThanOrEqual(START + minutes(20))
  expect(clears?.to).toBeGreaterThanOrEqual(START + minutes(22))
})

describe('a storm of restarts', () => {
  const city = truthCity({ seed: 7, facilities: 200 })
  const { played, expectation } = plannedDays({ city, from: START, hoursLong: 48, thought: true })
  const storms = played.faults.filter(({ kind }) => kind === 'reboot-storm')
  const kinds = new Map(city.devices.map(({ id, kind }) => [id, kind]))

  it('takes a street, and a gateway, at one moment', () => {
    const moments = [...new Set(storms.map(({ from }) => from))]
    expect(moments.length).toBeGreaterThan(2)
    const sizes = moments.map(moment => storms.filter(({ from }) => from === moment).length)
    expect(Math.max(...sizes)).toBeGreaterThan(5)
    expect(storms.some(({ device }) => kinds.get(device) === 'gateway')).toBe(true)
  })

  it('must open nothing: of those devices, nor of the lamps behind a gateway', () => {
    const gateway = storms.find(({ device }) => kinds.get(device) === 'gateway')!
    const behind = city.devices.filter(one => one.gateway === gateway.device)
    expect(behind.length).toBeGreaterThan(10)
    for (const id of [...storms.map(({ device }) => device), ...behind.map(({ id }) => id)]) {
      const named = expectation.mustNot.some(
        one => one.rule === 'device-silent' && one.subject === `device:${id}`
      )
      expect(named).toBe(true)
    }
    const struck = new Set(storms.map(({ device }) => device))
    const during = expectation.must.filter(
      ({ subject, from }) =>
        struck.has(subject.slice('device:'.length)) && storms.some(one => from >= one.from && from <= one.to)
    )
    expect(during).toEqual([])
  })
})

describe('the file', () => {
  const city = truthCity({ seed: 7, facilities: 60 })
  const days = plannedDays({ city, from: START, hoursLong: 26, thought: true })
  const written = (what: Parameters<typeof expectationFile>[0]) =>
    JSON.parse(JSON.stringify(expectationFile(what))) as TruthFile

  it('has a stop of the program in it where it is only thought out', () => {
    const [stop] = written({ seed: 7, ...days }).outages
    const lasts: Millis = Date.parse(stop?.to ?? '') - Date.parse(stop?.from ?? '')
    expect(lasts).toBe(minutes(40))
    const live = plannedDays({ city, from: START, hoursLong: 0.3, thought: false })
    expect(live.played.outages).toEqual([])
  })

  it('is read back as it was written', () => {
    const back = expectationIn(written({ seed: 7, ...days }))
    const plain = days.expectation.must.map(({ rule, subject, from, to, fate }) => ({
      ...{ rule, subject, from, to },
      clears: fate?.clears,
      ending: fate?.ending
    }))
    expect(
      back?.must.map(({ rule, subject, from, to, fate }) => ({
        ...{ rule, subject, from, to },
        clears: fate?.clears,
        ending: fate?.ending
      }))
    ).toEqual(plain)
    expect(
      expectationIn({ ...written({ seed: 7, ...days }), version: (VERSION - 1) as never })
    ).toBeUndefined()
  })

  it(
    'says how tickets end by what people did, and nothing of it while they are at it',
    { timeout: seconds(30) },
    () => {
      const ticket = days.expectation.must.find(({ rule }) => rule === 'bin-tilted')!
      const { rule, subject } = ticket
      const at = ticket.from + minutes(10)
      const deed = { ticket: 'x', rule, subject }
      const played = {
        ...days.played,
        deeds: [
          { ...deed, what: 'accept' as const, at },
          { ...deed, what: 'claim' as const, at: at + minutes(1) }
        ]
      }
      const what = { seed: 7, played, expectation: foreseenOf(played), crews: true }
      const over = written({ ...what, over: true })
      const found = over.must.find(one => one.rule === rule && one.subject === subject)
      expect(over.people.map(({ what }) => what)).toEqual(['accept', 'claim'])
      expect(found?.claims?.map(({ at }) => at)).toEqual([new Date(at + minutes(1)).toISOString()])
      expect(['confirmed', 'contradicted']).toContain(found?.claims?.[0]?.outcome)
      const before = written({ ...what, over: false })
      expect(before.must.some(({ end, claims }) => end !== undefined || claims !== undefined)).toBe(false)
      expect(before.must.length).toBe(over.must.length)
      expect(Date.parse(before.to ?? '') - START).toBe(hours(26))
    }
  )
})
