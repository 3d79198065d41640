import type { Facility } from '#model/registry'

export type Geometry = NonNullable<Facility['attributes']['geometry']>

/** An empty bin's bottom is read with some scatter; a distance further beyond it than this is no echo at all. */
const OVER_RANGE = 1.1

/** A bin's geometry if it can be computed with: registry attributes are what somebody imported. */
export function geometryOf(facility: Facility | undefined): Geometry | undefined {
  const geometry: Partial<Geometry> | undefined = facility?.attributes.geometry
  if (!geometry) return undefined
  const { emptyDistanceMm, fullDistanceMm, deadZoneMm = 0 } = geometry
  if (!isDistance(emptyDistanceMm) || !isDistance(fullDistanceMm) || !isDistance(deadZoneMm)) return undefined
  return emptyDistanceMm > fullDistanceMm ? { emptyDistanceMm, fullDistanceMm, deadZoneMm } : undefined
}

/**
 * Fill level in percent, to a tenth, from the distance between sensor and waste. Undefined when the sensor cannot
 * have seen the waste: in its dead zone, or more than a tenth beyond the empty bin's bottom.
 */
export function fillPctOf(distanceMm: number, geometry: Geometry): number | undefined {
  const { emptyDistanceMm, fullDistanceMm, deadZoneMm = 0 } = geometry
  if (distanceMm <= deadZoneMm || distanceMm > emptyDistanceMm * OVER_RANGE) return undefined
  const pct = ((emptyDistanceMm - distanceMm) / (emptyDistanceMm - fullDistanceMm)) * 100
  return Math.round(Math.min(100, Math.max(0, pct)) * 10) / 10
}

const isDistance = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
