import { parseSubject, type Subject } from '#model/ids'
import type { RegistryRecord } from '#model/registry'
import type { Rule } from '#model/rules'
import { seconds, type Millis } from '#model/time'
import type { NormalisedRecord } from '../reading.ts'
import type { Registry } from '../registry.ts'
import type { TicketChange, TicketDesk, TicketTimer } from '../tickets/desk.ts'
import { advance, reschedule } from './advance.ts'
import type { CompiledRule } from './condition.ts'
import { createCore, touch, type Core, type EngineTime } from './core.ts'
import { dueAt, skip, type Verdict } from './episode.ts'
import { settle, takeReport, verdictOf } from './facility-rules.ts'
import { createInstance, type Instance } from './instance.ts'
import type { LampGroups } from './lamp-groups.ts'
import { createSunTimer, judgeGroup, scheduleSun } from './lamp-rules.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'
import { place } from './places.ts'
import { arrived, excuseSilence, fellSilent, scheduleSilence, silenceOf } from './silence.ts'
import type { SunTimer } from './lamp-rules.ts'
import type { Timed, Timers } from './timers.ts'

export type { EngineTime } from './core.ts'

/** A tick later than it was due by more than this is our own outage. */
export const OUTAGE_AFTER_MS = seconds(5)

/**
 * The rules as a fold of the journal and of changes: the same records and changes leave the same episodes and
 * tickets, however they were cut into batches. The receivedAt of the record in hand is the only clock.
 */
export interface Engine {
  /** Fires every timer due until then, then takes the record. */
  record(record: NormalisedRecord): void
  registered(record: RegistryRecord): void
  /** What a person did to a ticket; answers why it cannot be. */
  act(change: TicketChange, who: string): string | undefined
  readonly time: EngineTime
  readonly facilities: ReadonlyMap<string, FacilityPicture>
  readonly devices: ReadonlyMap<string, DevicePicture>
  readonly groups: LampGroups
  readonly rules: readonly CompiledRule[]
  /** Every instance that is not inactive. */
  instances(): Instance[]
  /** The instance of a rule on a subject; `create` makes the inactive one a checkpoint is read into. */
  instanceFor(rule: string, subject: Subject, create?: boolean): Instance | undefined
  /** Facilities whose health may have changed since the last call. */
  takeTouched(): Set<FacilityPicture>
  /** Sets the timers again after a checkpoint was loaded into the pictures. */
  resume(time: EngineTime): void
  /** Grows with every change anybody could see. */
  version(): number
}

