import { describe, expect, it } from 'vitest'
import type { JournalRecord } from '#db/journal'
import { MAX_REJECTS, normaliseRecord } from '#ingest/normalise'
import { createRegistry } from '#ingest/registry'
import type { Facility } from '#model/registry'
import { MAX_AHEAD_MS, RAW_RETENTION_MS } from '#model/telemetry'
import { device, facility } from '#test/fixtures/registry-records'

const NOW = Date.UTC(2026, 9, 1, 8)
const GEOMETRY = { emptyDistanceMm: 1000, fullDistanceMm: 200, deadZoneMm: 100 }

function city(bin: Partial<Facility> = { attributes: { geometry: GEOMETRY } }) {
  const registry = createRegistry()
  registry.apply(facility('BIN-1', bin), 1)
  registry.apply(device('S-1', { facility: 'BIN-1' }), 1)
  registry.apply(device('S-2', { facility: null }), 1)
  registry.apply(device('GW-1', { kind: 'gateway' }), 1)
  registry.apply(device('L-1', { kind: 'lamp-controller', gateway: 'GW-1' }), 1)
  registry.apply(device('L-2', { kind: 'lamp-controller', gateway: 'GW-2' }), 1)
  return registry
}

const record = (deviceId: string, message: unknown, stated: Partial<JournalRecord> = {}): JournalRecord => ({
  seq: 7,
  receivedAt: NOW,
  kind: 'telemetry',
  deviceId,
  payload: Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)),
  ...stated
})

const normalise = (deviceId: string, message: unknown, registry = city()) =>
  normaliseRecord(record(deviceId, message), registry)

describe('a message', () => {
  it('of a known device becomes a report in stored numbers', () => {
    expect(normalise('S-1', { at: NOW - 5000, seq: 1, values: { fillPct: 93.5, lidOpen: true } })).toEqual({
      seq: 7,
      receivedAt: NOW,
      kind: 'telemetry',
      deviceId: 'S-1',
      reports: [
        {
          device: 'S-1',
          measuredAt: NOW - 5000,
          quality: 'good',
          metrics: ['fillPct', 'lidOpen'],
          values: [93.5, 1]
        }
      ],
      rejects: []
    })
  })

  it('without a time was measured when we had it', () => {
    expect(normalise('S-1', { values: { fillPct: 1 } }).reports[0]?.measuredAt).toBe(NOW)
  })

  it('of several entries comes sorted by the time of measuring', () => {
    const entries = [3, 1, 2].map(n => ({ at: NOW - 10 + n, values: { fillPct: n } }))
    expect(normalise('S-1', entries).reports.map(({ values }) => values[0])).toEqual([1, 2, 3])
  })

  it('of an unknown device is rejected whole, with its bytes', () => {
    const unknown = record('X-1', { values: { fillPct: 1 } })
    expect(normaliseRecord(unknown, city())).toMatchObject({
      reports: [],
      rejects: [{ device: 'X-1', reason: 'unknown-device', path: '' }],
      payload: unknown.payload
    })
  })

  it('that is no report is rejected whole', () => {
    expect(normalise('S-1', 'fill=93').rejects).toMatchObject([{ device: 'S-1', reason: 'not-json' }])
    expect(normalise('S-1', { fillPct: 93 }).rejects).toMatchObject([
      { reason: 'wrong-shape', path: 'fillPct' }
    ])
  })
})

describe('a reading', () => {
  it('that cannot be understood leaves the good ones of its entry alone', () => {
    const { reports, rejects, payload } = normalise('S-1', {
      values: { fillPct: 101, tempC: 21, colour: 'red', nh3Ppm: 1, lidOpen: 'yes', batteryPct: 80 }
    })
    expect(reports).toMatchObject([{ metrics: ['tempC', 'batteryPct'], values: [21, 80] }])
    expect(rejects.map(({ reason, path }) => [reason, path])).toEqual([
      ['out-of-range', 'values.fillPct'],
      ['unknown-metric', 'values.colour'],
      ['metric-not-of-kind', 'values.nh3Ppm'],
      ['out-of-range', 'values.lidOpen']
    ])
    expect(rejects[0]?.detail).toBe('expected a number from 0 to 100 %, came 101')
    expect(payload).toBeDefined()
  })

  it.each(['__proto__', 'constructor', 'toString', '', 'a\u0000b'])(
    'of a metric named %j is harmless',
    name => {
      const { reports, rejects } = normalise('S-1', `{"values": {${JSON.stringify(name)}: 1}}`)
      expect(reports).toMatchObject([{ metrics: [] }])
      expect(rejects).toMatchObject([{ reason: 'unknown-metric' }])
      expect(rejects[0]?.path).not.toContain('\u0000')
    }
  )

  it('beyond the hundredth bad one is only counted', () => {
    const entries = Array.from({ length: MAX_REJECTS + 20 }, () => ({ values: { fillPct: -1 } }))
    const { rejects } = normalise('S-1', entries)
    expect(rejects).toHaveLength(MAX_REJECTS + 1)
    expect(rejects.at(-1)?.detail).toBe('and 20 more rejected in the same message')
  })
})

describe('a gateway', () => {
  it('speaks for itself and for the devices registered under it, and for no other', () => {
    const { reports, rejects } = normalise('GW-1', [
      { at: NOW, values: { energised: true } },
      { at: NOW, device: 'L-1', values: { powerState: 'on' } },
      { at: NOW, device: 'L-2', values: { powerState: 'on' } },
      { at: NOW, device: 'X-9', values: {} }
    ])
    expect(reports.map(report => [report.device, report.values])).toEqual([
      ['GW-1', [1]],
      ['L-1', [1]]
    ])
    expect(rejects.map(({ device, reason, path }) => [device, reason, path])).toEqual([
      ['L-2', 'foreign-device', '[2].device'],
      ['X-9', 'foreign-device', '[3].device']
    ])
  })

  it('is the only one that may: a sensor naming another device is refused', () => {
    expect(normalise('S-1', { device: 'S-2', values: {} }).rejects).toMatchObject([
      { reason: 'foreign-device' }
    ])
    expect(normalise('S-1', { device: 'S-1', values: {} }).rejects).toEqual([])
  })
})

