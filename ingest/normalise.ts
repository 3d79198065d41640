import type { JournalRecord } from '#db/journal'
import { canReport } from '#model/device-models'
import { encodeValue, isMetric, type MetricId, type RawValue } from '#model/metrics'
import type { Device } from '#model/registry'
import { MAX_AHEAD_MS, RAW_RETENTION_MS, type QuarantineReason } from '#model/telemetry'
import type { Millis } from '#model/time'
import { came, member } from './came.ts'
import { decodeMessage, type DecodedEntry } from './decode.ts'
import { fillPctOf, geometryOf } from './fill-level.ts'
import type { NormalisedRecord, Reject, Report } from './reading.ts'
import type { Registry } from './registry.ts'

/** Rejects kept of one record; one more says how many there were beyond. */
export const MAX_REJECTS = 100

/** The part of the registry a record is understood by. */
export type Known = Pick<Registry, 'device' | 'facility'>

/**
 * What a journal record says, by the registry as it is just before that record. Pure: the same record and registry
 * give the same answer. Whatever cannot be understood becomes a reject; the rest of the message passes.
 *
 * An entry that is understood is a report even when none of its values is: the device was heard.
 */
export function normaliseRecord(record: JournalRecord, registry: Known): NormalisedRecord {
  const { seq, receivedAt, kind, deviceId } = record
  const normalised: NormalisedRecord = { seq, receivedAt, kind, deviceId, reports: [], rejects: [] }
  const { rejects } = normalised
  try {
    normaliseKind(record, normalised, registry)
  } catch (error) {
    // Our fault; thrown on, it would stop everything, at every start.
    normalised.reports = []
    const detail = `the program failed: ${came(String(error))}`
    rejects.push({ device: deviceId, reason: 'program-failed', path: '', detail })
  }
  if (rejects.length > 0) normalised.payload = record.payload
  if (rejects.length > MAX_REJECTS) {
    const [first, ...others] = rejects.splice(MAX_REJECTS) as [Reject, ...Reject[]]
    rejects.push({ ...first, detail: `and ${others.length + 1} more rejected in the same message` })
  }
  return normalised
}

function normaliseKind(record: JournalRecord, normalised: NormalisedRecord, registry: Known) {
  if (record.kind === 'tick') normaliseTick(record, normalised)
  else if (record.kind === 'status') normaliseStatus(record, normalised, registry)
  else normaliseTelemetry(record, normalised, registry)
}

export const normaliseBatch = (records: JournalRecord[], registry: Known): NormalisedRecord[] =>
  records.map(record => normaliseRecord(record, registry))

const asText = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')

function normaliseTick({ payload }: JournalRecord, normalised: NormalisedRecord) {
  const text = asText(payload)
  if (/^\d{1,10}$/.test(text)) normalised.tickPeriodMs = Number(text)
  else normalised.rejects.push(wrongShape('', `expected a tick period in ms, came ${came(text)}`))
}

function normaliseStatus(
  { deviceId, payload }: JournalRecord,
  normalised: NormalisedRecord,
  registry: Known
) {
  const text = asText(payload)
  if (!registry.device(deviceId)) normalised.rejects.push(unregistered(deviceId))
  else if (text === 'online' || text === 'offline') normalised.presence = text
  else normalised.rejects.push(wrongShape(deviceId, `expected online or offline, came ${came(text)}`))
}

function normaliseTelemetry(
  { deviceId, receivedAt, payload }: JournalRecord,
  { reports, rejects }: NormalisedRecord,
  registry: Known
) {
  const sender = registry.device(deviceId)
  if (!sender) return rejects.push(unregistered(deviceId))

  const decoded = decodeMessage(payload)
  if ('reject' in decoded) return rejects.push({ device: deviceId, ...decoded.reject })

  const { entries } = decoded
  const aheadMs = newestAt(entries) - receivedAt
  if (aheadMs > MAX_AHEAD_MS) return rejects.push(tooFarAhead(deviceId, aheadMs))

  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as DecodedEntry
    const path = entries.length > 1 ? `[${i}]` : ''
    const device = speakerOf(entry, sender, registry)
    if (!device) {
      rejects.push(foreign(entry, deviceId, path))
      continue
    }
    const shifted = entry.at !== undefined && aheadMs > 0
    const measuredAt = entry.at === undefined ? receivedAt : shifted ? entry.at - aheadMs : entry.at
    if (measuredAt < receivedAt - RAW_RETENTION_MS) {
      rejects.push(tooOld(device.id, path, receivedAt - measuredAt))
      continue
    }
    const report: Report = {
      device: device.id,
      measuredAt,
      quality: shifted ? 'skewed' : 'good',
      metrics: [],
      values: []
    }
    reports.push(report)
    readValues({ entry, device, path, registry, report, rejects })
  }
  if (reports.length > 1) reports.sort(byMeasuredAt)
}

