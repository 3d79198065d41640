import { describe, expect, it } from 'vitest'
import type { NormalisedRecord } from '#ingest/reading'
import { recentRecords } from '#ingest/recent-records'

const record = (seq: number): NormalisedRecord => ({
  seq,
  receivedAt: 1,
  kind: 'telemetry',
  deviceId: 'S-1',
  reports: [{ device: 'S-1', measuredAt: 1, quality: 'good', metrics: ['fillPct'], values: [1] }],
  rejects: []
})
const records = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => record(from + i))

describe('recent records', () => {
  it('stay within their bytes: the oldest go first', () => {
    const recent = recentRecords({ maxBytes: 10_000 })
    recent.add(records(1, 1000))
    expect(recent.bytes()).toBeLessThanOrEqual(10_000)
    expect(recent.get(1)).toBeUndefined()
    expect(recent.get(1000)).toBeDefined()
  })

  it('are forgotten once stored', () => {
    const recent = recentRecords({ maxBytes: 1_000_000 })
    recent.add(records(1, 10))
    recent.drop(9)
    expect(recent.get(9)).toBeUndefined()
    expect(recent.get(10)).toEqual(record(10))
    recent.drop(10)
    expect(recent.bytes()).toBe(0)
  })

  it('are replaced when they are normalised anew', () => {
    const recent = recentRecords({ maxBytes: 1_000_000 })
    recent.add(records(1, 2))
    const before = recent.bytes()
    recent.add([{ ...record(2), deviceId: 'other' }])
    expect(recent.get(2)?.deviceId).toBe('other')
    expect(recent.bytes()).toBe(before)
  })
})
