import { describe, expect, it } from 'vitest'
import { days, minutes } from '#model/time'
import { crashReading, expectedEpisodes, type CrashReading } from '#test/fixtures/crash-city'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'
import { textOf } from './project-files.ts'

const FROM = Date.parse('2026-10-01T00:00:00Z')
const readingsOf = (no: number, count: number) =>
  Array.from({ length: count }, (_, n) => crashReading(no, n, FROM))

/** The episodes of the real rules on the same readings, `lagMs` after their time; nothing crashes. */
function episodesOf(readings: CrashReading[], lagMs: number) {
  const records = [
    area('city', { kind: 'city' }),
    facility('bin-0'),
    device('bin-0-s', { facility: 'bin-0' })
  ]
  const world = ruleWorld({ records, start: FROM })
  for (const { at, tempC, fillPct } of readings) {
    const minute = (at - FROM) / minutes(1)
    world.say({
      device: 'bin-0-s',
      at: minute,
      received: minute + lagMs / minutes(1),
      values: { tempC, fillPct }
    })
  }
  return world
    .episodes()
    .map(({ rule, startedAt, endedAt }) => ({ rule, startedAt, ended: endedAt !== null }))
}

describe('the reference of a crash run', () => {
  it('knows nothing of the code it judges', () => {
    const imports = [...textOf('test/fixtures/crash-city.ts').matchAll(/^import (type )?.* from '(.+)'$/gm)]
    const values = imports.filter(([, type]) => !type).map(([, , from]) => from)
    expect(values).toEqual(['#model/time'])
  })

  it.each([0, 3, 23])('says of bin %i what the rules say when nothing crashes', no => {
    const readings = readingsOf(no, 500)
    const byTime = (a: { startedAt: number; rule: string }, b: { startedAt: number; rule: string }) =>
      a.startedAt - b.startedAt || a.rule.localeCompare(b.rule)
    const expected = expectedEpisodes(readings).sort(byTime)
    expect(expected.length).toBeGreaterThan(40)
    expect(episodesOf(readings, 0).sort(byTime)).toEqual(expected)
    expect(episodesOf(readings, days(34)).sort(byTime)).toEqual(expected)
  })

  it('says by hand where a fire and a full bin begin and end', () => {
    const at = (minute: number) => FROM + minutes(minute)
    const calm = { tempC: 20, fillPct: 10 }
    const readings = [
      { at: at(0), ...calm },
      { at: at(3), tempC: 60, fillPct: 90 },
      { at: at(6), tempC: 44, fillPct: 90 },
      // The hold of the full bin is over at minute 13, the calm after the fire at minute 16.
      { at: at(12), tempC: 44, fillPct: 95 },
      { at: at(15), tempC: 20, fillPct: 60 },
      { at: at(17), ...calm }
    ]
    expect(expectedEpisodes(readings)).toEqual([
      { rule: 'bin-fire', startedAt: at(3), ended: true },
      { rule: 'bin-full', startedAt: at(3), ended: true }
    ])
    expect(expectedEpisodes(readings.slice(0, 5))).toEqual([
      { rule: 'bin-fire', startedAt: at(3), ended: false },
      { rule: 'bin-full', startedAt: at(3), ended: false }
    ])
    expect(expectedEpisodes(readings.slice(0, 3))).toEqual([
      { rule: 'bin-fire', startedAt: at(3), ended: false }
    ])
  })
})
