import { subjectOf } from '#model/ids'
import type { LightingGrade } from '#model/kinds'
import {
  LAMP_VIEWS,
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

/** A rate, and for a road the areas its lamps stand in: it may run through several. */
export interface CountedRate extends LightingRate {
  areas: ReadonlySet<string>
}

interface Tally extends LightingPlace, LampCounts {
  grade: LightingGrade | null
  areas: Set<string>
}

/** Where lamps count: those of one area, road and grade in the same places. */
export interface Placer {
  /** Which of `lists` is the lamp's. */
  of(lamp: FacilityPicture): number
  /** The places of a list, each once and the same object in every list, and the area its lamps stand in. */
  readonly lists: readonly { places: readonly LightingPlace[]; area: string }[]
}

/** Knows where lamps count until an area or a road is another than it was; who counts again and again keeps it. */
export function createPlacer(registry: Registry): Placer {
  const places = new Map<string, LightingPlace>()
  const lists: { places: LightingPlace[]; area: string }[] = []
  const alike = new Map<string, number>()
  /** The cost of a walk over a large city is that of looking at things that are far apart: this is one of them. */
  const known = new Map<FacilityPicture, { facility: Facility; list: number }>()
  const city = placeOf('city', cityOf(registry)?.id ?? '')

  function placeOf(level: LightingLevel, id: string): LightingPlace {
    return take(places, `${level} ${id}`, () => ({ level, id }))
  }

  function look({ parent, attributes }: Facility): LightingPlace[] {
    const district = registry.districtOf(parent)
    const road = attributes.road === undefined ? undefined : registry.road(attributes.road)
    const grade = attributes.lightingGrade ?? road?.attributes.lightingGrade
    return [
      city,
      ...registry.areaPath(parent).flatMap(({ kind, id }) => (kind === 'city' ? [] : [placeOf(kind, id)])),
      ...(district && grade ? [placeOf('grade', `${district.id}:${grade}`)] : []),
      ...(attributes.road === undefined ? [] : [placeOf('road', attributes.road)])
    ]
  }

  return {
    lists,
    of(lamp) {
      const { facility } = lamp
      const before = known.get(lamp)
      // A changed record is another object.
      if (before?.facility === facility) return before.list
      const { parent, attributes } = facility
      const key = `${parent} ${attributes.road ?? ''} ${attributes.lightingGrade ?? ''}`
      const list = take(alike, key, () => lists.push({ places: look(facility), area: parent }) - 1)
      known.set(lamp, { facility, list })
      return list
    }
  }
}

function take<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

/** The root of the areas; of several the first that is a city. */
function cityOf(registry: Registry): Area | undefined {
  const roots = [...registry.areas()].filter(({ parent }) => parent === null)
  return roots.find(({ kind }) => kind === 'city') ?? roots[0]
}

/**
 * The rate of every place that has a lamp with a controller, as the rules count them. Yields after each lamp and each
 * place, so that who asks can give others their turn; a lamp counts once in each place however long that takes.
 */
export function* lightingRates(
  sources: LightingSources,
  placer = createPlacer(sources.registry)
): Generator<void, CountedRate[]> {
  const { engine, registry } = sources
  // By lists first: a lamp is one count, whatever number of places it belongs to.
  const lists: LampCounts[] = []
  for (const { lamp, view } of engine.groups.views()) {
    const list = placer.of(lamp)
    while (lists.length <= list) lists.push(nothing())
    const counts = lists[list] as LampCounts
    counts.lamps++
    counts[view]++
    yield
  }
  const tallies = new Map<LightingPlace, Tally>()
  for (const [list, counts] of lists.entries()) {
    const { places, area } = placer.lists[list] ?? { places: [], area: '' }
    if (counts.lamps === 0) continue
    for (const place of places) {
      let tally = tallies.get(place)
      if (!tally) {
        tally = { ...place, ...nothing(), grade: gradeOf(registry, place), areas: new Set() }
        tallies.set(place, tally)
      }
      tally.lamps += counts.lamps
      for (const view of LAMP_VIEWS) tally[view] += counts[view]
      if (place.level === 'road') tally.areas.add(area)
    }
    yield
  }
  const rates: CountedRate[] = []
  for (const tally of tallies.values()) {
    rates.push(rowOf(tally, sources))
    yield
  }
  return rates
}

const nothing = (): LampCounts => ({ lamps: 0, lit: 0, dark: 0, unknown: 0, out: 0 })

/** The lamps of one place that count as one of `views`. Yields after each lamp of the city. */
export function* lampsOf(
  { level, id }: LightingPlace,
  views: readonly LampView[],
  { engine, registry }: Pick<LightingSources, 'engine' | 'registry'>,
  placer = createPlacer(registry)
): Generator<void, { lamp: string; view: LampView }[]> {
  const found: { lamp: string; view: LampView }[] = []
  for (const { lamp, view } of engine.groups.views()) {
    if (views.includes(view)) {
      const places = placer.lists[placer.of(lamp)]?.places ?? []
      if (places.some(one => one.level === level && one.id === id))
        found.push({ lamp: lamp.facility.id, view })
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
    rule?.enabled === true && 'lightingRate' in rule.when
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
