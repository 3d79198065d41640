import { subjectOf } from '#model/ids'
import type { MetricId } from '#model/metrics'
import type { Millis } from '#model/time'
import type { Report } from '../reading.ts'
import { advance } from './advance.ts'
import type { CompiledRule } from './condition.ts'
import { touch, type Core } from './core.ts'
import type { Verdict } from './episode.ts'
import { addEvidence, createInstance, type Instance } from './instance.ts'
import { lookAtLamp } from './lamp-rules.ts'
import { isFresh, isOfHere, type DevicePicture, type FacilityPicture, type Level } from './picture.ts'

const RECENT_VALUES = 32
/** Which of two devices' verdicts a facility shows. */
const WORSE: Record<Verdict, number> = { cleared: 0, between: 1, unknown: 2, met: 3 }
const NO_RULES: readonly CompiledRule[] = []

/** Takes one report of a device through the rules of its facility. Late readings move nothing. */
export function takeReport(core: Core, device: DevicePicture, report: Report, receivedAt: Millis): void {
  const fresh = newerMetrics(device, report)
  if (fresh.length === 0) return
  const { facility } = device
  const rules = facility ? (core.rulesOf.get(facility.facility.kind) ?? NO_RULES) : NO_RULES
  if (facility && facility.instances.size > 0) {
    for (const compiled of rules) {
      const instance = reads(compiled, fresh) ? facility.instances.get(compiled.rule.id) : undefined
      if (instance) settle(core, instance, { until: report.measuredAt, knownAt: receivedAt })
    }
  }
  for (const metric of fresh) setLevel(core, device, metric, report, receivedAt)
  for (const compiled of rules) if (reads(compiled, fresh)) judge(core, compiled, device, report, receivedAt)
  if (facility?.facility.kind === 'light') lookAtLamp(core, facility, receivedAt)
  touch(core, facility)
}

function newerMetrics(device: DevicePicture, report: Report): MetricId[] {
  const { metrics, measuredAt } = report
  let late = 0
  for (const metric of metrics) {
    const level = device.levels.get(metric)
    if (level !== undefined && measuredAt <= level.measuredAt) late++
  }
  if (late === 0) return metrics
  return metrics.filter(metric => measuredAt > (device.levels.get(metric)?.measuredAt ?? -Infinity))
}

function reads(compiled: CompiledRule, metrics: MetricId[]): boolean {
  for (const metric of compiled.metrics) if (metrics.includes(metric)) return true
  return false
}

function setLevel(
  core: Core,
  device: DevicePicture,
  metric: MetricId,
  { metrics, values, measuredAt }: Report,
  receivedAt: Millis
): void {
  const level: Level = { value: values[metrics.indexOf(metric)] as number, measuredAt, receivedAt }
  const windowMs = core.windows[metric]
  if (windowMs !== undefined) {
    const old = device.levels.get(metric)
    if (old) {
      level.recent = [...(old.recent ?? []), { value: old.value, at: old.measuredAt }]
        .filter(past => past.at >= measuredAt - windowMs)
        .slice(-RECENT_VALUES)
    }
  }
  device.levels.set(metric, level)
}

/** Several devices with the metrics: the condition of any of them counts; to clear, all must. */
export function verdictOf(
  core: Core,
  compiled: CompiledRule,
  facility: FacilityPicture,
  at: Millis
): Verdict {
  let result: Verdict | undefined
  for (const device of facility.devices) {
    if (!compiled.metrics.some(metric => isOfHere(device, device.levels.get(metric)))) continue
    const one = compiled.verdict(device, at, core.sun)
    if (result === undefined || WORSE[one] > WORSE[result]) result = one
  }
  return result ?? 'unknown'
}

/** When what the verdict at `at` read stops holding: a level gets stale, or the sun changes what it means. */
function expiryOf(core: Core, compiled: CompiledRule, facility: FacilityPicture, at: Millis): Millis {
  let expiry = compiled.readsSun ? core.sun.phaseAt(at).until : Infinity
  for (const device of facility.devices) {
    for (const metric of compiled.metrics) {
      const level = device.levels.get(metric)
      if (level && isFresh(device, level, at)) {
        expiry = Math.min(expiry, level.measuredAt + device.staleAfterMs)
      }
    }
  }
  return expiry
}

/** What became of an instance up to event time `until` while nothing was heard: its levels went stale one by one. */
export function settle(
  core: Core,
  instance: Instance,
  { until, knownAt }: { until: Millis; knownAt: Millis }
): void {
  const { facility, compiled } = instance
  while (facility && instance.state.phase !== 'inactive' && instance.expiresAt <= until) {
    const at = instance.expiresAt
    const verdict = verdictOf(core, compiled, facility, at)
    instance.expiresAt = expiryOf(core, compiled, facility, at)
    advance(core, instance, { verdict, at, knownAt })
  }
}

function judge(
  core: Core,
  compiled: CompiledRule,
  device: DevicePicture,
  report: Report,
  receivedAt: Millis
): void {
  const facility = device.facility as FacilityPicture
  const known = facility.instances.get(compiled.rule.id)
  const own = compiled.verdict(device, report.measuredAt, core.sun)
  const alone = facility.devices.length === 1
  if (!known && alone && own !== 'met') return
  // One of several devices may lag, and a new episode begins after the last: time only goes forward.
  const at = Math.max(report.measuredAt, known?.at ?? facility.endedAt?.get(compiled.rule.id) ?? 0)
  const verdict = alone && at === report.measuredAt ? own : verdictOf(core, compiled, facility, at)
  if (!known && verdict !== 'met') return
  const instance = known ?? createInstance(compiled, subjectOf('facility', facility.facility.id), facility)
  if (!known) facility.instances.set(compiled.rule.id, instance)
  if (own === 'met' && instance.state.phase !== 'firing') collect(instance, device, report, receivedAt)
  instance.lagMs = receivedAt - at
  instance.expiresAt = expiryOf(core, compiled, facility, at)
  advance(core, instance, { verdict, at, knownAt: receivedAt })
}

/** The readings that will have opened the ticket. */
function collect(instance: Instance, device: DevicePicture, report: Report, receivedAt: Millis): void {
  report.metrics.forEach((metric, i) => {
    if (!instance.compiled.metrics.includes(metric)) return
    const value = report.values[i] as number
    addEvidence(instance, {
      device: device.device.id,
      metric,
      value,
      measuredAt: report.measuredAt,
      receivedAt
    })
  })
}
