import { Type, type Static } from 'typebox'
import { ODOUR_KINDS, ODOUR_METRICS, type OdourTable } from './odour-limits.ts'
import { fault, type Fault } from './rule-fault-texts.ts'
import { VISIBLE } from './written.ts'

const MOST_ENTRIES = 50
/** More than anybody could stand in; a figure in ppb or µg/m³ typed as mg/m³ is far above it. */
const MOST_MG_M3 = 100
const isText = (raw: unknown): raw is string =>
  typeof raw === 'string' && raw.trim() !== '' && raw.length <= 100
const isRecord = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw)

function isDay(raw: unknown): raw is string {
  if (typeof raw !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(raw)) return false
  const at = new Date(`${raw}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(raw)
}

/** What is wrong with a list of limits that was sent; none: it is one. Pure: the page asks it too. */
export function odourFaults(raw: unknown): Fault[] {
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > MOST_ENTRIES)
    return [fault('items', 'limit-list', { most: MOST_ENTRIES })]
  return (raw as unknown[]).flatMap((one, i): Fault[] => {
    const at = `items[${i}]`
    if (!isRecord(one)) return [fault(at, 'fields-expected', { fields: 'from, name, limits' })]
    const unknown = Object.keys(one).filter(field => !['from', 'name', 'limits'].includes(field))
    const before: unknown = i > 0 ? (raw as Record<string, unknown>[])[i - 1]?.['from'] : undefined
    return [
      ...unknown.map(field => fault(`${at}.${field}`, 'no-such-field', { known: 'from, name, limits' })),
      ...dayFaults(one['from'], before, `${at}.from`),
      ...nameFaults(one['name'], `${at}.name`),
      ...tableFaults(one['limits'], `${at}.limits`)
    ]
  })
}

function dayFaults(from: unknown, before: unknown, path: string): Fault[] {
  if (!isDay(from)) return [fault(path, 'not-a-day', { came: JSON.stringify(from) ?? 'nothing' })]
  return isDay(before) && from <= before ? [fault(path, 'not-later', { before })] : []
}

const nameFaults = (name: unknown, path: string): Fault[] =>
  isRecord(name) && isText(name['en']) && isText(name['zh']) ? [] : [fault(path, 'both-languages')]

function tableFaults(limits: unknown, path: string): Fault[] {
  return ODOUR_KINDS.flatMap(kind =>
    ODOUR_METRICS.flatMap((metric): Fault[] => {
      const at = `${path}.${kind}.${metric}`
      const ofKind = isRecord(limits) ? limits[kind] : undefined
      const classes: unknown = isRecord(ofKind) ? ofKind[metric] : undefined
      if (!Array.isArray(classes) || classes.length !== 3) return [fault(at, 'three-classes')]
      const wrong = (classes as unknown[]).findIndex(
        value => typeof value !== 'number' || !(value > 0 && value <= MOST_MG_M3)
      )
      if (wrong >= 0) return [fault(`${at}[${wrong}]`, 'not-a-limit', { most: MOST_MG_M3 })]
      const stricter = (classes as number[]).findIndex(
        (value, i) => i > 0 && value < (classes[i - 1] as number)
      )
      return stricter > 0 ? [fault(`${at}[${stricter}]`, 'stricter-class', { class: stricter + 1 })] : []
    })
  )
}

const Label = Type.Object({ en: Type.String(), zh: Type.String() })
const Classes = Type.Tuple([Type.Number(), Type.Number(), Type.Number()])
const Gases = Type.Object({ nh3Ppm: Classes, h2sPpm: Classes })
const Entry = Type.Object({
  /** The day of the city from which on they count. */
  from: Type.String(),
  name: Label,
  /** mg/m³ by class 1, 2, 3. */
  limits: Type.Unsafe<OdourTable>(Type.Object({ toilet: Gases, compactor: Gases }))
})
export const OdourLimitsList = Type.Object({
  /** 1: as they were shipped. */
  version: Type.Integer(),
  /** `from` of those that count now. */
  now: Type.String(),
  /** The earliest first. */
  items: Type.Array(Entry),
  /** Every list that came into force after the shipped one, the newest first. */
  history: Type.Array(
    Type.Object({
      version: Type.Integer(),
      at: Type.String({ format: 'date-time' }),
      who: Type.String(),
      reason: Type.Union([Type.String(), Type.Null()]),
      items: Type.Array(Entry)
    })
  )
})
export type OdourLimitsList = Static<typeof OdourLimitsList>
export const OdourLimitsEdit = Type.Object(
  {
    /** The whole list, the earliest first: `{from, name, limits}`. */
    items: Type.Array(Type.Unknown()),
    /** The version that was edited. */
    basedOn: Type.Integer({ minimum: 1 }),
    why: Type.String({ minLength: 1, maxLength: 500, pattern: VISIBLE })
  },
  { additionalProperties: false }
)
