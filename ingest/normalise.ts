import type { JournalRecord } from '#db/journal'
import { canReport } from '#model/device-models'
import { encodeValue, isMetric, type MetricId } from '#model/metrics'
import type { Device } from '#model/registry'
import { MAX_AHEAD_MS, RAW_RETENTION_MS, type Quality, type QuarantineReason } from '#model/telemetry'
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
  const rejects = rejectList(normalised.rejects)
  switch (kind) {
    case 'tick':
      normaliseTick(record, normalised, rejects)
      break
    case 'status':
      normaliseStatus(record, normalised, registry, rejects)
      break
    case 'telemetry':
      normaliseTelemetry(record, normalised, registry, rejects)
  }
  rejects.finish()
  if (normalised.rejects.length > 0) normalised.payload = record.payload
  return normalised
}

export const normaliseBatch = (records: JournalRecord[], registry: Known): NormalisedRecord[] =>
  records.map(record => normaliseRecord(record, registry))

const asText = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')

function normaliseTick({ payload }: JournalRecord, normalised: NormalisedRecord, rejects: RejectList) {
  const text = asText(payload)
  if (/^\d{1,10}$/.test(text)) normalised.tickPeriodMs = Number(text)
  else rejects.add('', 'wrong-shape', '', `expected a tick period in ms, came ${came(text)}`)
}

function normaliseStatus(
  { deviceId, payload }: JournalRecord,
  normalised: NormalisedRecord,
  registry: Known,
  rejects: RejectList
) {
  const text = asText(payload)
  if (!registry.device(deviceId)) rejects.add(deviceId, 'unknown-device', '', unregistered(deviceId))
  else if (text === 'online' || text === 'offline') normalised.presence = text
  else rejects.add(deviceId, 'wrong-shape', '', `expected online or offline, came ${came(text)}`)
}

function normaliseTelemetry(
  { deviceId, receivedAt, payload }: JournalRecord,
  normalised: NormalisedRecord,
  registry: Known,
  rejects: RejectList
) {
  const sender = registry.device(deviceId)
  if (!sender) return rejects.add(deviceId, 'unknown-device', '', unregistered(deviceId))

  const decoded = decodeMessage(payload)
  if ('reject' in decoded) {
    return rejects.add(deviceId, decoded.reject.reason, decoded.reject.path, decoded.reject.detail)
  }
  const { entries } = decoded
  const aheadMs = newestAt(entries) - receivedAt
  if (aheadMs > MAX_AHEAD_MS) {
    return rejects.add(
      deviceId,
      'time-out-of-range',
      '',
      `expected a clock at most ${MAX_AHEAD_MS} ms ahead, came one ${aheadMs} ms ahead`
    )
  }
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as DecodedEntry
    const path = entries.length > 1 ? `[${i}]` : ''
    const device = speakerOf(entry, sender, registry)
    if (!device) {
      const detail = `expected a device registered under ${deviceId}, came ${came(entry.device)}`
      rejects.add(entry.device ?? deviceId, 'foreign-device', member(path, 'device'), detail)
      continue
    }
    const shifted = entry.at !== undefined && aheadMs > 0
    const measuredAt = entry.at === undefined ? receivedAt : shifted ? entry.at - aheadMs : entry.at
    if (measuredAt < receivedAt - RAW_RETENTION_MS) {
      const detail = `expected nothing older than ${RAW_RETENTION_MS} ms, came ${receivedAt - measuredAt} ms`
      rejects.add(device.id, 'time-out-of-range', member(path, 'at'), detail)
      continue
    }
    const quality = shifted ? 'skewed' : 'good'
    normalised.reports.push(reportOf({ entry, device, measuredAt, quality, path, registry, rejects }))
  }
  if (normalised.reports.length > 1) normalised.reports.sort(byMeasuredAt)
}

const unregistered = (deviceId: string) => `expected a registered device, came ${came(deviceId)}`
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

interface Reporting {
  entry: DecodedEntry
  device: Device
  measuredAt: Millis
  quality: Quality
  path: string
  registry: Known
  rejects: RejectList
}

function reportOf({ entry, device, measuredAt, quality, path, registry, rejects }: Reporting): Report {
  const metrics: MetricId[] = []
  const values: number[] = []
  const report: Report = { device: device.id, measuredAt, quality, metrics, values }
  for (const name in entry.values) {
    const raw = entry.values[name] as number | boolean | string
    const reject = (reason: QuarantineReason, detail: string) =>
      rejects.add(device.id, reason, member(member(path, 'values'), name), detail)

    if (!isMetric(name)) {
      reject('unknown-metric', `expected a known metric, came ${came(name)}`)
      continue
    }
    if (!canReport(device.kind, name)) {
      reject('metric-not-of-kind', `expected a metric of a ${device.kind}, came ${name}`)
      continue
    }
    const encoded = encodeValue(name, raw)
    if ('expected' in encoded) {
      reject('out-of-range', `expected ${encoded.expected}, came ${came(raw)}`)
      continue
    }
    if (name === 'distanceMm') {
      const facility = device.facility === null ? undefined : registry.facility(device.facility)
      const geometry = geometryOf(facility)
      const fillPct = geometry && fillPctOf(encoded.value, geometry)
      if (geometry && fillPct === undefined) {
        reject('dead-zone', `expected a distance the sensor can see in ${device.facility}, came ${came(raw)}`)
        continue
      }
      if (!Object.hasOwn(entry.values, 'fillPct')) {
        if (fillPct !== undefined) {
          metrics.push('fillPct')
          values.push(fillPct)
        } else if (facility) {
          // The distance itself is kept; once the bin has its geometry, a re-run fills the level in.
          reject(
            'no-geometry',
            `expected ${facility.id} to have its geometry in attributes, came ${came(raw)} mm`
          )
        }
      }
    }
    metrics.push(name)
    values.push(encoded.value)
  }
  return report
}

interface RejectList {
  add(device: string, reason: QuarantineReason, path: string, detail: string): void
  finish(): void
}

/** Keeps the first rejects and counts the others, so that one message cannot flood the quarantine. */
function rejectList(kept: Reject[]): RejectList {
  let beyond = 0
  let last: Reject | undefined
  return {
    add(device, reason, path, detail) {
      if (kept.length < MAX_REJECTS) kept.push({ device, reason, path, detail })
      else last = { device, reason, path, detail: `and ${++beyond} more like this in the same message` }
    },
    finish() {
      if (last) kept.push(last)
    }
  }
}