const byMeasuredAt = (a: Report, b: Report) => a.measuredAt - b.measuredAt

/** Of the entries that carry the device's clock; -Infinity when none does. */
function newestAt(entries: DecodedEntry[]): Millis {
  let newest = -Infinity
  for (const { at } of entries) if (at !== undefined && at > newest) newest = at
  return newest
}

/** Whose values an entry holds: the sender's own, or those of a device it is the gateway of. */
function speakerOf(entry: DecodedEntry, sender: Device, registry: Known): Device | undefined {
  if (entry.device === undefined || entry.device === sender.id) return sender
  const device = registry.device(entry.device)
  return device?.gateway === sender.id ? device : undefined
}

interface Reading {
  entry: DecodedEntry
  device: Device
  path: string
  registry: Known
  report: Report
  rejects: Reject[]
}

/** Every message passes here: a closure made per value would cost more than all of its checks. */
function readValues({ entry, device, path, registry, report, rejects }: Reading) {
  for (const name in entry.values) {
    const raw = entry.values[name] as RawValue
    const encoded = encodeFor(device, name, raw)
    if ('reason' in encoded) {
      rejects.push(atValue(device, path, name, encoded))
      continue
    }
    if (name === 'distanceMm') {
      const level = levelOf(encoded.value, device, registry)
      const computedByDevice = Object.hasOwn(entry.values, 'fillPct')
      if ('reason' in level) {
        if (level.reason === 'dead-zone' || !computedByDevice)
          rejects.push(atValue(device, path, name, level))
        if (level.reason === 'dead-zone') continue
      } else if (level.fillPct !== undefined && !computedByDevice) {
        report.metrics.push('fillPct')
        report.values.push(level.fillPct)
      }
    }
    report.metrics.push(name as MetricId)
    report.values.push(encoded.value)
  }
}

interface Refusal {
  reason: QuarantineReason
  detail: string
}

/** The stored number of a value this device may report, or why there is none. */
function encodeFor({ kind }: Device, name: string, raw: RawValue): { value: number } | Refusal {
  if (!isMetric(name))
    return { reason: 'unknown-metric', detail: `expected a known metric, came ${came(name)}` }
  if (!canReport(kind, name)) {
    return { reason: 'metric-not-of-kind', detail: `expected a metric of a ${kind}, came ${name}` }
  }
  const encoded = encodeValue(name, raw)
  if ('value' in encoded) return encoded
  return { reason: 'out-of-range', detail: `expected ${encoded.expected}, came ${came(raw)}` }
}

/**
 * The fill level a distance means in the bin the device is fitted to; none for a device fitted to nothing yet.
 * Without the bin's geometry the distance alone is kept; a re-run fills the level in once there is one.
 */
function levelOf(distanceMm: number, device: Device, registry: Known): { fillPct?: number } | Refusal {
  const facility = device.facility === null ? undefined : registry.facility(device.facility)
  if (!facility) return {}
  const geometry = geometryOf(facility)
  if (!geometry) {
    const detail = `expected ${facility.id} to have its geometry in attributes, came ${distanceMm} mm`
    return { reason: 'no-geometry', detail }
  }
  const fillPct = fillPctOf(distanceMm, geometry)
  if (fillPct !== undefined) return { fillPct }
  return {
    reason: 'dead-zone',
    detail: `expected a distance to be seen in ${facility.id}, came ${distanceMm} mm`
  }
}

const atValue = (device: Device, path: string, name: string, { reason, detail }: Refusal): Reject => ({
  device: device.id,
  reason,
  path: member(member(path, 'values'), name),
  detail
})

const wrongShape = (device: string, detail: string): Reject => ({
  device,
  reason: 'wrong-shape',
  path: '',
  detail
})

const unregistered = (device: string): Reject => ({
  device,
  reason: 'unknown-device',
  path: '',
  detail: `expected a registered device, came ${came(device)}`
})

const foreign = ({ device }: DecodedEntry, sender: string, path: string): Reject => ({
  device: device ?? sender,
  reason: 'foreign-device',
  path: member(path, 'device'),
  detail: `expected a device registered under ${sender}, came ${came(device)}`
})

const tooFarAhead = (device: string, aheadMs: Millis): Reject => ({
  device,
  reason: 'time-out-of-range',
  path: '',
  detail: `expected a clock at most ${MAX_AHEAD_MS} ms ahead, came one ${aheadMs} ms ahead`
})

const tooOld = (device: string, path: string, ageMs: Millis): Reject => ({
  device,
  reason: 'time-out-of-range',
  path: member(path, 'at'),
  detail: `expected nothing older than ${RAW_RETENTION_MS} ms, came ${ageMs} ms`
})
