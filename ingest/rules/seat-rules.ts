import { subjectOf, type Subject } from '#model/ids'
import type { MetricId } from '#model/metrics'
import type { Millis } from '#model/time'
import type { Report } from '../reading.ts'
import { advance } from './advance.ts'
import { claimOf, hearClaim } from './claims.ts'
import type { CompiledRule } from './condition.ts'
import { touch, type Core } from './core.ts'
import { dueAt, type Verdict } from './episode.ts'
import { addEvidence, createInstance, isFiring, type Instance } from './instance.ts'
import { nextWorkEdge } from './lamp.ts'
import { lookAtLamp } from './lamp-rules.ts'
import { observe } from './observed.ts'
import {
  isFresh,
  isOfHere,
  type DevicePicture,
  type FacilityPicture,
  type Level,
  type Seat
} from './picture.ts'

const RECENT_VALUES = 32
/** Shared by all that have none; never added to. */
const NOTHING_RECENT: NonNullable<Level['recent']> = []
/** Which of two devices' verdicts a facility shows: who cannot tell is left out beside one who can. */
const WORSE: Record<Verdict, number> = { unknown: 0, cleared: 1, between: 2, met: 3 }
const NO_RULES: readonly CompiledRule[] = []

/**
 * Takes one report of a device through the rules of its facility and of itself. Late readings move nothing.
 *
 * @param message all reports that came with it, the oldest first
 */
export function takeReport(
  core: Core,
  device: DevicePicture,
  report: Report,
  { message, receivedAt }: { message: readonly Report[]; receivedAt: Millis }
): void {
  const fresh = newerMetrics(device, report)
  if (fresh.length === 0) return
  const { facility } = device
  const rules = facility?.rules ?? NO_RULES
  const heard: Heard = { device, report, fresh, message, receivedAt }
  if (facility && facility.instances.size > 0) settleAll(core, facility, rules, heard)
  if (device.own && device.own.instances.size > 0) settleAll(core, device.own, device.rules, heard)
  for (const metric of fresh) setLevel(core, device, metric, report, receivedAt)
  if (facility) judgeAll(core, heard, facility, rules)
  judgeAll(core, heard, device.own, device.rules)
  if (facility?.facility.kind === 'light') lookAtLamp(core, facility, receivedAt)
  touch(core, facility)
}

