import type { TelemetryRow } from '#db/telemetry/store'
import type { Change } from '#model/changes'
import { DEVICE_KINDS, type FacilityKind } from '#model/kinds'
import { isMetric } from '#model/metrics'
import type { RegistryRecord } from '#model/registry'
import type { Rule } from '#model/rules'
import { hours, type Millis } from '#model/time'
import { createDecisions } from '../decisions.ts'
import { noEffects, type EpisodeRow } from '../effects.ts'
import type { NormalisedRecord, Report } from '../reading.ts'
import type { FoundEpisode } from './backtest.ts'

/** More than a person can look through: the rule is wrong, or the time too long. */
export const MOST_EPISODES = 50_000

/** A city of the past under other rules: the same code that decides, with nobody in it and nothing written down. */
export function pastCity(options: { rules: readonly Rule[]; rule: string; timeZone: string }) {
  const { rules, rule } = options
  let effects = noEffects()
  const { engine, registry } = createDecisions({ rules, effects: () => effects })
  engine.inTimeZone(options.timeZone)
  const wanted = kindsFor(rules)
  const found = new Map<string, EpisodeRow>()
  let tooMany = false

  /** A device behind a gateway speaks through it. */
  function senderOf(device: string): string {
    const gateway = registry.device(device)?.gateway
    return gateway && registry.device(gateway) ? gateway : device
  }

  function drain(): void {
    for (const row of effects.episodes.values()) if (row.rule === rule) found.set(row.id, row)
    tooMany ||= found.size > MOST_EPISODES
    effects = noEffects()
  }

  return {
    registry,
    tooMany: () => tooMany,
    /** A change in its turn; people are not there, so what they did to tickets is left out. */
    change({ body, who, applied }: Change): void {
      if (applied?.refused) return
      if (body.kind === 'registry' && isWanted(body.record, wanted)) engine.registered(body.record)
      else if (body.kind === 'maintenance') engine.announced(body.window)
      else if (body.kind === 'odour-limits') engine.limitedAgain(body)
      else if (body.kind === 'city') engine.inTimeZone(body.timeZone)
      else if (body.kind === 'service') engine.act(body, who)
    },
    /** The journal time that changes before the first record took effect at. */
    standAt: (at: Millis) => void (engine.time.at = at),
    cleaned: (facility: string) => void engine.serviced(facility),
    record(rows: readonly TelemetryRow[]): void {
      engine.record(recordOf(rows, senderOf))
    },
    /** Time passes until then, and goes on: of our own outages readings tell nothing. */
    tick(at: Millis): void {
      engine.record({
        seq: 0,
        receivedAt: at,
        kind: 'tick',
        deviceId: '',
        reports: [],
        rejects: [],
        tickPeriodMs: TICK_MS + 1
      })
      drain()
    },
    episodes: (): FoundEpisode[] =>
      [...found.values()].map(({ subject, startedAt, firedAt, endedAt, ticket }) => ({
        subject,
        startedAt,
        firedAt,
        endedAt,
        ticket
      }))
  }
}
export type PastCity = ReturnType<typeof pastCity>

/** How far a tick carries. */
export const TICK_MS = hours(1)

/** Kinds of facility the rules are about, with those their parents are; undefined: all. */
function kindsFor(rules: readonly Rule[]): Set<FacilityKind> | undefined {
  const kinds = new Set<FacilityKind>()
  for (const { subject } of rules) {
    if (subject === 'device') return undefined
    if (subject === 'lamp-group' || subject === 'light' || subject === 'cabinet') {
      kinds.add('light').add('cabinet')
    } else kinds.add(subject)
  }
  return kinds
}

function isWanted(record: RegistryRecord, kinds: Set<FacilityKind> | undefined): boolean {
  if (!kinds || record.type === 'area' || record.type === 'road') return true
  if (record.type === 'facility') return kinds.has(record.kind)
  return DEVICE_KINDS[record.kind].fitsTo.some(kind => kinds.has(kind))
}

/** Rows of one journal record as the rules first took them. */
function recordOf(rows: readonly TelemetryRow[], senderOf: (device: string) => string): NormalisedRecord {
  const [first] = rows as [TelemetryRow]
  const reports = new Map<string, Report>()
  for (const { device, metric, measuredAt, value, quality } of rows) {
    if (!isMetric(metric)) continue
    const key = `${measuredAt} ${device}`
    let report = reports.get(key)
    if (!report) reports.set(key, (report = { device, measuredAt, quality, metrics: [], values: [] }))
    report.metrics.push(metric)
    report.values.push(value)
  }
  return {
    seq: first.seq,
    receivedAt: first.receivedAt,
    kind: 'telemetry',
    deviceId: senderOf(first.device),
    reports: [...reports.values()].sort((a, b) => a.measuredAt - b.measuredAt),
    rejects: []
  }
}
