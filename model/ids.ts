/** Every id: unique per type, safe in a topic, a URL and a file name. */
export const ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'
const ID = new RegExp(ID_PATTERN)

export const isId = (text: string): boolean => ID.test(text)

const SUBJECT_TYPES = ['facility', 'road', 'area', 'device', 'point'] as const
export type SubjectType = (typeof SUBJECT_TYPES)[number]

/** What a rule, an episode or a ticket is about: `type:id`. A point is a place for which there is no record. */
export type Subject = `${SubjectType}:${string}`

export const subjectOf = (type: SubjectType, id: string): Subject => `${type}:${id}`

export function parseSubject(subject: string): { type: SubjectType; id: string } | undefined {
  const colon = subject.indexOf(':')
  const type = SUBJECT_TYPES.find(t => t === subject.slice(0, colon))
  const id = subject.slice(colon + 1)
  return type && isId(id) ? { type, id } : undefined
}

export interface Position {
  lat: number
  lon: number
}

/** Degrees WGS 84 to five digits, a metre: `point:32.04160N118.78420E`. */
export const pointSubject = ({ lat, lon }: Position): Subject =>
  `point:${Math.abs(lat).toFixed(5)}${lat < 0 ? 'S' : 'N'}${Math.abs(lon).toFixed(5)}${lon < 0 ? 'W' : 'E'}`

/** The position a point's id says; undefined when it says none. */
export function parsePoint(id: string): Position | undefined {
  const [, lat, south, lon, west] = /^(\d{1,2}\.\d{5})([NS])(\d{1,3}\.\d{5})([EW])$/.exec(id) ?? []
  if (lat === undefined || lon === undefined) return undefined
  const found = { lat: Number(lat) * (south === 'S' ? -1 : 1), lon: Number(lon) * (west === 'W' ? -1 : 1) }
  return Math.abs(found.lat) <= 90 && Math.abs(found.lon) <= 180 ? found : undefined
}

/** Metres between two positions; on a sphere of 6 371 km. */
export function metresBetween(a: Position, b: Position): number {
  const radians = Math.PI / 180
  const dLat = (b.lat - a.lat) * radians
  const dLon = (b.lon - a.lon) * radians
  const h =
    Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * Math.sin(dLon / 2) ** 2
  return 2 * 6_371_000 * Math.asin(Math.min(1, Math.sqrt(h)))
}
