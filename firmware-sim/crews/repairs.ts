import { parseSubject } from '#model/ids'
import type { City } from '../city.ts'
import type { FaultKind } from '../faults.ts'

/** What a crew that is sent for a rule's ticket puts right while it is there. */
const REPAIRS: Record<string, readonly FaultKind[]> = {
  'bin-full': ['bin-overfull', 'round-missed'],
  'bin-fire': ['bin-fire'],
  'bin-tilted': ['bin-tilted'],
  'bin-not-emptied': ['bin-overfull', 'round-missed'],
  'compactor-full': ['compactor-full', 'compactor-flapping', 'haul-missed'],
  'compactor-fault': ['compactor-fault'],
  'station-not-hauled': ['compactor-full', 'compactor-flapping', 'haul-missed'],
  'toilet-odour': ['toilet-odour', 'toilet-stench', 'h2s-trace'],
  'station-odour': ['station-odour'],
  'toilet-crowded': ['toilet-crowded', 'crowd-flapping'],
  'toilet-supplies': ['supplies-out'],
  'toilet-leak': ['water-leak'],
  'lamp-out': ['lamp-failure'],
  'lamp-day-burn': ['lamp-day-burn'],
  'cabinet-dead': ['cabinet-dead', 'cabinet-mute'],
  'lighting-rate': ['lamp-failure'],
  // A network that is away, or a clock, is not put right in the street.
  'device-silent': ['gone'],
  'battery-low': ['battery-fade']
}

export interface Job {
  devices: string[]
  kinds: readonly FaultKind[]
}

/** The devices at which a ticket's crew works, and what it puts right there; a road's or a district's lamps are all of its. */
export function jobOf(city: City, { rule, subject }: { rule: string | null; subject: string }): Job {
  const { type, id } = parseSubject(subject) ?? { type: 'area', id: '' }
  const kinds = REPAIRS[rule ?? ''] ?? []
  if (type === 'device') return { devices: [id], kinds }
  const grade = type === 'area' ? id.slice(id.indexOf(':') + 1) : undefined
  const places = new Set(
    city.facilities
      .filter(
        one =>
          (type === 'facility' && one.id === id) ||
          (one.kind === 'light' && type === 'road' && one.attributes.road === id) ||
          (one.kind === 'light' && grade !== undefined && one.attributes.lightingGrade === grade)
      )
      .map(one => one.id)
  )
  return { devices: city.devices.filter(one => places.has(one.facility ?? '')).map(one => one.id), kinds }
}
