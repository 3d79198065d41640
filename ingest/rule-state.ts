import { parseSubject } from '#model/ids'
import type { MaintenanceWindow } from '#model/maintenance'
import type { OdourLimits } from '#model/odour-limits'
import { overridesFor, applyOverrides, type Override, type Resolved, type Standing } from '#model/rule-scopes'
import type { Rule } from '#model/rules'
import type { Millis } from '#model/time'
import type { Registry } from './registry.ts'
import type { Engine } from './rules/engine.ts'
import { standingOf, standingOfDistrict, standingOfRoad } from './rules/standing.ts'

/** What counts for one subject, and why. */
export interface Counting extends Resolved {
  name: string
  standing: Standing
  /** The overrides that apply, most particular first. */
  overrides: Override[]
}

/** The rules in force and the maintenance that is known, from memory. */
export interface RuleState {
  /** In the order they came. */
  all(): readonly Rule[]
  get(id: string): Rule | undefined
  /** The odour limits, and those that count at `at`. */
  odour(at: Millis): { version: number; items: readonly OdourLimits[]; now: OdourLimits }
  /** The clock that days and windows go by: an IANA name. */
  timeZone(): string
  /** What counts for `facility:…`, `road:…`, `device:…` or a district's grade `area:{district}:{grade}`; undefined: nobody knows it. */
  countsFor(rule: Rule, subject: string): Counting | undefined
  /** Whether the rule is about such a subject. */
  isAbout(rule: Rule, subject: string): boolean
  knows(type: 'facility' | 'road' | 'area', id: string): boolean
  /** What a facility, road, area or device is called; undefined: nobody knows it. */
  nameOf(subject: string): string | undefined
  /** Past ones of the last weeks, present and future. */
  windows(): MaintenanceWindow[]
  registry: Registry
}

export function ruleState({ engine, registry }: { engine: Engine; registry: Registry }): RuleState {
  function whereIs(subject: string): { name: string; standing: Standing } | undefined {
    const [type, id = '', grade] = subject.split(':')
    const device = type === 'device' ? registry.device(id) : undefined
    const facility = registry.facility(type === 'facility' ? id : (device?.facility ?? ''))
    if (facility) return { name: (device ?? facility).name, standing: standingOf(registry, facility) }
    if (device) return { name: device.name, standing: { areas: [] } }
    const road = type === 'road' ? registry.road(id) : undefined
    if (road) return { name: road.name, standing: standingOfRoad(registry, road) }
    const area = type === 'area' && grade !== undefined ? registry.area(id) : undefined
    return area && { name: area.name, standing: standingOfDistrict(registry, id, grade as string) }
  }

  return {
    all: () => engine.book.all(),
    get: id => engine.book.get(id),
    odour: at => ({ version: engine.odour.version, items: engine.odour.list(), now: engine.odour.at(at) }),
    timeZone: () => engine.calendar().timeZone,
    countsFor(rule, subject) {
      const where = whereIs(subject)
      if (!where) return undefined
      const overrides = overridesFor(rule, where.standing)
      return { ...where, overrides, ...applyOverrides(rule, overrides) }
    },
    isAbout(rule, subject) {
      const [type, id = ''] = subject.split(':')
      if (rule.subject === 'device') return type === 'device'
      if (rule.subject === 'lamp-group') return type === 'road' || type === 'area'
      return type === 'facility' && registry.facility(id)?.kind === rule.subject
    },
    knows: (type, id) => registry[type](id) !== undefined,
    nameOf(subject) {
      const { type, id } = parseSubject(subject) ?? {}
      if (!type || type === 'point') return undefined
      const record = registry[type](id as string)
      return record && (record.name || record.id)
    },
    windows: () => [...engine.maintenance.all()].map(({ window }) => window),
    registry
  }
}