describe('a distance', () => {
  const measured = (values: object, registry = city()) => {
    const { reports, rejects } = normalise('S-1', { values }, registry)
    const [report] = reports
    const read = Object.fromEntries(report?.metrics.map((metric, i) => [metric, report.values[i]]) ?? [])
    return { read, reasons: rejects.map(({ reason }) => reason) }
  }

  it.each([
    [1000, 0],
    [1050, 0],
    [600, 50],
    [467, 66.6],
    [200, 100],
    [150, 100]
  ])('of %d mm in a bin of known geometry is a fill level of %d %%', (distanceMm, fillPct) => {
    expect(measured({ distanceMm })).toEqual({ read: { fillPct, distanceMm }, reasons: [] })
  })

  it.each([0, 100, 1101, 8190])(
    'of %d mm cannot have been seen: it is no reading, and never 0 %%',
    distanceMm => {
      expect(measured({ distanceMm, tempC: 20 })).toEqual({ read: { tempC: 20 }, reasons: ['dead-zone'] })
    }
  )

  it('is kept without a geometry, and the level that is missing is told', () => {
    const unmeasured = city({ attributes: {} })
    expect(measured({ distanceMm: 600 }, unmeasured)).toEqual({
      read: { distanceMm: 600 },
      reasons: ['no-geometry']
    })
  })

  it('does not overrule a level the device computed itself, nor ask for a geometry then', () => {
    expect(measured({ fillPct: 40, distanceMm: 600 }).read).toEqual({ fillPct: 40, distanceMm: 600 })
    expect(measured({ fillPct: 40, distanceMm: 600 }, city({ attributes: {} })).reasons).toEqual([])
  })

  it('is kept as it is of a device fitted to nothing yet', () => {
    expect(normalise('S-2', { values: { distanceMm: 600 } })).toMatchObject({
      reports: [{ metrics: ['distanceMm'], values: [600] }],
      rejects: []
    })
  })

  it.each([{ emptyDistanceMm: 200, fullDistanceMm: 200 }, { emptyDistanceMm: '1 m', fullDistanceMm: 0 }, {}])(
    'in a geometry no bin can have, %j, counts as without one',
    geometry => {
      const odd = city({ attributes: { geometry: geometry as never } })
      expect(measured({ distanceMm: 600 }, odd).reasons).toEqual(['no-geometry'])
    }
  )
})

describe('a device’s clock', () => {
  const times = (...ats: (number | undefined)[]) =>
    normalise(
      'S-1',
      ats.map(at => ({ ...(at !== undefined && { at }), values: { fillPct: 1 } }))
    )

  it('that is a little ahead moves its whole message back, marked', () => {
    const { reports, rejects } = times(NOW + MAX_AHEAD_MS - 60_000, NOW + MAX_AHEAD_MS)
    expect(reports.map(({ measuredAt, quality }) => [measuredAt, quality])).toEqual([
      [NOW - 60_000, 'skewed'],
      [NOW, 'skewed']
    ])
    expect(rejects).toEqual([])
  })

  it('does not touch an entry that did not use it', () => {
    expect(times(NOW + 1000, undefined).reports).toMatchObject([
      { measuredAt: NOW, quality: 'skewed' },
      { measuredAt: NOW, quality: 'good' }
    ])
  })

  it('that is further ahead makes the whole message meaningless', () => {
    expect(times(NOW - 1000, NOW + MAX_AHEAD_MS + 1)).toMatchObject({
      reports: [],
      rejects: [{ reason: 'time-out-of-range', path: '' }]
    })
  })

  it('may be as old as raw readings are kept, entry by entry', () => {
    const { reports, rejects } = times(NOW - RAW_RETENTION_MS, NOW - RAW_RETENTION_MS - 1)
    expect(reports).toMatchObject([{ measuredAt: NOW - RAW_RETENTION_MS, quality: 'good' }])
    expect(rejects).toMatchObject([{ reason: 'time-out-of-range', path: '[1].at' }])
  })
})

describe('other records', () => {
  const status = (deviceId: string, text: string) =>
    normaliseRecord(record(deviceId, text, { kind: 'status' }), city())
  const tick = (text: string) => normaliseRecord(record('', text, { kind: 'tick' }), city())

  it('say that a device came or went', () => {
    expect(status('S-1', 'online')).toMatchObject({ presence: 'online', reports: [], rejects: [] })
    expect(status('S-1', 'offline').presence).toBe('offline')
  })

  it.each(['', 'ONLINE', 'online\n'])('that say %j about a device are rejected', text => {
    expect(status('S-1', text)).toMatchObject({ rejects: [{ reason: 'wrong-shape' }] })
    expect(status('S-1', text).presence).toBeUndefined()
  })

  it('about an unknown device are rejected', () => {
    expect(status('X-1', 'online').rejects).toMatchObject([{ reason: 'unknown-device' }])
  })

  it('say that we were alive, and when to expect the next word', () => {
    expect(tick('1000')).toMatchObject({ tickPeriodMs: 1000, rejects: [] })
    expect(tick('soon').rejects).toMatchObject([{ reason: 'wrong-shape' }])
  })
})
