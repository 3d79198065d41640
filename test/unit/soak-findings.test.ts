import { describe, expect, it } from 'vitest'
import { minutes, seconds } from '#model/time'
import { findings, slopeOf, type Minute, type Sample } from '#test/soak/findings'

const RATE = 1000

/** An hour in which nothing grows; `how` says what is different in a sample, by the minute it is of. */
function hour({
  of = 60,
  how = () => ({}),
  p99Ms = () => 20
}: {
  of?: number
  how?: (minute: number) => Partial<Sample>
  p99Ms?: (minute: number) => number
} = {}): Minute[] {
  return Array.from({ length: of }, (_, minute) => ({
    p99Ms: p99Ms(minute),
    acknowledged: 60 * RATE,
    samples: Array.from({ length: 6 }, (_, n) => ({
      atMs: minutes(minute) + seconds(10 * n),
      rssMb: 400 + 20 * (n % 2),
      // Garbage piles up until it is collected.
      oldSpaceMb: 80 + 10 * n,
      files: 1050,
      stateBehind: 100,
      storeBehind: 500,
      journalMb: 30,
      ...how(minute)
    }))
  }))
}

const failed = (all: Minute[]) =>
  findings(all, { rate: RATE })
    .filter(({ ok }) => ok === false)
    .map(({ what }) => what)

describe('the verdict of a soak', () => {
  it('is good when nothing grows and everything keeps up', () => {
    const found = findings(hour(), { rate: RATE })
    expect(found.map(({ ok }) => ok)).toEqual([true, true, true, true, true])
  })

  it('takes the slope of a line, in MB an hour', () => {
    const points = [0, 10, 20, 30].map(minute => ({ atMs: minutes(minute), mb: 100 + minute * 2 }))
    expect(slopeOf(points)).toBeCloseTo(120)
  })

  it('finds that memory grows', () => {
    expect(failed(hour({ how: minute => ({ rssMb: 400 + 2 * minute }) }))).toEqual([
      'RSS after 10.0 minutes of warm-up: 120.0 MB an hour (limit 60)'
    ])
  })

  it('lets memory grow while it warms up', () => {
    expect(failed(hour({ how: minute => ({ rssMb: 400 + 20 * Math.min(minute, 9) }) }))).toEqual([])
  })

  it('finds that the old space grows below its garbage', () => {
    expect(failed(hour({ how: minute => ({ oldSpaceMb: 80 + minute }) }))).toEqual([
      'old space, the least of each minute, after 10.0 minutes of warm-up: 60.0 MB an hour (limit 20)'
    ])
  })

  it('finds files that stay open', () => {
    expect(failed(hour({ how: minute => ({ files: 1050 + minute }) }))).toEqual([
      'open files: 45 more than in the first quarter (limit 20)'
    ])
  })

  it('finds a consumer that falls behind, and one that catches up within a minute is well', () => {
    expect(failed(hour({ how: minute => ({ storeBehind: 1000 * minute }) }))).toEqual([
      'consumers behind at the end of a minute: at most 59000 records (limit 10 s, 10000)'
    ])
    const all = hour()
    all[30]!.samples[2]!.storeBehind = 50_000
    expect(failed(all)).toEqual([])
  })

  it('finds slow minutes', () => {
    expect(failed(hour({ p99Ms: minute => (minute > 55 ? 150 : 20) }))).toEqual([
      'p99 PUBACK over 100 ms in 4 of 60 minutes (limit one in 20)'
    ])
    expect(failed(hour({ p99Ms: minute => (minute > 56 ? 150 : 20) }))).toEqual([])
  })

  it('tells no growth from a few minutes, nor anything from nothing', () => {
    const short = findings(hour({ of: 2, how: minute => ({ rssMb: 400 + 50 * minute }) }), { rate: RATE })
    expect(short.map(({ ok }) => ok)).toEqual([undefined, undefined, undefined, true, true])
    expect(findings([], { rate: RATE }).map(({ ok }) => ok)).toEqual([undefined])
  })
})
