import type { EvidenceRow } from '#db/schema'
import { staleAfterMs, expectedIntervalMs } from '#model/device-models'
import { parseSubject, subjectOf, type Subject } from '#model/ids'
import type { CleaningGrade, FacilityKind } from '#model/kinds'
import type { MetricId } from '#model/metrics'
import type { Device, Facility, RegistryRecord } from '#model/registry'
import type { Rule } from '#model/rules'
import { seconds, type Millis } from '#model/time'
import type { NormalisedRecord, Report } from '../reading.ts'
import type { Registry } from '../registry.ts'
import type { TicketActionBody, TicketDesk } from '../tickets/desk.ts'
import { compileRule, type CompiledRule } from './condition.ts'
import { dueAt, skip, step, type Transition, type Verdict } from './episode.ts'
import { addEvidence, createInstance, nextAt, type Instance } from './instance.ts'
import { createLampGroups, type LampGroup, type LampGroups } from './lamp-groups.ts'
import { isFresh, type DevicePicture, type FacilityPicture, type Level } from './picture.ts'
import { createSun, EXPECTATION_GRACE_MS, type Sun } from './sun.ts'
import { createTimers, type Timed } from './timers.ts'

/** A tick later than it was due by more than this is our own outage. */
export const OUTAGE_AFTER_MS = seconds(5)
const RECENT_VALUES = 32

/** Where an engine stands between two records, beside its pictures. */
export interface EngineTime {
  /** receivedAt of the last record. */
  at: Millis
  lastTickAt: Millis
  /** What the last tick promised for the next one. */
  tickPeriodMs: Millis
}

/**
 * The rules as a fold of the journal and of changes: the same records and changes leave the same episodes and
 * tickets, however they were cut into batches. The receivedAt of the record in hand is the only clock.
 */
export interface Engine {
  /** Fires every timer due until then, then takes the record. */
  record(record: NormalisedRecord): void
  registered(record: RegistryRecord): void
  /** A person's move of a ticket; answers why it cannot be. */
  act(body: TicketActionBody, who: string): string | undefined
  readonly time: EngineTime
  readonly facilities: Map<string, FacilityPicture>
  readonly devices: Map<string, DevicePicture>
  readonly groups: LampGroups
  readonly rules: readonly CompiledRule[]
  /** Every instance that is not inactive. */
  instances(): Instance[]
  /** Facilities whose health may have changed since the last call. */
  takeTouched(): Set<FacilityPicture>
  /** Sets timers and pictures again after a checkpoint was loaded into them. */
  resume(time: EngineTime): void
  /** The instance of a rule on a subject; `create` makes the inactive one a checkpoint is read into. */
  instanceFor(rule: string, subject: Subject, create?: boolean): Instance | undefined
  /** Grows with every change anybody could see. */
  version(): number
}

