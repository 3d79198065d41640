import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeValue, isMetric } from '#model/metrics'
import { days, hours, minutes, seconds } from '#model/time'
import { makeCity } from '#sim/city'
import type { Fault } from '#sim/faults'
import { plan } from '#sim/plan'
import { payloadOf, reportStream, type Report } from '#sim/reports'

const city = makeCity({ seed: 7, scale: 0.1 })
const to = Date.parse('2026-11-20T06:00:00Z')
const from = to - days(1)

function reportsOf(faults: readonly Fault[], stepMs = days(1)): Report[] {
  const stream = reportStream({ city, from, faults })
  const reports: Report[] = []
  for (let at = from; at < to; at += stepMs) reports.push(...stream.until(Math.min(to, at + stepMs)))
  return reports
}
const digest = (reports: Report[]) =>
  createHash('sha256')
    .update(reports.map(report => `${report.at} ${report.device} ${payloadOf(report)}\n`).join(''))
    .digest('hex')

const faults = plan({ city, from, to })
const day = reportsOf(faults)

describe('the reports of a day', () => {
  it('are the same to the byte for the same seed, however the day is cut', { timeout: minutes(5) }, () => {
    expect(digest(reportsOf(plan({ city, from, to }), minutes(7)))).toBe(digest(day))
  })

  it('hold only known metrics in their ranges, but for what the misbehaving device sends', () => {
    const wrong = day.flatMap(({ device, entries }) =>
      entries.flatMap(({ values }) =>
        Object.entries(values).flatMap(([metric, value]) =>
          isMetric(metric) && 'value' in encodeValue(metric, value) ? [] : [`${device} ${metric} ${value}`]
        )
      )
    )
    expect(wrong).toEqual([])
    const garbled = faults.filter(({ kind }) => kind === 'garbled').map(({ device }) => device)
    const raw = day.filter(report => report.raw !== undefined)
    expect(raw.length).toBeGreaterThan(5)
    expect(new Set(raw.map(({ device }) => device))).toEqual(new Set(garbled))
  })

  it('are few messages of many entries: gateways speak for most lamps', () => {
    const entries = day.reduce((sum, report) => sum + report.entries.length, 0)
    expect(day.length).toBeGreaterThan(25_000)
    expect(day.length).toBeLessThan(36_000)
    expect(entries).toBeGreaterThan(5 * day.length)
  })

  it('never measure the future, and go forward in time for each device', () => {
    const newest = new Map<string, number>()
    const wrong = day.flatMap(({ device, at, entries }) =>
      entries.filter(entry => {
        const measured = Number(entry.at)
        const who = entry.device ?? device
        const before = newest.get(who) ?? 0
        newest.set(who, measured)
        return measured > at || measured <= before
      })
    )
    expect(wrong).toEqual([])
  })
})

describe('a device without network', () => {
  const [toilet] = city.devices.filter(({ kind }) => kind === 'occupancy-sensor')
  const offline: Fault = { kind: 'offline', device: toilet!.id, from: from + hours(3), to: from + hours(5) }

  it('delivers afterwards what it measured meanwhile, with the true times', () => {
    const mine = reportsOf([offline]).filter(({ device }) => device === offline.device)
    const backlog = mine.filter(({ entries }) => entries.length > 1)
    expect(mine.filter(({ at }) => at >= offline.from && at < offline.to)).toEqual([])
    expect(backlog).toHaveLength(1)
    const [{ at, entries }] = backlog as [Report]
    expect(at - offline.to).toBeLessThanOrEqual(minutes(1))
    expect(entries).toHaveLength(120)
    expect(entries.map(entry => Number(entry.at) - Number(entries[0]?.at))).toEqual(
      entries.map((_, minute) => minutes(minute))
    )
    expect(Array.isArray(JSON.parse(payloadOf(backlog[0]!)))).toBe(true)
  })

  it('measures the same as if it had been connected', () => {
    const measured = (reports: Report[]) =>
      reports.filter(({ device }) => device === offline.device).flatMap(({ entries }) => entries)
    expect(measured(reportsOf([offline]))).toEqual(measured(reportsOf([])))
  })
})

describe('a storm of restarts', () => {
  const gateway = city.devices.find(({ kind }) => kind === 'gateway')!
  const [toilet] = city.devices.filter(({ kind }) => kind === 'occupancy-sensor')
  const [bin] = city.devices.filter(({ kind }) => kind === 'fill-sensor')
  const storm = [gateway, toilet!, bin!].map(({ id }): Fault => ({
    kind: 'reboot-storm',
    device: id,
    from: from + hours(3),
    to: from + hours(3.5)
  }))
  const reports = reportsOf(storm)
  const of = (device: string) => reports.filter(report => report.device === device)
  const restarts = (device: string) => of(device).filter(({ restarted }) => restarted)

  it('takes all of them within seconds, several times, each on a new connection', () => {
    const times = storm.map(({ device }) => restarts(device).map(({ at }) => at))
    for (const one of times) expect(one).toHaveLength(times[0]!.length)
    expect(times[0]!.length).toBeGreaterThan(5)
    for (const i of times[0]!.keys()) {
      const together = times.map(one => one[i]!)
      expect(Math.max(...together) - Math.min(...together)).toBeLessThan(seconds(10))
    }
  })

  it('lets each say all it knows at once, twice, and count its messages from nothing', () => {
    for (const { device } of storm) {
      for (const first of restarts(device)) {
        const again = of(device).filter(({ at, entries }) => at === first.at && entries === first.entries)
        expect(again).toHaveLength(2)
        expect(first.entries.at(-1)?.seq).toBe(0)
      }
    }
    expect(restarts(gateway.id)[0]!.entries.length).toBeGreaterThan(10)
    expect(Object.keys(restarts(bin!.id)[0]!.entries[0]!.values)).toContain('tempC')
  })

  it('lets counters begin anew, and grow from there', () => {
    const counted = of(toilet!.id)
      .filter(({ at }) => at >= from + hours(2.9))
      .map(({ entries }) => Number(entries[0]!.values.visitsTotal))
    const drops = counted.filter((visits, i) => visits < (counted[i - 1] ?? 0))
    expect(counted[0]).toBeGreaterThan(1000)
    expect(drops.length).toBeGreaterThan(1)
    expect(Math.max(...counted.slice(-100))).toBeLessThan(5000)
    const energy = restarts(gateway.id).map(({ entries }) => entries.at(-1)!.values.energyKwh)
    expect(new Set(energy)).toEqual(new Set([0]))
  })
})
