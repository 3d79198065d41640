import type { ChangeBody } from '#model/changes'
import { parseSubject, type Subject } from '#model/ids'
import type { MaintenanceWindow } from '#model/maintenance'
import { ODOUR_KINDS, type OdourLimits } from '#model/odour-limits'
import type { RegistryRecord } from '#model/registry'
import type { Rule } from '#model/rules'
import { seconds } from '#model/time'
import type { NormalisedRecord } from '../reading.ts'
import type { Registry } from '../registry.ts'
import type { TicketChange, TicketDesk, TicketTimer } from '../tickets/desk.ts'
import { advance, reschedule, stopWaiting } from './advance.ts'
import type { Calendar } from './calendar.ts'
import { createCore, touch, type Core, type EngineTime } from './core.ts'
import { skip, type Verdict } from './episode.ts'
import { hushedBy } from './hush.ts'
import { changesAt, createInstance, type Instance } from './instance.ts'
import { createMonthTimer, monthBegan, scheduleMonth } from './monthly.ts'
import { createSunTimer, scheduleSun, sunTurned } from './lamp-rules.ts'
import { announce, scheduleWindows, windowTurned } from './maintenance-changes.ts'
import type { KnownWindow } from './maintenance.ts'
import { serviced } from './observed.ts'
import type { OdourBook } from './odour-book.ts'
import { waitIsOver } from './parents.ts'
import type { DevicePicture, FacilityPicture, Seat } from './picture.ts'
import { place, useTimeZone } from './places.ts'
import type { RuleBook } from './rule-book.ts'
import { setRule } from './rule-changes.ts'
import { judgeNow, seatOf, settle, takeReport, verdictOf } from './seat-rules.ts'
import { arrived, excuseSilence, heardAgain, notHeard, scheduleSilence, silenceOf } from './silence.ts'
import type { Sun } from './sun.ts'
import type { Timed, Timers } from './timers.ts'

export type { EngineTime } from './core.ts'

/** A tick later than it was due by more than this is our own outage. */
const OUTAGE_AFTER_MS = seconds(5)

/**
 * The rules as a fold of the journal and of changes: the same records and changes leave the same episodes and
 * tickets, however they were cut into batches. The receivedAt of the record in hand is the only clock.
 */
export interface Engine {
  /** Fires every timer due until then, then takes the record. */
  record(record: NormalisedRecord): void
  registered(record: RegistryRecord): void
  /** Another version of a rule, or a new one; answers why it cannot be. */
  ruled(rule: Rule): string | undefined
  /** One that was taken before this start. */
  ruledAgain(rule: Rule): void
  /** Other odour limits; answers why they cannot be. */
  limited(change: { version: number; items: readonly OdourLimits[] }): string | undefined
  /** Those that were taken before this start. */
  limitedAgain(change: { version: number; items: readonly OdourLimits[] }): void
  announced(window: MaintenanceWindow): void
  /** The facility was cleaned, now. */
  serviced(facility: string): string | undefined
  /** The city's clock from now on. */
  inTimeZone(timeZone: string): void
  /** What a person did to a ticket; answers why it cannot be. */
  act(change: TicketChange, who: string): string | undefined
  readonly time: EngineTime
  readonly facilities: ReadonlyMap<string, FacilityPicture>
  readonly devices: ReadonlyMap<string, DevicePicture>
  readonly groups: Core['groups']
  readonly cabinets: Core['cabinets']
  readonly maintenance: Core['maintenance']
  readonly book: RuleBook
  readonly odour: OdourBook
  calendar(): Calendar
  /** Day and night where the city lies. */
  sun(): Sun
  /** Every instance that is not inactive. */
  instances(): Iterable<Instance>
  /** The instance of a rule on a subject; `create` makes the inactive one a checkpoint is read into. */
  instanceFor(rule: string, subject: Subject, create?: boolean): Instance | undefined
  /** Facilities whose health may have changed since the last call. */
  takeTouched(): Set<FacilityPicture>
  /** Sets the timers again after a checkpoint was loaded into the pictures. */
  resume(time: EngineTime): void
  /** Grows with every change anybody could see. */
  version(): number
}

/** Changes the rules take; the rest of `ChangeBody` is for others. */
export type RuleChange = Extract<
  ChangeBody,
  { kind: 'registry' | 'rule' | 'odour-limits' | 'maintenance' | 'service' | 'city' }
>