export function createEngine(options: {
  registry: Registry
  rules: readonly Rule[]
  desk: TicketDesk
}): Engine {
  const { registry, desk } = options
  const rules = options.rules.map(compileRule)
  const byKind = new Map<FacilityKind, CompiledRule[]>()
  for (const compiled of rules) {
    const { subject } = compiled.rule
    if (subject === 'device' || subject === 'lamp-group') continue
    byKind.set(subject, [...(byKind.get(subject) ?? []), compiled])
  }
  const windows: Partial<Record<MetricId, Millis>> = Object.assign({}, ...rules.map(rule => rule.windows))
  const silentRule = rules.find(({ rule }) => rule.subject === 'device')
  const groupRule = rules.find(({ rule }) => rule.subject === 'lamp-group')

  const facilities = new Map<string, FacilityPicture>()
  const devices = new Map<string, DevicePicture>()
  const groups = createLampGroups(registry, groupRule)
  const timers = createTimers()
  const touched = new Set<FacilityPicture>()
  const time: EngineTime = { at: 0, lastTickAt: 0, tickPeriodMs: seconds(1) }
  let sun: Sun = createSun(0, 0)
  let version = 0

  /** Dusk, dawn and the end of their grace: the lamp groups are judged anew at each. */
  const sunTimer: Timed = { due: Infinity, queuedFor: Infinity, order: '' }

  function touch(facility: FacilityPicture | undefined): void {
    version++
    if (!facility) return
    facility.version = version
    touched.add(facility)
  }

  // ---- instances -----------------------------------------------------------------------------------------------

  function reschedule(instance: Instance): void {
    const next = nextAt(instance)
    instance.due = next + instance.lagMs
    timers.schedule(instance)
  }

  /** One step of an instance at event time `at`, known at journal time `openedAt`. */
  function advance(instance: Instance, verdict: Verdict, at: Millis, openedAt: Millis): void {
    const transitions: Transition[] = []
    const before = instance.state
    instance.at = Math.max(instance.at, at)
    instance.state = step(instance.compiled.rule, before, verdict, instance.at, transitions)
    for (const transition of transitions) carryOut(instance, transition, openedAt)
    if (before !== instance.state) touch(instance.facility)
    if (instance.state.phase === 'inactive') {
      instance.evidence = []
      instance.facility?.instances.delete(instance.compiled.rule.id)
    }
    reschedule(instance)
  }

  function carryOut(instance: Instance, transition: Transition, openedAt: Millis): void {
    const { rule } = instance.compiled
    const { subject } = instance
    if (transition.type === 'ended') {
      desk.ended({ rule: rule.id, subject, endedAt: transition.at, at: openedAt })
      return
    }
    const facility = instance.facility?.facility
    desk.fired({
      rule,
      subject,
      startedAt: transition.startedAt,
      firedAt: transition.at,
      openedAt,
      evidence: [...instance.evidence],
      facility,
      area: facility?.parent ?? areaOf(subject),
      cleaningGrade: facility && cleaningGradeOf(facility)
    })
  }

  function areaOf(subject: Subject): string | null {
    const { type, id } = parseSubject(subject) ?? {}
    if (!id) return null
    // A district's lights of one grade are `area:{district}:{grade}`.
    if (type === 'area') return id.slice(0, id.lastIndexOf(':'))
    return type === 'road' ? (registry.road(id)?.parent ?? null) : null
  }

  const cleaningGradeOf = (facility: Facility): CleaningGrade | undefined =>
    facility.attributes.cleaningGrade ??
    (facility.attributes.road ? registry.road(facility.attributes.road)?.attributes.cleaningGrade : undefined)

  // ---- rules of one facility -----------------------------------------------------------------------------------

  /** Several devices with the metrics: the condition of any of them counts; to clear, all must. */
  function verdictOf(compiled: CompiledRule, facility: FacilityPicture, at: Millis): Verdict {
    let result: Verdict | undefined
    for (const device of facility.devices) {
      if (!compiled.metrics.some(metric => device.levels.has(metric))) continue
      const one = compiled.verdict(device, at, sun)
      if (result === undefined || WORSE[one] > WORSE[result]) result = one
    }
    return result ?? 'unknown'
  }

  /** When what the verdict at `at` read stops holding: a level gets stale, or the sun changes what it means. */
  function expiryOf(compiled: CompiledRule, facility: FacilityPicture, at: Millis): Millis {
    let expiry = Infinity
    for (const device of facility.devices) {
      for (const metric of compiled.metrics) {
        const level = device.levels.get(metric)
        if (level && isFresh(device, level, at)) {
          expiry = Math.min(expiry, level.measuredAt + device.staleAfterMs)
        }
      }
    }
    if (!compiled.readsSun) return expiry
    const phase = sun.phaseAt(at)
    return Math.min(expiry, phase.until)
  }

  /** What happened to an instance between its last sample and `until` without anything being heard. */
  function settle(instance: Instance, until: Millis, openedAt: Millis): void {
    const { facility, compiled } = instance
    while (facility && instance.state.phase !== 'inactive' && instance.expiresAt <= until) {
      const at = instance.expiresAt
      const verdict = verdictOf(compiled, facility, at)
      instance.expiresAt = expiryOf(compiled, facility, at)
      advance(instance, verdict, at, openedAt)
    }
  }

  function judge(compiled: CompiledRule, device: DevicePicture, report: Report, receivedAt: Millis): void {
    const facility = device.facility as FacilityPicture
    const { rule } = compiled
    const known = facility.instances.get(rule.id)
    const verdict =
      facility.devices.length === 1
        ? compiled.verdict(device, report.measuredAt, sun)
        : verdictOf(compiled, facility, Math.max(report.measuredAt, known?.at ?? 0))
    if (!known && verdict !== 'met') return
    const instance = known ?? createInstance(compiled, subjectOf('facility', facility.facility.id), facility)
    if (!known) facility.instances.set(rule.id, instance)
    if (verdict === 'met') collect(instance, compiled, device, report, receivedAt)
    instance.lagMs = receivedAt - report.measuredAt
    instance.expiresAt = expiryOf(compiled, facility, report.measuredAt)
    advance(instance, verdict, report.measuredAt, receivedAt)
  }

  function collect(
    instance: Instance,
    compiled: CompiledRule,
    device: DevicePicture,
    report: Report,
    receivedAt: Millis
  ): void {
    if (instance.state.phase === 'firing') return
    report.metrics.forEach((metric, i) => {
      if (!compiled.metrics.includes(metric)) return
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

  // ---- reports -------------------------------------------------------------------------------------------------

  function report(device: DevicePicture, report: Report, receivedAt: Millis): void {
    const { facility } = device
    const fresh = report.metrics.filter(metric => {
      const level = device.levels.get(metric)
      return level === undefined || report.measuredAt > level.measuredAt
    })
    if (fresh.length === 0) return
    const concerned = facility ? (byKind.get(facility.facility.kind) ?? []).filter(reads(fresh)) : []
    if (facility && facility.instances.size > 0) {
      for (const compiled of concerned) {
        const instance = facility.instances.get(compiled.rule.id)
        if (instance) settle(instance, report.measuredAt, receivedAt)
      }
    }
    for (const metric of fresh) {
      const value = report.values[report.metrics.indexOf(metric)] as number
      setLevel(device, metric, { value, measuredAt: report.measuredAt, receivedAt })
    }
    for (const compiled of concerned) judge(compiled, device, report, receivedAt)
    if (facility?.facility.kind === 'light') lookAtLamp(facility, receivedAt)
    touch(facility)
  }

  const reads =
    (metrics: MetricId[]) =>
    (compiled: CompiledRule): boolean =>
      metrics.some(metric => compiled.metrics.includes(metric))

  function setLevel(device: DevicePicture, metric: MetricId, level: Level): void {
    const windowMs = windows[metric]
    const old = windowMs === undefined ? undefined : device.levels.get(metric)
    if (windowMs !== undefined && old) {
      level.recent = [...(old.recent ?? []), { value: old.value, at: old.measuredAt }]
        .filter(past => past.at >= level.measuredAt - windowMs)
        .slice(-RECENT_VALUES)
    }
    device.levels.set(metric, level)
  }

  function arrived(device: DevicePicture, receivedAt: Millis): void {
    if (device.lastReceivedAt === 0) touch(device.facility)
    device.lastReceivedAt = receivedAt
    if (device.silent) {
      device.silent = false
      touch(device.facility)
      if (device.silence) advance(device.silence, 'cleared', receivedAt, receivedAt)
    }
    scheduleSilence(device)
  }

  function scheduleSilence(device: DevicePicture): void {
    if (device.lastReceivedAt === 0 || device.silent) return
    device.due = Math.max(device.lastReceivedAt, device.silenceFrom) + device.staleAfterMs
    timers.schedule(device)
  }

  function fellSilent(device: DevicePicture, at: Millis): void {
    device.silent = true
    device.due = Infinity
    touch(device.facility)
    if (device.facility?.facility.kind === 'light') lookAtLamp(device.facility, at)
    if (!silentRule) return
    device.silence ??= createInstance(silentRule, subjectOf('device', device.device.id), device.facility)
    device.silence.evidence = [...device.levels].slice(0, 3).map(([metric, level]): EvidenceRow => {
      const { value, measuredAt, receivedAt } = level
      return { device: device.device.id, metric, value, measuredAt, receivedAt }
    })
    advance(device.silence, 'met', at, at)
  }

  // ---- lamp groups ---------------------------------------------------------------------------------------------

  function lookAtLamp(lamp: FacilityPicture, at: Millis): void {
    for (const group of groups.look(lamp, at, sun)) judgeGroup(group, at)
  }

  function judgeGroup(group: LampGroup, at: Millis): void {
    const verdict = groups.verdict(group, at, sun)
    const { instance } = group
    if (instance.state.phase === 'inactive') {
      if (verdict !== 'met') return
      instance.evidence = []
    }
    if (verdict === 'met' && instance.state.phase !== 'firing') {
      instance.evidence = groups.darkLamps(group).slice(0, 20).flatMap(lampEvidence)
    }
    advance(instance, verdict, at, at)
  }

  function lampEvidence(lamp: FacilityPicture): EvidenceRow[] {
    const device = lamp.devices.find(one => one.levels.has('powerState'))
    const level = device?.levels.get('powerState')
    if (!device || !level) return []
    const { value, measuredAt, receivedAt } = level
    return [{ device: device.device.id, metric: 'powerState', value, measuredAt, receivedAt }]
  }

  function scheduleSun(at: Millis): void {
    const phase = sun.phaseAt(at)
    const settled = phase.since + EXPECTATION_GRACE_MS
    sunTimer.due = at < settled ? settled : phase.until
    timers.schedule(sunTimer)
  }

  // ---- time ----------------------------------------------------------------------------------------------------

  function wake(timed: Timed): void {
    const at = timed.due
    if (timed === sunTimer) {
      for (const group of groups.groups()) judgeGroup(group, at)
      return scheduleSun(at)
    }
    if ('levels' in timed) return fellSilent(timed as DevicePicture, at)
    const instance = timed as Instance
    const due = dueAt(instance.compiled.rule, instance.state) ?? Infinity
    // At a tie the hold was full before what it was about became stale.
    if (due <= instance.expiresAt) advance(instance, held(instance), due, at)
    else settle(instance, instance.expiresAt, at)
  }

  /** The verdict an instance stands on while nothing new is heard. */
  function held(instance: Instance): Verdict {
    const { state } = instance
    if (state.phase === 'quiet') return state.met ? 'met' : 'between'
    return state.phase === 'pending' ? 'met' : state.phase === 'clearing' ? 'cleared' : 'between'
  }

  /** No hold and no silence runs through a time in which we were not there. */
  function outage(until: Millis): void {
    const from = time.lastTickAt + time.tickPeriodMs
    if (time.lastTickAt === 0 || until - from <= OUTAGE_AFTER_MS) return
    const gapMs = until - from
    for (const instance of activeInstances()) {
      instance.state = skip(instance.state, gapMs)
      reschedule(instance)
    }
    for (const device of devices.values()) {
      device.silenceFrom = until + expectedIntervalMs(device.device)
      scheduleSilence(device)
    }
    time.lastTickAt = until
  }

  function* activeInstances(): Generator<Instance> {
    for (const facility of facilities.values()) yield* facility.instances.values()
    for (const device of devices.values()) if (device.silence) yield device.silence
    for (const group of groups.groups()) yield group.instance
  }

  // ---- the registry --------------------------------------------------------------------------------------------

  function placeFacility(facility: Facility): void {
    const picture = facilities.get(facility.id)
    if (picture) picture.facility = facility
    else {
      facilities.set(facility.id, { facility, devices: [], instances: new Map(), version: 0 })
      for (const device of registry.devicesOf(facility.id)) placeDevice(device)
    }
    const placed = facilities.get(facility.id) as FacilityPicture
    if (facility.kind === 'light') groups.place(placed)
    touch(placed)
  }

  function placeDevice(device: Device): void {
    const picture = devices.get(device.id) ?? newDevice(device)
    picture.device = device
    picture.staleAfterMs = staleAfterMs(device)
    const facility = device.facility === null ? undefined : facilities.get(device.facility)
    if (picture.facility !== facility) {
      const left = picture.facility
      if (left) {
        left.devices = left.devices.filter(one => one !== picture)
        if (left.facility.kind === 'light') groups.place(left)
        touch(left)
      }
      picture.facility = facility
      if (picture.silence) picture.silence.facility = facility
      facility?.devices.push(picture)
      if (facility?.facility.kind === 'light') groups.place(facility)
    }
    scheduleSilence(picture)
    touch(facility)
  }

  function newDevice(device: Device): DevicePicture {
    const picture: DevicePicture = {
      device,
      facility: undefined,
      staleAfterMs: staleAfterMs(device),
      lastReceivedAt: 0,
      silenceFrom: 0,
      silent: false,
      presence: null,
      levels: new Map(),
      silence: undefined,
      due: Infinity,
      queuedFor: Infinity,
      order: `${silentRule?.rule.id ?? ''}|device:${device.id}`
    }
    devices.set(device.id, picture)
    return picture
  }

  function placeSun(): void {
    for (const area of registry.areas()) {
      if (area.parent !== null || area.lat === null || area.lon === null) continue
      sun = createSun(area.lat, area.lon)
      if (time.at > 0) scheduleSun(time.at)
      return
    }
  }

  return {
    time,
    facilities,
    devices,
    groups,
    rules,

    record(record) {
      const at = record.receivedAt
      if (time.at === 0) {
        time.at = at
        scheduleSun(at)
      }
      outage(at)
      for (let timed = timers.next(at); timed; timed = timers.next(at)) wake(timed)
      time.at = at
      if (record.kind === 'tick') {
        time.lastTickAt = at
        time.tickPeriodMs = record.tickPeriodMs ?? seconds(1)
        return
      }
      const sender = devices.get(record.deviceId)
      if (!sender) return
      if (record.kind === 'status') {
        if (record.presence) sender.presence = record.presence
        touch(sender.facility)
        return
      }
      if (record.reports.length > 0) arrived(sender, at)
      for (const one of record.reports) {
        const device = devices.get(one.device)
        if (!device) continue
        if (device !== sender) arrived(device, at)
        report(device, one, at)
      }
    },

    registered(record) {
      registry.apply(record, time.at)
      if (record.type === 'area') placeSun()
      else if (record.type === 'facility') placeFacility(record)
      else if (record.type === 'device') placeDevice(record)
      else
        for (const lamp of facilities.values())
          if (lamp.facility.attributes.road === record.id) groups.place(lamp)
    },

    act(body, who) {
      const ticket = desk.byId(body.ticket)
      const firing = ticket?.episode
      const refused = desk.act(body, who, time.at)
      if (refused !== undefined || !ticket) return refused
      const ended = firing !== undefined && ticket.episode === undefined
      const instance = instanceFor(ticket.row.rule ?? '', ticket.row.subject as Subject)
      if (ended && instance) {
        const met = instance.state.phase === 'firing'
        instance.state = { phase: 'quiet', until: body.quietUntil ?? time.at, met }
        instance.lagMs = 0
        reschedule(instance)
      }
      touch(ticket.row.facility === null ? undefined : facilities.get(ticket.row.facility))
      return undefined
    },

    instances: () => [...activeInstances()].filter(instance => instance.state.phase !== 'inactive'),
    takeTouched() {
      const taken = new Set(touched)
      touched.clear()
      return taken
    },
    resume(to) {
      Object.assign(time, to)
      for (const device of devices.values()) scheduleSilence(device)
      for (const instance of activeInstances()) reschedule(instance)
      if (time.at > 0) scheduleSun(time.at)
    },
    instanceFor,
    version: () => version
  }

  function instanceFor(rule: string, subject: Subject, create = false): Instance | undefined {
    const { type, id } = parseSubject(subject) ?? { type: 'area', id: '' }
    if (type === 'road' || type === 'area') return groups.get(subject)?.instance
    if (type === 'device') {
      const device = devices.get(id)
      if (device && silentRule && create)
        device.silence ??= createInstance(silentRule, subject, device.facility)
      return device?.silence
    }
    const facility = facilities.get(id)
    const compiled = rules.find(one => one.rule.id === rule)
    if (facility && compiled && create && !facility.instances.has(rule)) {
      facility.instances.set(rule, createInstance(compiled, subject, facility))
    }
    return facility?.instances.get(rule)
  }
}

/** Which of two devices' verdicts a facility shows. */
const WORSE: Record<Verdict, number> = { cleared: 0, between: 1, unknown: 2, met: 3 }
