import { expectedIntervalMs } from '#model/device-models'
import type { Device } from '#model/registry'
import type { TelemetryEntry } from '#model/telemetry'
import type { Millis } from '#model/time'
import { reportStream } from '../reports.ts'
import { AHEAD_MS } from './domain.ts'
import type { Played } from './expectation.ts'

/** One report as the platform must understand it: when it was measured, and when it came. */
export interface Said {
  device: Device
  intervalMs: Millis
  at: Millis
  arrives: Millis
  values: TelemetryEntry['values']
}

/**
 * What devices said while a time was played, with everything as it ended (`repaired`): the readings that decide when something is
 * seen to be over. By arrival, then as measured.
 */
export function whatWasSaid(played: Played, devices: ReadonlySet<string>): Map<string, Said[]> {
  const { city, from, to, stepMs, liveLateMs, outages = [], faults, repaired = faults } = played
  const known = new Map(city.devices.map(device => [device.id, device]))
  const said = new Map<string, Said[]>()
  const stream = reportStream({ city, from, faults: repaired })
  const arrivalOf = (at: Millis): Millis => {
    const away = outages.find(outage => at > outage.from && at <= outage.to)
    return away ? away.to : at
  }
  for (let at = Math.min(to, from + stepMs); ; at = Math.min(to, at + stepMs)) {
    for (const { device: publisher, at: sent, entries } of stream.until(at)) {
      const arrives = arrivalOf(liveLateMs === undefined ? at : sent)
      const aheadMs = Math.max(0, ...entries.map(entry => Number(entry.at) - arrives))
      if (aheadMs > AHEAD_MS) continue
      for (const { device: id = publisher, at: measured, values } of entries) {
        const device = devices.has(id) ? known.get(id) : undefined
        if (!device) continue
        const one: Said = {
          device,
          intervalMs: expectedIntervalMs(device),
          at: Number(measured) - aheadMs,
          arrives,
          values
        }
        const list = said.get(id)
        if (list) list.push(one)
        else said.set(id, [one])
      }
    }
    if (at >= to) return said
  }
}
