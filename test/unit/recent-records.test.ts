import { describe, expect, it } from 'vitest'
import type { NormalisedRecord } from '#ingest/reading'
import { recentRecords, rowsOf } from '#ingest/recent-records'

const record = (seq: number): NormalisedRecord => ({
  seq,
  receivedAt: 10 + seq,
  kind: 'telemetry',
  deviceId: 'S-1',
  reports: [
    { device: 'S-1', measuredAt: seq, quality: 'good', metrics: ['fillPct', 'tempC'], values: [seq, 20.5] },
    { device: 'S-2', measuredAt: seq, quality: 'skewed', metrics: ['fillPct'], values: [-0] }
  ],
  rejects: []
})
const tick = (seq: number): NormalisedRecord => ({ ...record(seq), kind: 'tick', reports: [] })
const records = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => record(from + i))

describe('recent records', () => {
  it('give the same rows as the records themselves', () => {
    const recent = recentRecords({ maxBytes: 1_000_000 })
    recent.add(records(1, 5))
    recent.add([tick(6)])
    recent.add(records(7, 9))
    const all = [...records(1, 5), ...records(7, 9)]
    expect(recent.after(0, 9, 1000)).toEqual({ rows: rowsOf(all), upTo: 9 })
    expect(recent.after(2, 9, 1000)).toEqual({ rows: rowsOf(all.slice(2)), upTo: 9 })
    expect(recent.after(5, 6, 1000)).toEqual({ rows: [], upTo: 6 })
  })

  it('come in whole batches, none beyond what is asked for', () => {
    const recent = recentRecords({ maxBytes: 1_000_000 })
    for (const from of [1, 11, 21]) recent.add(records(from, from + 9))
    expect(recent.after(0, 29, 1000)?.upTo).toBe(20)
    expect(recent.after(0, 9, 1000)).toBeUndefined()
    expect(recent.after(0, 30, 30)?.upTo).toBe(10)
    expect(recent.after(0, 30, 31)?.upTo).toBe(20)
  })

  it('stay within their bytes: the oldest go first', () => {
    const recent = recentRecords({ maxBytes: 10_000 })
    for (let from = 1; from < 1000; from += 10) recent.add(records(from, from + 9))
    expect(recent.bytes()).toBeLessThanOrEqual(10_000)
    expect(recent.after(0, 1000, 10_000)).toBeUndefined()
    expect(recent.after(990, 1000, 10_000)?.upTo).toBe(1000)
  })

  it('are forgotten once stored', () => {
    const recent = recentRecords({ maxBytes: 1_000_000 })
    recent.add(records(1, 10))
    recent.add(records(11, 20))
    recent.drop(19)
    expect(recent.after(9, 20, 1000)).toBeUndefined()
    expect(recent.after(10, 20, 1000)?.upTo).toBe(20)
    recent.drop(20)
    expect(recent.bytes()).toBe(0)
  })

  it('are never those of a gap', () => {
    const recent = recentRecords({ maxBytes: 1_000_000 })
    recent.add(records(1, 10))
    recent.add(records(12, 20))
    expect(recent.after(0, 20, 1000)).toBeUndefined()
    expect(recent.after(10, 20, 1000)).toBeUndefined()
    expect(recent.after(11, 20, 1000)?.upTo).toBe(20)
  })
})