/** A report that moves something: `fresh` are the metrics it has news of. */
interface Heard {
  device: DevicePicture
  report: Report
  fresh: MetricId[]
  message: readonly Report[]
  receivedAt: Millis
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

const reads = (compiled: CompiledRule, fresh: MetricId[]): boolean => hasAny(compiled.metrics, fresh)

function hasAny(metrics: MetricId[], fresh: MetricId[]): boolean {
  for (const metric of metrics) if (fresh.includes(metric)) return true
  return false
}

function settleAll(core: Core, seat: Seat, rules: readonly CompiledRule[], heard: Heard): void {
  const { fresh, receivedAt } = heard
  for (const compiled of rules) {
    const instance = reads(compiled, fresh) ? seat.instances.get(compiled.rule.id) : undefined
    if (instance) settle(core, instance, { until: timeOf(compiled, seat, heard), knownAt: receivedAt })
  }
}

/** Whether the device has said something of what the rule reads. */
const speaks = ({ metrics }: CompiledRule, device: DevicePicture): boolean =>
  metrics.some(metric => isOfHere(device, device.levels.get(metric)))

/** More than one device of the seat speaks: they lag each in its own way, and the rule goes by the journal's time. */
function isOfSeveral(compiled: CompiledRule, { devices }: Seat): boolean {
  if (devices.length < 2) return false
  let speaking = 0
  for (const device of devices) if (speaks(compiled, device)) speaking++
  return speaking > 1
}

const isAlone = (compiled: CompiledRule, { devices }: Seat, device: DevicePicture): boolean =>
  devices.length === 1 || !devices.some(one => one !== device && speaks(compiled, one))

const isBeforeFitted = ({ device, report }: Heard): boolean => report.measuredAt <= device.fittedAt

/** The same message has a newer word of the device on something that the rule reads. */
const isOvertaken = ({ metrics }: CompiledRule, { report, fresh, message }: Heard): boolean =>
  message.some(
    other =>
      other.device === report.device &&
      other.measuredAt > report.measuredAt &&
      other.metrics.some(metric => fresh.includes(metric) && metrics.includes(metric))
  )

/** Nothing goes on, or what does is over by then: what is heard now would begin anew. */
const isOver = (instance: Instance | undefined, { receivedAt }: Heard): boolean =>
  instance === undefined ||
  (instance.state.phase === 'clearing' &&
    (dueAt(instance.compiled.rule, instance.state) ?? Infinity) <= receivedAt)

/** The time at which a report counts for a rule: that of the device, or of the journal where another one speaks too. */
const timeOf = (compiled: CompiledRule, seat: Seat, heard: Heard): Millis =>
  isAlone(compiled, seat, heard.device) || isBeforeFitted(heard) ? heard.report.measuredAt : heard.receivedAt

function setLevel(
  core: Core,
  device: DevicePicture,
  metric: MetricId,
  { metrics, values, measuredAt }: Report,
  receivedAt: Millis
): void {
  const value = values[metrics.indexOf(metric)] as number
  const watch = core.book.watched.get(metric)
  if (watch === undefined) return void device.levels.set(metric, { value, measuredAt, receivedAt })
  const old = device.levels.get(metric)
  const level: Level = watch.observed
    ? observe(device, metric, { value, measuredAt, receivedAt }, old)
    : { value, measuredAt, receivedAt, recent: NOTHING_RECENT }
  if (watch.lookBackMs > 0 && old) level.recent = recentOf(old, measuredAt - watch.lookBackMs)
  device.levels.set(metric, level)
}

/** The values since `from` that came before the newest, in the list of the level that they replace. */
function recentOf({ recent, value, measuredAt: at }: Level, from: Millis): NonNullable<Level['recent']> {
  if (at < from) return NOTHING_RECENT
  const list = recent === undefined || recent.length === 0 ? [] : recent
  list.push({ value, at })
  while (list.length > RECENT_VALUES || (list[0]?.at ?? from) < from) list.shift()
  return list
}

/**
 * Several devices with the metrics: the condition of any of them counts; to clear, all must that can tell. One that is stale says
 * nothing beside one that is fresh, whatever it said last.
 */
export function verdictOf(core: Core, compiled: CompiledRule, seat: Seat, at: Millis): Verdict {
  let result: Verdict | undefined
  for (const device of seat.devices) {
    if (!speaks(compiled, device)) continue
    const one = compiled.verdict(device, at, core)
    if (result === undefined || WORSE[one] > WORSE[result]) result = one
  }
  if (result === undefined && compiled.readsFacility) {
    const nothing = core.deviceless(seat)
    if (nothing) result = compiled.verdict(nothing, at, core)
  }
  return result ?? 'unknown'
}

/** The highest rung any of the devices stands on; undefined: there is no ladder, or none of them can tell. */
function rungOf(core: Core, compiled: CompiledRule, seat: Seat, at: Millis): number | undefined {
  let highest: number | undefined
  for (const device of compiled.rungs.length === 0 ? [] : seat.devices) {
    const holds = compiled.rungs.map(test => test(device, at, core))
    if (!holds.includes(undefined)) highest = Math.max(highest ?? 0, holds.lastIndexOf(true) + 1)
  }
  return highest
}

/** When what the verdict at `at` read stops holding: a level gets stale, or what is expected of the lamp changes what it means. */
function expiryOf(core: Core, compiled: CompiledRule, seat: Seat, at: Millis): Millis {
  let expiry = compiled.readsLamp ? expectedUntil(core, seat, at) : Infinity
  for (const device of seat.devices) {
    for (const metric of compiled.metrics) {
      const level = device.levels.get(metric)
      if (level && isFresh(device, level, at)) {
        expiry = Math.min(expiry, level.measuredAt + device.staleAfterMs)
      }
    }
  }
  return expiry
}

function expectedUntil(core: Core, { devices }: Seat, at: Millis): Millis {
  const lamp = devices[0]?.facility
  if (!lamp?.expected) return Infinity
  return Math.min(lamp.expected.phaseAt(at).until, nextWorkEdge(core.workOver(lamp), at))
}

/** What became of an instance up to event time `until` while nothing was heard: its levels went stale one by one. */
export function settle(
  core: Core,
  instance: Instance,
  { until, knownAt }: { until: Millis; knownAt: Millis }
): void {
  const { seat, compiled } = instance
  while (seat && instance.state.phase !== 'inactive' && instance.expiresAt <= until) {
    const at = instance.expiresAt
    const verdict = verdictOf(core, compiled, seat, at)
    instance.expiresAt = expiryOf(core, compiled, seat, at)
    const rung = rungOf(core, compiled, seat, at)
    advance(core, instance, { verdict, rung, at, knownAt, onlyStale: true })
  }
}

/** Most reports mean nothing to most rules: those cost a verdict each. */
function judgeAll(core: Core, heard: Heard, seat: Seat | undefined, rules: readonly CompiledRule[]): void {
  const { fresh } = heard
  for (const compiled of rules) {
    if (reads(compiled, fresh)) judgeOne(core, compiled, seat, heard)
    if (compiled.rule.verify !== null && hasAny(compiled.claimMetrics, fresh))
      hearReport(core, { compiled, seat, instance: seat?.instances.get(compiled.rule.id) }, heard)
  }
}

function judgeOne(core: Core, compiled: CompiledRule, seat: Seat | undefined, heard: Heard): void {
  const { device, report } = heard
  // A device nobody has anything to say about has no seat of its own yet.
  const alone = seat === undefined || isAlone(compiled, seat, device)
  // Of one that came to several it says nothing yet what it measured before.
  if (!alone && isBeforeFitted(heard)) return
  // At this moment of the journal it is out of date already: by that nothing begins.
  if (!alone && isOver(seat?.instances.get(compiled.rule.id), heard) && isOvertaken(compiled, heard)) return
  const own = compiled.verdict(device, alone ? report.measuredAt : heard.receivedAt, core)
  // Of several devices another may say it.
  if (alone && own !== 'met' && !seat?.instances.has(compiled.rule.id)) return
  judgeReport(core, compiled, { seat: seat ?? seatOf(device), facility: device.facility, heard, own, alone })
}

/** Of a quiet device rules are judged without making anything; it gets its seat when something begins. */
export const seatOf = (device: DevicePicture): Seat =>
  (device.own ??= { devices: [device], instances: new Map() })

function judgeReport(
  core: Core,
  compiled: CompiledRule,
  on: { seat: Seat; facility: FacilityPicture | undefined; heard: Heard; own: Verdict; alone: boolean }
): void {
  const { seat, facility, heard, own, alone } = on
  const { device, report, receivedAt } = heard
  const known = seat.instances.get(compiled.rule.id)
  // Where there were several devices the one that is left may lag, and a new episode begins after the last: time only goes forward.
  const at = Math.max(
    alone ? report.measuredAt : receivedAt,
    known?.at ?? seat.endedAt?.get(compiled.rule.id) ?? 0
  )
  const verdict = alone && at === report.measuredAt ? own : verdictOf(core, compiled, seat, at)
  if (!known && verdict !== 'met') return
  const instance = known ?? begin(compiled, { seat, facility, device })
  if (own === 'met' && !isFiring(instance)) collect(instance, device, report, receivedAt)
  // A reading that counts from a later decision on does not make its device any faster.
  const lagMs = receivedAt - (alone ? report.measuredAt : at)
  judge(core, instance, { verdict, at, knownAt: receivedAt, lagMs })
  if (compiled.rule.verify === null) hearReport(core, { compiled, seat, instance }, heard)
}

/** Of several devices one that still says so refutes a claim; to confirm it all must, but those that are silent. */
function hearReport(
  core: Core,
  on: { compiled: CompiledRule; seat: Seat | undefined; instance: Instance | undefined },
  { device, report, receivedAt }: Heard
): void {
  const { compiled, seat, instance } = on
  const subject = instance?.subject ?? subjectOn(compiled, device.facility, device)
  const claimed = { compiled, subject, instance }
  const claim = claimOf(core, claimed)
  if (!claim) return
  const at = report.measuredAt
  const says = (one: DevicePicture) =>
    claimVerdictSince(core, compiled, { device: one, since: claim.since, at })
  const own = says(device)
  const others = (seat?.devices ?? []).filter(
    one =>
      one !== device &&
      !one.silent &&
      compiled.claimMetrics.some(metric => isOfHere(one, one.levels.get(metric)))
  )
  const verdict = own === 'cleared' && others.some(one => says(one) !== 'cleared') ? 'between' : own
  hearClaim(core, claimed, { verdict, at, knownAt: receivedAt })
}

/**
 * What a device says of a claim: by what it measured after it, and by nothing else. Of several metrics one may come a message later,
 * and a cabinet's lamps speak after it.
 */
function claimVerdictSince(
  core: Core,
  compiled: CompiledRule,
  { device, since, at }: { device: DevicePicture; since: Millis; at: Millis }
): Verdict {
  const levels = new Map(device.levels)
  for (const [metric, level] of device.levels)
    if (level.measuredAt <= since) levels.set(metric, { ...level, measuredAt: -Infinity })
  return compiled.claimVerdict({ ...device, levels }, at, { ...core, ...NO_LAMP_SEEN })
}
const NO_LAMP_SEEN = { lampsGonePct: () => 0, lampsLitPct: () => 0 }

/** Judges an instance of a seat at event time `at`, whatever made us look. */
function judge(
  core: Core,
  instance: Instance,
  { verdict, at, knownAt, lagMs }: { verdict: Verdict; at: Millis; knownAt: Millis; lagMs: Millis }
): void {
  const { compiled } = instance
  const seat = instance.seat as Seat
  instance.lagMs = lagMs
  instance.expiresAt = expiryOf(core, compiled, seat, at)
  advance(core, instance, { verdict, rung: rungOf(core, compiled, seat, at), at, knownAt })
}

/**
 * Judges a rule of a seat at journal time `knownAt` though no report came: a count, a service or the rule itself changed.
 * While a backlog comes in that is as late as the device's reports; what a person did (`done`) is of the moment itself.
 */
export function judgeNow(
  core: Core,
  compiled: CompiledRule,
  on: { seat: Seat; facility?: FacilityPicture; device?: DevicePicture; done?: true },
  knownAt: Millis
): void {
  const { seat, facility, device, done } = on
  const several = isOfSeveral(compiled, seat)
  const before = seat.instances.get(compiled.rule.id)
  // Another version of the rule may be the first that reads several.
  if (several && before) settle(core, before, { until: knownAt, knownAt })
  const known = seat.instances.get(compiled.rule.id)
  const late = done || several ? 0 : (known?.lagMs ?? 0)
  const at = Math.max(knownAt - late, known?.at ?? seat.endedAt?.get(compiled.rule.id) ?? 0)
  const verdict = verdictOf(core, compiled, seat, at)
  if (!known && verdict !== 'met') return
  const lagMs = known && !done && !several ? known.lagMs : knownAt - at
  judge(core, known ?? begin(compiled, { seat, facility, device }), { verdict, at, knownAt, lagMs })
}

const subjectOn = (
  { rule }: CompiledRule,
  facility: FacilityPicture | undefined,
  device: DevicePicture | undefined
): Subject =>
  rule.subject === 'device' && device
    ? subjectOf('device', device.device.id)
    : subjectOf('facility', facility?.facility.id ?? '')

function begin(
  compiled: CompiledRule,
  on: { seat: Seat; facility: FacilityPicture | undefined; device: DevicePicture | undefined }
): Instance {
  const { seat, facility, device } = on
  const instance = createInstance(compiled, subjectOn(compiled, facility, device), {
    facility,
    device: compiled.rule.subject === 'device' ? device : undefined,
    seat
  })
  seat.instances.set(compiled.rule.id, instance)
  return instance
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
