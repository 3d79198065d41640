import { DateTime } from 'luxon'
import type { ChangeBody } from '#model/changes'
import type { AreaDuty, ChiefLevel, Crew, Shift, StreetChief } from '#model/crews'
import type { FacilityKind } from '#model/kinds'
import type { Millis } from '#model/time'
import type { Registry } from './registry.ts'

export type CrewChange = Extract<ChangeBody, { kind: 'crew' | 'chief' }>

/** Crews and who answers for areas, as of one moment: a fold of changes, without I/O or a clock. */
export interface Crews {
  /** Takes one record over whatever it said before. */
  apply(change: CrewChange): void
  crew(id: string): Crew | undefined
  crews(): Crew[]
  duty(area: string): AreaDuty | undefined
  duties(): AreaDuty[]
  /**
   * Who is sent to a place: of the active crews on shift that serve the kind, the one whose area is nearest. Of
   * several in one area the one with fewest kinds (a lamp crew before one for all), then the first by id. Undefined when
   * nobody is on shift. `path` is the area and those above it, nearest first; a null kind is served by every crew.
   */
  crewFor(place: {
    path: readonly string[]
    kind: FacilityKind | null
    at: Millis
    timeZone: string
  }): Crew | undefined
  /** The chief of that level of the nearest area that has one. */
  chiefOf(path: readonly string[], level: ChiefLevel): StreetChief | undefined
  /** The responsible unit of the nearest area that names one. */
  unitOf(path: readonly string[]): string | undefined
  /** Grows with every record: who may see what may be different then. */
  version(): number
}

export function createCrews(): Crews {
  const crews = new Map<string, Crew>()
  const duties = new Map<string, AreaDuty>()
  /** Active crews by area, in the order they are asked. */
  let byArea: Map<string, Crew[]> | undefined
  let version = 0

  function inOrder(): Map<string, Crew[]> {
    if (byArea) return byArea
    byArea = new Map()
    const active = [...crews.values()].filter(crew => crew.active).sort(byRank)
    for (const crew of active)
      for (const area of crew.areas) byArea.set(area, [...(byArea.get(area) ?? []), crew])
    return byArea
  }

  const nearest = <T>(path: readonly string[], find: (duty: AreaDuty) => T | undefined): T | undefined => {
    for (const area of path) {
      const duty = duties.get(area)
      const found = duty && find(duty)
      if (found !== undefined) return found
    }
    return undefined
  }

  return {
    apply(change) {
      version++
      if (change.kind === 'chief') return void duties.set(change.duty.area, change.duty)
      crews.set(change.crew.id, change.crew)
      byArea = undefined
    },
    crew: id => crews.get(id),
    crews: () => [...crews.values()].sort(byId),
    duty: area => duties.get(area),
    duties: () => [...duties.values()].sort((a, b) => (a.area < b.area ? -1 : 1)),

    crewFor({ path, kind, at, timeZone }) {
      const ranked = inOrder()
      for (const area of path) {
        const here = (ranked.get(area) ?? []).filter(
          crew => serves(crew, kind) && isOnShift(crew.shifts, { at, timeZone })
        )
        // What is of no kind is nobody's speciality.
        const found = kind === null ? (here.find(({ kinds }) => kinds.length === 0) ?? here[0]) : here[0]
        if (found) return found
      }
      return undefined
    },
    chiefOf: (path, level) => nearest(path, duty => duty.chiefs.find(chief => chief.level === level)),
    unitOf: path => nearest(path, duty => duty.unit ?? undefined),
    version: () => version
  }
}

/** The crews as a ticket asks for them: by area, at journal time, in the city's time zone as it is then. */
export function addressees({
  crews,
  registry,
  timeZone
}: {
  crews: Crews
  registry: Pick<Registry, 'areaPath'>
  timeZone: () => string
}) {
  // An area that nobody registered is still one somebody may serve.
  const pathOf = (area: string): string[] => {
    const path = registry.areaPath(area).map(({ id }) => id)
    return path.length > 0 ? path : [area]
  }
  return {
    crewFor: ({
      area,
      kind,
      at
    }: {
      area: string
      kind: FacilityKind | null
      at: Millis
    }): Crew | undefined => crews.crewFor({ path: pathOf(area), kind, at, timeZone: timeZone() }),
    anybody: (): boolean => crews.crews().some(({ active }) => active),
    chiefOf: (area: string, level: ChiefLevel): StreetChief | undefined => crews.chiefOf(pathOf(area), level),
    unitOf: (area: string): string | undefined => crews.unitOf(pathOf(area)),
    isOf(username: string, id: string): boolean {
      const crew = crews.crew(id)
      return crew !== undefined && crew.active && crew.members.includes(username)
    }
  }
}

/** Whether one of the shifts is on at `at`; without any, always. A shift over midnight belongs to the day it begins. */
export function isOnShift(
  shifts: readonly Shift[],
  { at, timeZone }: { at: Millis; timeZone: string }
): boolean {
  if (shifts.length === 0) return true
  const local = DateTime.fromMillis(at, { zone: timeZone })
  const today = local.weekday
  const yesterday = today === 1 ? 7 : today - 1
  const minute = local.hour * 60 + local.minute
  return shifts.some(({ days, from, to }) => {
    const [start, end] = [minuteOf(from), minuteOf(to)]
    if (start < end) return days.includes(today) && minute >= start && minute < end
    return (days.includes(today) && minute >= start) || (days.includes(yesterday) && minute < end)
  })
}

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

const serves = (crew: Crew, kind: FacilityKind | null): boolean =>
  kind === null || crew.kinds.length === 0 || crew.kinds.includes(kind)

const byId = (a: Crew, b: Crew): number => (a.id < b.id ? -1 : 1)

/** All kinds count as more than any number of named ones. */
const byRank = (a: Crew, b: Crew): number =>
  (a.kinds.length || Infinity) - (b.kinds.length || Infinity) || byId(a, b)
