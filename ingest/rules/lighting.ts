import { subjectOf } from '#model/ids'
import type { LightingGrade } from '#model/kinds'
import {
  lightingStanding,
  lightingTarget,
  rateRange,
  type LampCounts,
  type LampView,
  type LightingLevel,
  type LightingRate
} from '#model/lighting'
import type { Area, Facility } from '#model/registry'
import type { Registry } from '../registry.ts'
import type { TicketDesk } from '../tickets/desk.ts'
import type { Engine } from './engine.ts'
import type { FacilityPicture } from './picture.ts'

/** What the rates are read from; nothing here changes it. */
export interface LightingSources {
  engine: Engine
  registry: Registry
  desk: Pick<TicketDesk, 'open'>
}

/** One place and its lamps. */
export interface LightingPlace {
  level: LightingLevel
  id: string
}

/** A rate, and the areas its lamps stand in: a road may run through several. */
export interface CountedRate extends LightingRate {
  areas: ReadonlySet<string>
}

interface Tally extends LightingPlace, LampCounts {
  grade: LightingGrade | null
  areas: Set<string>
}

const keyOf = ({ level, id }: LightingPlace): string => `${level} ${id}`

/** The places a lamp counts in, each once. Lamps of one area, road and grade are answered with the same list. */
function placer(registry: Registry): (lamp: Facility) => readonly LightingPlace[] {
  const city: LightingPlace = { level: 'city', id: cityOf(registry)?.id ?? '' }
  const alike = new Map<string, readonly LightingPlace[]>()

  function look({ parent, attributes }: Facility): LightingPlace[] {
    const district = registry.districtOf(parent)
    const road = attributes.road === undefined ? undefined : registry.road(attributes.road)
    const grade = attributes.lightingGrade ?? road?.attributes.lightingGrade
    return [
      city,
      ...registry.areaPath(parent).flatMap(({ kind, id }) => (kind === 'city' ? [] : [{ level: kind, id }])),
      ...(district && grade ? [{ level: 'grade' as const, id: `${district.id}:${grade}` }] : []),
      ...(attributes.road === undefined ? [] : [{ level: 'road' as const, id: attributes.road }])
    ]
  }

  return lamp => {
    const { parent, attributes } = lamp
    const key = `${parent} ${attributes.road ?? ''} ${attributes.lightingGrade ?? ''}`
    let found = alike.get(key)
    if (!found) alike.set(key, (found = look(lamp)))
    return found
  }
}

/** The root of the areas; of several the first that is a city. */
function cityOf(registry: Registry): Area | undefined {
  const roots = [...registry.areas()].filter(({ parent }) => parent === null)
  return roots.find(({ kind }) => kind === 'city') ?? roots[0]
}

/**
 * The rate of every place that has a lamp with a controller, as the rules count them. Yields after each lamp, so that
 * who asks can give others their turn; a lamp counts once in each place however long that takes.
 */
export function* lightingRates(sources: LightingSources): Generator<void, CountedRate[]> {
  const { engine, registry } = sources
  const placesOf = placer(registry)
  const tallies = new Map<string, Tally>()
  const together = new Map<readonly LightingPlace[], Tally[]>()

  function tallyOf(place: LightingPlace): Tally {
    const key = keyOf(place)
    let tally = tallies.get(key)
    if (!tally) {
      const grade = gradeOf(registry, place)
      tally = { ...place, grade, areas: new Set(), lamps: 0, lit: 0, dark: 0, unknown: 0, out: 0 }
      tallies.set(key, tally)
    }
    return tally
  }

  function talliesOf({ facility }: FacilityPicture): Tally[] {
    const places = placesOf(facility)
    let found = together.get(places)
    if (!found) {
      together.set(places, (found = places.map(tallyOf)))
      for (const { areas } of found) areas.add(facility.parent)
    }
    return found
  }

  for (const { lamp, view } of engine.groups.views()) {
    for (const tally of talliesOf(lamp)) {
      tally.lamps++
      tally[view]++
    }
    yield
  }
  return [...tallies.values()].map(tally => rowOf(tally, sources))
}

/** The lamps of one place that count as one of `views`. Yields after each lamp of the city. */
export function* lampsOf(
  { level, id }: LightingPlace,
  views: readonly LampView[],
  { engine, registry }: Pick<LightingSources, 'engine' | 'registry'>
): Generator<void, { lamp: string; view: LampView }[]> {
  const placesOf = placer(registry)
  const found: { lamp: string; view: LampView }[] = []
  for (const { lamp, view } of engine.groups.views()) {
    if (views.includes(view)) {
      const isHere = placesOf(lamp.facility).some(one => one.level === level && one.id === id)
      if (isHere) found.push({ lamp: lamp.facility.id, view })
    }
    yield
  }
  return found
}

function gradeOf(registry: Registry, { level, id }: LightingPlace): LightingGrade | null {
  if (level === 'road') return registry.road(id)?.attributes.lightingGrade ?? null
  return level === 'grade' ? (id.slice(id.lastIndexOf(':') + 1) as LightingGrade) : null
}

function rowOf(tally: Tally, { engine, registry, desk }: LightingSources): CountedRate {
  const { level, id } = tally
  const record = level === 'road' ? registry.road(id) : registry.area(areaIdOf(tally))
  const within = record?.parent ? registry.area(record.parent) : undefined
  const range = rateRange(tally)
  // Only of these does a ticket follow.
  const subject = level === 'road' ? subjectOf('road', id) : level === 'grade' ? subjectOf('area', id) : ''
  const rule = engine.groups.get(subject)?.instance.compiled.rule
  const target =
    rule?.enabled === true
      ? lightingTarget(rule.when, { isRoad: level === 'road', lamps: tally.lamps })
      : undefined
  return {
    ...tally,
    name: record?.name || id,
    areaName: within?.name ?? null,
    ratePct: range ?? null,
    targetPct: target && 'pct' in target ? target.pct : null,
    darkAllowed: target && 'dark' in target ? target.dark : null,
    standing: target && range ? lightingStanding(target, tally) : null,
    ticket: (rule && desk.open(rule.id, subject)?.row.id) ?? null
  }
}

/** The area a row is about; of a grade its district. */
export const areaIdOf = ({ level, id }: LightingPlace): string =>
  level === 'grade' ? id.slice(0, id.lastIndexOf(':')) : id
