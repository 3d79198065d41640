import { metresBetween, parsePoint, parseSubject, type Position } from '#model/ids'
import type { CleaningGrade, FacilityKind } from '#model/kinds'
import type { Facility, Road } from '#model/registry'
import type { Registry } from '../registry.ts'

/** Where a ticket is about: what decides its crew, its chiefs and its time. */
export interface Place {
  facility: string | null
  facilityKind: FacilityKind | null
  area: string | null
  lat: number | null
  lon: number | null
  cleaningGrade: CleaningGrade | undefined
}

/** What stands so near a point lends it its area; what stands on the spot its grade, too. */
const NEAR_M = { area: 2000, grade: 100 }
const NOWHERE: Place = {
  facility: null,
  facilityKind: null,
  area: null,
  lat: null,
  lon: null,
  cleaningGrade: undefined
}

/** The place of a subject as the registry has it now; undefined when there is no such thing. */
export function placeOf(registry: Registry, subject: string): Place | undefined {
  const { type, id } = parseSubject(subject) ?? { type: undefined, id: '' }
  if (type === 'point') return placeOfPoint(registry, id)
  if (type === 'facility') {
    const facility = registry.facility(id)
    return facility && placeOfFacility(registry, facility)
  }
  if (type === 'device') {
    const device = registry.device(id)
    if (!device) return undefined
    const facility = device.facility === null ? undefined : registry.facility(device.facility)
    return facility ? placeOfFacility(registry, facility) : NOWHERE
  }
  const record = type === 'road' ? registry.road(id) : registry.area(id)
  if (!record) return undefined
  return {
    ...NOWHERE,
    area: type === 'road' ? record.parent : record.id,
    lat: record.lat,
    lon: record.lon,
    cleaningGrade: record.attributes.cleaningGrade
  }
}

const placeOfFacility = (registry: Registry, facility: Facility): Place => ({
  facility: facility.id,
  facilityKind: facility.kind,
  area: facility.parent,
  lat: facility.lat,
  lon: facility.lon,
  cleaningGrade: gradeOf(registry, facility)
})

const gradeOf = (registry: Registry, { attributes }: Facility): CleaningGrade | undefined =>
  attributes.cleaningGrade ??
  (attributes.road === undefined ? undefined : registry.road(attributes.road)?.attributes.cleaningGrade)

function placeOfPoint(registry: Registry, id: string): Place | undefined {
  const point = parsePoint(id)
  if (!point) return undefined
  const facility = nearest(point, registry.facilities())
  const road = nearest(point, registry.roads())
  const closer = road && (!facility || road.metres < facility.metres) ? road : facility
  const onSpot = closer && closer.metres <= NEAR_M.grade ? closer.record : undefined
  return {
    ...NOWHERE,
    ...point,
    area: closer && closer.metres <= NEAR_M.area ? closer.record.parent : null,
    cleaningGrade: onSpot?.type === 'facility' ? gradeOf(registry, onSpot) : onSpot?.attributes.cleaningGrade
  }
}

function nearest<T extends Facility | Road>(
  point: Position,
  records: Iterable<T>
): { record: T; metres: number } | undefined {
  let best: { record: T; metres: number } | undefined
  for (const record of records) {
    const { lat, lon } = record
    if (lat === null || lon === null) continue
    const metres = metresBetween(point, { lat, lon })
    // The same from whichever record it is looked at first: every replay names the same.
    if (!best || metres < best.metres || (metres === best.metres && record.id < best.record.id))
      best = { record, metres }
  }
  return best
}