export function createEngine(options: {
  registry: Registry
  rules: readonly Rule[]
  desk: TicketDesk
  /** One heap for rules and tickets. */
  timers: Timers
}): Engine {
  const core = createCore({ ...options, instanceFor: (rule, subject) => instanceFor(rule, subject) })
  const { desk, time, timers, facilities, devices, groups } = core
  const sunTimer = createSunTimer()
  const monthTimer = createMonthTimer()

  const WAKE: { [K in Timed['what']]: (timed: Timed, at: number) => void } = {
    ticket: (timed, at) => desk.wake(timed as TicketTimer, at),
    sun: (_timed, at) => sunTurned(core, sunTimer, at),
    month: (_timed, at) => monthBegan(core, monthTimer, at),
    silence: (timed, at) => notHeard(core, timed as DevicePicture, at),
    maintenance: (timed, at) => windowTurned(core, timed as KnownWindow, at),
    instance(timed, at) {
      const instance = timed as Instance
      if (instance.waitUntil <= at) {
        waitIsOver(core, instance, at)
        return reschedule(core, instance)
      }
      const due = changesAt(instance)
      const rung = instance.rung?.toward
      // At a tie the hold was full before what it was about became stale.
      if (due <= instance.expiresAt) {
        advance(core, instance, { verdict: held(instance), rung, at: due, knownAt: at })
      } else settle(core, instance, { until: instance.expiresAt, knownAt: at })
    }
  }

  /** No hold and no silence runs through a time in which we were not there. */
  function noticeOutage(until: number): void {
    const from = time.lastTickAt + time.tickPeriodMs
    if (time.lastTickAt === 0 || until - from <= OUTAGE_AFTER_MS) return
    // What was due while we were still there is not moved by it.
    wakeUntil(from - 1)
    for (const instance of allInstances()) {
      const { lagMs } = instance
      const outage = { from: from - lagMs, until: until - lagMs }
      instance.state = skip(hushedBy(core, instance, outage), outage)
      // Gone stale meanwhile, it is so from the end on: before, its hold stood still anyway.
      // But a quiet time that ends with the outage leaves nothing that was stale by then.
      if (instance.state.phase !== 'quiet') instance.expiresAt = Math.max(instance.expiresAt, until - lagMs)
      if (instance.waitUntil !== Infinity) instance.waitUntil += until - from
      const { rung } = instance
      if (rung && rung.toward !== rung.level) instance.rung = { ...rung, from: rung.from + until - from }
      reschedule(core, instance)
    }
    excuseSilence(core, until)
    // Nobody could be asked while we were not there, and nobody is late for it.
    if (monthTimer.due >= from && monthTimer.due < until) {
      monthTimer.due = until
      timers.schedule(monthTimer)
    }
    time.lastTickAt = until
  }

  function wakeUntil(at: number): void {
    for (let timed = timers.next(at); timed; timed = timers.next(at)) {
      WAKE[timed.what](timed, timed.due)
      hearDesk()
    }
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
    let back: DevicePicture[] | undefined
    if (record.reports.length > 0 && arrived(core, sender, at)) back = [sender]
    for (const report of record.reports) {
      const device: DevicePicture | undefined =
        report.device === record.deviceId ? sender : devices.get(report.device)
      if (!device) continue
      if (device !== sender && arrived(core, device, at)) (back ??= []).push(device)
      takeReport(core, device, report, { message: record.reports, receivedAt: at })
    }
    for (const device of back ?? []) heardAgain(core, device, at)
  }

  function* allInstances(): Generator<Instance> {
    for (const facility of facilities.values()) yield* facility.instances.values()
    for (const { silence, own } of devices.values()) {
      if (silence) yield silence
      if (own) yield* own.instances.values()
    }
    for (const group of groups.groups()) yield group.instance
  }

  function instanceFor(rule: string, subject: Subject, create = false): Instance | undefined {
    const { type, id } = parseSubject(subject) ?? { type: 'area', id: '' }
    if (type === 'road' || type === 'area') return groups.get(subject)?.instance
    const device = type === 'device' ? devices.get(id) : undefined
    const facility = type === 'facility' ? facilities.get(id) : device?.facility
    if (device?.silenceRule?.rule.id === rule) return create ? silenceOf(core, device) : device.silence
    const compiled = (device ?? facility)?.rules.find(one => one.rule.id === rule)
    const seat: Seat | undefined = device ? (create ? seatOf(device) : device.own) : facility
    if (!seat) return undefined
    if (compiled && create && !seat.instances.has(rule)) {
      seat.instances.set(rule, createInstance(compiled, subject, { facility, device, seat }))
    }
    return seat.instances.get(rule)
  }

  function servicedAt(id: string): string | undefined {
    const facility = facilities.get(id)
    if (!facility) return `there is no facility ${id}`
    serviced(facility, time.at)
    for (const compiled of facility.rules) {
      if (compiled.readsService) judgeNow(core, compiled, { seat: facility, facility, done: true }, time.at)
    }
    touch(core, facility)
    return undefined
  }

  /** Lamps are judged anew at other moments. */
  function expectAnew(): void {
    if (time.at > 0) scheduleSun(core, sunTimer, time.at)
  }

  /** Months and the hours of tickets are those of the city's clock. */
  function clockChanged(): void {
    if (time.at > 0) scheduleMonth(core, monthTimer, time.at)
    desk.resume()
  }

  /** Other limits count from the next reading on; what is undecidable is seen at once. */
  function setLimits({ version, items }: { version: number; items: readonly OdourLimits[] }): void {
    core.odour.set(items, version)
    for (const facility of facilities.values()) {
      if ((ODOUR_KINDS as readonly string[]).includes(facility.facility.kind)) touch(core, facility)
    }
  }

  function setRuleNow(rule: Rule): void {
    setRule(core, rule)
    hearDesk()
  }

  /** What tickets came to that rules must know. */
  function hearDesk(): void {
    // A cleaning may end what is a cleaning itself; none of it may be left for later, a checkpoint keeps no facts.
    for (let facts = desk.takeFacts(); facts.length > 0; facts = desk.takeFacts())
      for (const fact of facts) if (fact.kind === 'service') servicedAt(fact.facility)
  }

  return {
    time,
    facilities,
    devices,
    groups,
    cabinets: core.cabinets,
    maintenance: core.maintenance,
    book: core.book,
    odour: core.odour,
    calendar: () => core.calendar,
    sun: () => core.sun,
    instanceFor,
    *instances() {
      for (const instance of allInstances()) if (instance.state.phase !== 'inactive') yield instance
    },
    version: () => core.version,

    registered(record) {
      const { calendar, expectations } = core
      const { version } = expectations
      place(core, record)
      if (expectations.version !== version) expectAnew()
      if (core.calendar !== calendar) clockChanged()
      hearDesk()
    },

    ruled(rule) {
      const known = core.book.get(rule.id)
      const next = (known?.version ?? 0) + 1
      if (rule.version !== next)
        return `version ${rule.version} does not follow ${next - 1}: somebody was faster`
      if (known && known.subject !== rule.subject) return 'a rule cannot change what it is about'
      setRuleNow(rule)
      return undefined
    },

    ruledAgain: setRuleNow,
    limited(change) {
      const next = core.odour.version + 1
      if (change.version !== next)
        return `version ${change.version} does not follow ${next - 1}: somebody was faster`
      setLimits(change)
      return undefined
    },
    limitedAgain: setLimits,
    announced(window) {
      announce(core, window)
      hearDesk()
    },
    serviced: servicedAt,
    inTimeZone(timeZone) {
      useTimeZone(core, timeZone)
      expectAnew()
      clockChanged()
      hearDesk()
    },

    record(record) {
      const at = record.receivedAt
      if (sunTimer.due === Infinity) scheduleSun(core, sunTimer, at)
      if (monthTimer.due === Infinity) scheduleMonth(core, monthTimer, at)
      noticeOutage(at)
      wakeUntil(at)
      time.at = at
      take(record)
      hearDesk()
    },

    act(change, who) {
      const outcome = desk.act(change, who, time.at)
      if (outcome.refused !== undefined) return outcome.refused
      const { quiet, facility } = outcome
      const instance = quiet && instanceFor(quiet.rule, quiet.subject as Subject)
      if (instance) {
        const met = standing(core, instance) === 'met'
        instance.state = { phase: 'quiet', until: quiet.until, met }
        stopWaiting(instance)
        instance.lagMs = 0
        reschedule(core, instance)
      }
      touch(core, facility === null ? undefined : facilities.get(facility))
      hearDesk()
      return undefined
    },

    takeTouched() {
      const taken = new Set(core.touched)
      core.touched.clear()
      return taken
    },

    resume(to) {
      // A checkpoint of yesterday's program names no month.
      Object.assign(time, { month: undefined, ...to })
      for (const device of devices.values()) scheduleSilence(core, device)
      for (const instance of allInstances()) reschedule(core, instance)
      if (time.at > 0) {
        scheduleSun(core, sunTimer, time.at)
        scheduleMonth(core, monthTimer, time.at)
      }
      scheduleWindows(core)
      desk.resume()
    }
  }
}

/** What is known of the condition itself, which an episode outlives between its two thresholds and through silence. */
function standing(core: Core, instance: Instance): Verdict {
  const { compiled, seat, subject } = instance
  const group = core.groups.get(subject)
  if (group) return core.groups.verdict(group, core.time.at)
  if (!seat) return instance.state.phase === 'firing' ? 'met' : 'between'
  const at = Math.max(instance.at, core.time.at - instance.lagMs)
  return verdictOf(core, compiled, seat, at)
}

/** The verdict an instance stands on while nothing new is heard. */
function held({ state }: Instance): Verdict {
  if (state.phase === 'quiet') return state.met ? 'met' : 'between'
  return state.phase === 'pending' ? 'met' : state.phase === 'clearing' ? 'cleared' : 'between'
}