export function createEngine(options: {
  registry: Registry
  rules: readonly Rule[]
  desk: TicketDesk
  /** One heap for rules and tickets. */
  timers: Timers
}): Engine {
  const core = createCore(options)
  const { desk, time, timers, facilities, devices, groups } = core
  const sunTimer = createSunTimer()

  function wake(timed: Timed): void {
    const at = timed.due
    if (timed.what === 'ticket') return desk.wake(timed as TicketTimer, at)
    if (timed.what === 'sun') {
      for (const group of groups.groups()) judgeGroup(core, group, at)
      return scheduleSun(core, timed as SunTimer, at)
    }
    if (timed.what === 'silence') return fellSilent(core, timed as DevicePicture, at)
    const instance = timed as Instance
    const due = dueAt(instance.compiled.rule, instance.state) ?? Infinity
    // At a tie the hold was full before what it was about became stale.
    if (due <= instance.expiresAt) advance(core, instance, { verdict: held(instance), at: due, knownAt: at })
    else settle(core, instance, { until: instance.expiresAt, knownAt: at })
  }

  /** No hold and no silence runs through a time in which we were not there. */
  function noticeOutage(until: Millis): void {
    const from = time.lastTickAt + time.tickPeriodMs
    if (time.lastTickAt === 0 || until - from <= OUTAGE_AFTER_MS) return
    for (const instance of allInstances()) {
      const { lagMs } = instance
      instance.state = skip(instance.state, { from: from - lagMs, until: until - lagMs })
      // Gone stale meanwhile, it is so from the end on: before, its hold stood still anyway.
      instance.expiresAt = Math.max(instance.expiresAt, until - lagMs)
      reschedule(core, instance)
    }
    excuseSilence(core, until)
    time.lastTickAt = until
  }

  function take(record: NormalisedRecord): void {
    const { receivedAt: at } = record
    if (record.kind === 'tick') {
      time.lastTickAt = at
      time.tickPeriodMs = record.tickPeriodMs ?? seconds(1)
      return
    }
    const sender = devices.get(record.deviceId)
    if (!sender) return
    if (record.kind === 'status') {
      if (record.presence) sender.presence = record.presence
      return touch(core, sender.facility)
    }
    if (record.reports.length > 0) arrived(core, sender, at)
    for (const report of record.reports) {
      const device: DevicePicture | undefined =
        report.device === record.deviceId ? sender : devices.get(report.device)
      if (!device) continue
      if (device !== sender) arrived(core, device, at)
      takeReport(core, device, report, at)
    }
  }

  function* allInstances(): Generator<Instance> {
    for (const facility of facilities.values()) yield* facility.instances.values()
    for (const device of devices.values()) if (device.silence) yield device.silence
    for (const group of groups.groups()) yield group.instance
  }

  function instanceFor(rule: string, subject: Subject, create = false): Instance | undefined {
    const { type, id } = parseSubject(subject) ?? { type: 'area', id: '' }
    if (type === 'road' || type === 'area') return groups.get(subject)?.instance
    if (type === 'device') {
      const device = devices.get(id)
      return device && create ? silenceOf(core, device) : device?.silence
    }
    const facility = facilities.get(id)
    const compiled = core.rules.find(one => one.rule.id === rule)
    if (facility && compiled && create && !facility.instances.has(rule)) {
      facility.instances.set(rule, createInstance(compiled, subject, facility))
    }
    return facility?.instances.get(rule)
  }

  return {
    time,
    facilities,
    devices,
    groups,
    rules: core.rules,
    instanceFor,
    instances: () => [...allInstances()].filter(instance => instance.state.phase !== 'inactive'),
    version: () => core.version,

    registered(record) {
      place(core, record)
      if (record.type === 'area' && time.at > 0) scheduleSun(core, sunTimer, time.at)
    },

    record(record) {
      const at = record.receivedAt
      if (sunTimer.due === Infinity) scheduleSun(core, sunTimer, at)
      noticeOutage(at)
      for (let timed = timers.next(at); timed; timed = timers.next(at)) wake(timed)
      time.at = at
      take(record)
    },

    act(change, who) {
      const outcome = desk.act(change, who, time.at)
      if (outcome.refused !== undefined) return outcome.refused
      const { quiet, facility } = outcome
      const instance = quiet && instanceFor(quiet.rule, quiet.subject as Subject)
      if (instance) {
        const met = standing(core, instance) === 'met'
        instance.state = { phase: 'quiet', until: quiet.until, met }
        instance.lagMs = 0
        reschedule(core, instance)
      }
      touch(core, facility === null ? undefined : facilities.get(facility))
      return undefined
    },

    takeTouched() {
      const taken = new Set(core.touched)
      core.touched.clear()
      return taken
    },

    resume(to) {
      Object.assign(time, to)
      for (const device of devices.values()) scheduleSilence(core, device)
      for (const instance of allInstances()) reschedule(core, instance)
      if (time.at > 0) scheduleSun(core, sunTimer, time.at)
      desk.resume()
    }
  }
}

/** What is known of the condition itself, which an episode outlives between its two thresholds and through silence. */
function standing(core: Core, instance: Instance): Verdict {
  const { compiled, facility, subject } = instance
  if (compiled.rule.subject === 'device') return instance.state.phase === 'firing' ? 'met' : 'between'
  const group = core.groups.get(subject)
  if (group) return core.groups.verdict(group, core.time.at, core.sun)
  const at = Math.max(instance.at, core.time.at - instance.lagMs)
  return facility ? verdictOf(core, compiled, facility, at) : 'unknown'
}

/** The verdict an instance stands on while nothing new is heard. */
function held({ state }: Instance): Verdict {
  if (state.phase === 'quiet') return state.met ? 'met' : 'between'
  return state.phase === 'pending' ? 'met' : state.phase === 'clearing' ? 'cleared' : 'between'
}
