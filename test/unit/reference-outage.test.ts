import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hours, minutes } from '#model/time'
import type { MetricId, RawValue } from '#model/metrics'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { check } from '#test/reference/pasts'
import { CITY } from '#test/reference/play'

/** A city in which all is well, by what each device says every four minutes of five. */
const EVERY = { attributes: { expectedIntervalMs: minutes(5) } }
const LAMPS = [0, 1, 2, 3, 4]
const RECORDS = [
  CITY,
  area('gulou', { kind: 'district', parent: 'city' }),
  road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
  facility('bin-1', { parent: 'gulou' }),
  device('fs-1', { facility: 'bin-1', ...EVERY }),
  facility('st-1', { kind: 'compactor', parent: 'gulou' }),
  device('sc-1', { kind: 'compactor-controller', facility: 'st-1', ...EVERY }),
  facility('wc-1', { kind: 'toilet', parent: 'gulou' }),
  device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1', ...EVERY }),
  device('od-1', { kind: 'odour-sensor', facility: 'wc-1', ...EVERY }),
  facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
  device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
  device('gw-1', { kind: 'gateway', facility: 'cab-1' }),
  ...LAMPS.flatMap(i => [
    facility(`light-${i}`, { kind: 'light', parent: 'gulou', attributes: { road: 'r-1', cabinet: 'cab-1' } }),
    device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}`, gateway: i < 2 ? 'gw-1' : null })
  ])
]
/** Short of what would fire: half full, one stall free, water running while people come. */
const CALM: Record<string, Partial<Record<MetricId, RawValue>>> = {
  'fs-1': { fillPct: 89, tempC: 40, tiltDeg: 29, batteryPct: 15 },
  'sc-1': { containerFillPct: 94, state: 'compacting', faultCode: 0 },
  'oc-1': { stallsTotal: 4, stallsOccupied: 3, waterFlowLpm: 0, paperPct: 10, soapPct: 10 },
  'od-1': { nh3Ppm: 1 },
  'cc-1': { energised: true },
  'gw-1': { batteryPct: 90 },
  ...Object.fromEntries(LAMPS.map(i => [`lc-${i}`, { powerState: 'on', activePowerW: 90 }]))
}
const DEVICES = Object.keys(CALM)

it(
  'an outage of ours alone opens nothing, however long and whoever is heard first',
  { timeout: minutes(5) },
  () =>
    check(
      fc.property(
        fc
          .constantFrom(0.11, 1, 3, 7, 14, 16, 31, 90, 300, 3000)
          .chain(gap => fc.tuple(fc.constant(gap), fc.nat(40))),
        fc.array(fc.nat(4), { minLength: DEVICES.length, maxLength: DEVICES.length }),
        fc.boolean(),
        ([gap, calm], offsets, tickFirst) => {
          // By night lamps have to be lit; a gap of days ends by night again.
          const night = NOON + hours(6.5)
          const world = ruleWorld({ records: RECORDS, start: night })
          const length = gap === 3000 ? 2 * 1440 : gap
          const live = (from: number, to: number) => {
            for (let minute = from; minute <= to; minute++) {
              if (minute > from || from === 0 || tickFirst) world.tick(minute, 1)
              DEVICES.forEach((name, i) => {
                if ((minute - from) % 4 === offsets[i]! % 4)
                  world.say({ device: name, at: minute, values: CALM[name]! })
              })
            }
          }
          live(0, calm)
          live(calm + 1 + length, calm + 1 + length + 40)
          expect(world.tickets()).toEqual([])
        }
      )
    )
)
