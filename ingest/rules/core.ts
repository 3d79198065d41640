import type { FacilityKind } from '#model/kinds'
import type { MetricId } from '#model/metrics'
import type { Rule } from '#model/rules'
import { seconds, type Millis } from '#model/time'
import type { Registry } from '../registry.ts'
import type { TicketDesk } from '../tickets/desk.ts'
import { compileRule, type CompiledRule } from './condition.ts'
import { createLampGroups, type LampGroups } from './lamp-groups.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'
import { NO_SUN, type Sun } from './sun.ts'
import type { Timers } from './timers.ts'

/** Where the rules stand between two records. */
export interface EngineTime {
  /** receivedAt of the last record. */
  at: Millis
  lastTickAt: Millis
  /** What the last tick promised for the next one. */
  tickPeriodMs: Millis
}

/** What all parts of the rules share. One per engine, never global. */
export interface Core {
  registry: Registry
  desk: TicketDesk
  timers: Timers
  time: EngineTime
  sun: Sun
  facilities: Map<string, FacilityPicture>
  devices: Map<string, DevicePicture>
  groups: LampGroups
  rules: readonly CompiledRule[]
  /** Rules of one facility each, by its kind. */
  rulesOf: ReadonlyMap<FacilityKind, readonly CompiledRule[]>
  silentRule: CompiledRule | undefined
  /** How long the values of a metric are remembered for conditions that look back. */
  windows: Partial<Record<MetricId, Millis>>
  /** Facilities whose health may have changed since somebody last looked. */
  touched: Set<FacilityPicture>
  /** Grows with every change anybody could see. */
  version: number
}

export function createCore(options: {
  registry: Registry
  rules: readonly Rule[]
  desk: TicketDesk
  timers: Timers
}): Core {
  const rules = options.rules.map(compileRule)
  const rulesOf = new Map<FacilityKind, CompiledRule[]>()
  for (const compiled of rules) {
    const { subject } = compiled.rule
    if (subject === 'device' || subject === 'lamp-group') continue
    rulesOf.set(subject, [...(rulesOf.get(subject) ?? []), compiled])
  }
  const groupRule = rules.find(({ rule }) => rule.subject === 'lamp-group')
  return {
    registry: options.registry,
    desk: options.desk,
    timers: options.timers,
    time: { at: 0, lastTickAt: 0, tickPeriodMs: seconds(1) },
    sun: NO_SUN,
    facilities: new Map(),
    devices: new Map(),
    groups: createLampGroups(options.registry, groupRule),
    rules,
    rulesOf,
    silentRule: rules.find(({ rule }) => rule.subject === 'device'),
    windows: Object.assign({}, ...rules.map(rule => rule.windows)) as Core['windows'],
    touched: new Set(),
    version: 0
  }
}

/** Something a page shows of this facility is different now. */
export function touch(core: Core, facility: FacilityPicture | undefined): void {
  core.version++
  if (!facility) return
  facility.version = core.version
  core.touched.add(facility)
}
