import type { Standing } from '#model/rule-scopes'
import type { Facility, Road } from '#model/registry'
import type { Registry } from '../registry.ts'

/** Where a facility stands for overrides; its road lends it the grades it does not name itself. */
export function standingOf(registry: Registry, { id, parent, attributes }: Facility): Standing {
  const road = attributes.road ? registry.road(attributes.road) : undefined
  return {
    facility: id,
    road: attributes.road,
    toiletClass: attributes.toiletClass === undefined ? undefined : String(attributes.toiletClass),
    lightingGrade: attributes.lightingGrade ?? road?.attributes.lightingGrade,
    cleaningGrade: attributes.cleaningGrade ?? road?.attributes.cleaningGrade,
    areas: registry.areaPath(parent).map(area => area.id)
  }
}

/** A road as a group of lamps. */
export const standingOfRoad = (registry: Registry, { id, parent, attributes }: Road): Standing => ({
  road: id,
  lightingGrade: attributes.lightingGrade,
  cleaningGrade: attributes.cleaningGrade,
  areas: parent === null ? [] : registry.areaPath(parent).map(area => area.id)
})

/** A district's lamps of one grade. */
export const standingOfDistrict = (registry: Registry, district: string, grade: string): Standing => ({
  lightingGrade: grade,
  areas: registry.areaPath(district).map(area => area.id)
})
