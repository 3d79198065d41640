import type { AreaKind, CleaningGrade, DeviceKind, FacilityKind, LightingGrade } from './kinds.ts'
import type { DayWindow } from './rules.ts'
import type { Millis } from './time.ts'

/** What an import row or a record's `attributes` may carry; everything else is kept but means nothing to us. */
export interface Attributes {
  /** Public toilet or station boundary class of the odour standard: 1, 2 or 3. */
  toiletClass?: 1 | 2 | 3
  lightingGrade?: LightingGrade
  cleaningGrade?: CleaningGrade
  stream?: string
  /** Of a light, a cabinet, a road or an area: when its lamps are lit while the sun is down; the nearest counts. */
  lightingSchedule?: readonly DayWindow[]
  /** Ids of the road a facility stands on and the cabinet that feeds a light. */
  road?: string
  cabinet?: string
  /** A bin's distances, sensor to waste, when empty and when full, in mm: turn `distanceMm` into `fillPct`. */
  geometry?: { emptyDistanceMm: number; fullDistanceMm: number; deadZoneMm?: number }
  model?: string
  expectedIntervalMs?: Millis
  /** IANA name on the root area; the sun is taken at its coordinates. */
  [name: string]: unknown
}

interface Placed {
  id: string
  name: string
  /** Degrees WGS 84; null where nobody measured. */
  lat: number | null
  lon: number | null
  attributes: Attributes
}

export interface Area extends Placed {
  type: 'area'
  kind: AreaKind
  parent: string | null
}

export interface Road extends Placed {
  type: 'road'
  parent: string | null
}

export interface Facility extends Placed {
  type: 'facility'
  kind: FacilityKind
  /** The area it lies in. */
  parent: string
}

export interface Device extends Placed {
  type: 'device'
  kind: DeviceKind
  /** The facility it is fitted to; null: not bound yet. */
  facility: string | null
  /** The gateway that speaks for it; null: it speaks for itself. */
  gateway: string | null
}

export type RegistryRecord = Area | Road | Facility | Device
export type RegistryType = RegistryRecord['type']
