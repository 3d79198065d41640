import type { Subject } from '#model/ids'
import type { Rule } from '#model/rules'
import { seconds, type Millis } from '#model/time'
import type { Registry } from '../registry.ts'
import type { TicketDesk } from '../tickets/desk.ts'
import { createCabinets, type Cabinets } from './cabinets.ts'
import { createCalendar, type Calendar } from './calendar.ts'
import type { CityView } from './condition.ts'
import { createExpectations, type Expectations } from './expectation.ts'
import type { Instance } from './instance.ts'
import { createLampGroups, type LampGroups } from './lamp-groups.ts'
import type { Work } from './lamp.ts'
import { createMaintenance, subjectsOfLamp, type Maintenance } from './maintenance.ts'
import { isUnderDeadCabinet } from './parents.ts'
import { deviceless, type DevicePicture, type FacilityPicture, type Seat } from './picture.ts'
import { createOdourBook, type OdourBook } from './odour-book.ts'
import { createRuleBook, type RuleBook } from './rule-book.ts'
import type { Sun } from './sun.ts'
import type { Timers } from './timers.ts'

/** Where the rules stand between two records. */
export interface EngineTime {
  /** receivedAt of the last record. */
  at: Millis
  lastTickAt: Millis
  /** What the last tick promised for the next one. */
  tickPeriodMs: Millis
  /** The month whose measurements are asked for next, as `2026-02`; unknown before the first record. */
  month?: string | undefined
}

/** What all parts of the rules share. One per engine, never global. */
export interface Core extends CityView {
  registry: Registry
  desk: TicketDesk
  timers: Timers
  time: EngineTime
  /** Of the city itself. */
  sun: Sun
  expectations: Expectations
  calendar: Calendar
  odour: OdourBook
  book: RuleBook
  facilities: Map<string, FacilityPicture>
  devices: Map<string, DevicePicture>
  groups: LampGroups
  cabinets: Cabinets
  maintenance: Maintenance
  /** Grows with every registry record: what lies where may be different. */
  layout: number
  /** The instance of a rule on a subject, if something goes on. */
  instanceFor(rule: string, subject: Subject): Instance | undefined
  /** A facility seen without a device, for conditions that need none; undefined for the seat of a device. */
  deviceless(seat: Seat): DevicePicture | undefined
  /** Facilities whose health may have changed since somebody last looked. */
  touched: Set<FacilityPicture>
  /** Grows with every change anybody could see. */
  version: number
}

/** Where nobody has said where the city lies. */
const ANYWHERE = 'UTC'

export function createCore(options: {
  registry: Registry
  rules: readonly Rule[]
  desk: TicketDesk
  timers: Timers
  instanceFor: Core['instanceFor']
}): Core {
  const { registry } = options
  const book = createRuleBook(options.rules)
  const devices = new Map<string, DevicePicture>()
  const maintenance = createMaintenance()
  const calendar = createCalendar(ANYWHERE)
  const expectations = createExpectations(calendar)
  const workOver = (lamp: FacilityPicture): readonly Work[] => workOf(core, lamp)
  const core: Core = {
    registry,
    desk: options.desk,
    timers: options.timers,
    time: { at: 0, lastTickAt: 0, tickPeriodMs: seconds(1) },
    sun: expectations.sun,
    expectations,
    odour: createOdourBook(() => core.calendar),
    calendar,
    book,
    facilities: new Map(),
    devices,
    groups: createLampGroups({
      registry,
      book,
      leftOut: (lamp, at) =>
        isUnderDeadCabinet(core, lamp) || workOver(lamp).some(({ from, to }) => from <= at && at < to),
      workOver,
      now: () => ({ at: core.time.at, sun: core.sun })
    }),
    cabinets: createCabinets({
      gatewayOf: ({ device }) => (device.gateway === null ? undefined : devices.get(device.gateway)),
      workOver
    }),
    maintenance,
    layout: 0,
    workOver,
    instanceFor: options.instanceFor,
    deviceless: seat => ('facility' in seat ? deviceless(seat as FacilityPicture) : undefined),
    lampsGonePct: ({ facility }, at) => core.cabinets.gonePct(facility.id, at),
    lampsLitPct: ({ facility }, at) => core.cabinets.litPct(facility.id, at),
    touched: new Set(),
    version: 0
  }
  return core
}

const NO_WORK: readonly Work[] = []

/** Looked up once for each lamp while neither the windows nor what lies where change: most reports meet an empty list. */
function workOf(core: Core, lamp: FacilityPicture): readonly Work[] {
  const { maintenance, registry } = core
  if (maintenance.size === 0) return NO_WORK
  const layout = core.layout + maintenance.version
  if (lamp.work?.layout !== layout) {
    const list = maintenance.over(subjectsOfLamp(registry, lamp))
    lamp.work = { layout, list: list.length > 0 ? list : NO_WORK }
  }
  return lamp.work.list
}

/** Something a page shows of this facility is different now. */
export function touch(core: Core, facility: FacilityPicture | undefined): void {
  core.version++
  if (!facility) return
  facility.version = core.version
  core.touched.add(facility)
}
