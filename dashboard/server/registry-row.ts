import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import type { RecordKey } from '#db/registry'
import { Id } from '#model/api'
import { DEVICE_MODELS } from '#model/device-models'
import { isId } from '#model/ids'
import {
  AREA_KINDS,
  CLEANING_GRADES,
  DEVICE_KIND_IDS,
  FACILITY_KIND_IDS,
  LIGHTING_GRADES,
  STREAMS,
  deviceKind
} from '#model/kinds'
import { isLightingSchedule, LIGHTING_SCHEDULE_IS } from '#model/lighting-schedule'
import type { Area, Attributes, Device, Facility, RegistryRecord, RegistryType, Road } from '#model/registry'
import { days, seconds } from '#model/time'
import type { Cells } from './registry-csv.ts'

export const REGISTRY_TYPES = [
  'area',
  'road',
  'facility',
  'device'
] as const satisfies readonly RegistryType[]

/** What is registered, or comes before in the same file, by `type:id`. */
export type Registered = ReadonlyMap<string, RegistryRecord>

const oneOf = <const T extends string>(values: readonly T[]) => Type.Enum([...values] as [T, ...T[]])
const distance = Type.Number({ exclusiveMinimum: 0, maximum: 10_000 })

/** The attributes that mean something to us; others are kept as they are. */
const KnownAttributes = Type.Object({
  toiletClass: Type.Optional(Type.Enum([1, 2, 3])),
  lightingGrade: Type.Optional(oneOf(LIGHTING_GRADES)),
  cleaningGrade: Type.Optional(oneOf(CLEANING_GRADES)),
  stream: Type.Optional(oneOf(STREAMS)),
  road: Type.Optional(Id),
  cabinet: Type.Optional(Id),
  gateway: Type.Optional(Id),
  geometry: Type.Optional(
    Type.Object({
      emptyDistanceMm: distance,
      fullDistanceMm: distance,
      deadZoneMm: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000 }))
    })
  ),
  model: Type.Optional(oneOf(Object.keys(DEVICE_MODELS))),
  expectedIntervalMs: Type.Optional(Type.Integer({ minimum: seconds(1), maximum: days(7) }))
})
const knownAttributes = Compile(KnownAttributes)

/** A row that is wrong: which cell, what was expected. Thrown inside this file only. */
class RowFault extends Error {}
const fault = (text: string): never => {
  throw new RowFault(text)
}

/** NUL and lone surrogates, as JSON escapes them: Postgres takes neither. */
const UNSTORABLE = /(?<!\\)(\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/

/** The record a row means, or what is wrong with it. */
export function recordOf(cells: Cells, registered: Registered): RegistryRecord | { error: string } {
  try {
    const record = readRecord(cells, registered)
    if (UNSTORABLE.test(JSON.stringify(record)))
      fault('a character that cannot be stored: NUL or half a pair')
    const before = registered.get(`${record.type}:${record.id}`)
    if (before && 'kind' in before && 'kind' in record && before.kind !== record.kind) {
      fault(`kind: ${record.id} is registered as ${before.kind}, and that stays: take a new id`)
    }
    return record
  } catch (error) {
    if (error instanceof RowFault) return { error: error.message }
    throw error
  }
}

/** In this order every row comes after what it may refer to. */
export function rankOf({ type, kind }: Cells): number {
  const within =
    type === 'area'
      ? AREA_KINDS.findIndex(id => id === kind)
      : // Cabinets before the lights they feed, gateways before the devices they speak for.
        Number(kind !== 'cabinet' && kind !== 'gateway')
  return REGISTRY_TYPES.findIndex(id => id === type) * 10 + within
}

/** Everything a row may refer to, to be looked up at once; also what it does not mean in the end. */
export function referencesOf(cells: Cells): RecordKey[] {
  const { road, cabinet, gateway } = tryAttributes(cells.attributes)
  const key = (type: RegistryType, id: unknown): RecordKey[] => (typeof id === 'string' ? [{ type, id }] : [])
  const parents = cells.type === 'device' ? (['facility', 'device'] as const) : (['area'] as const)
  return [
    ...parents.flatMap(type => key(type, cells.parent)),
    ...key('road', road),
    ...key('facility', cabinet),
    ...key('device', gateway)
  ]
}

function readRecord(cells: Cells, registered: Registered): RegistryRecord {
  const type = member(REGISTRY_TYPES, cells.type, 'type')
  const id = isId(cells.id)
    ? cells.id
    : fault('id: 1 to 64 letters, digits or . _ : - with a letter or digit first')
  if (cells.name.length > 200) fault('name: at most 200 characters')
  const { gateway, ...attributes } = readAttributes(cells.attributes)
  const placed = { id, name: cells.name || id, ...place(cells), attributes }
  checkReferences(attributes, registered)
  checkSchedule(attributes, type, cells.kind)
  if (type === 'area') return area(placed, cells, registered)
  if (type === 'road') return { type, ...placed, parent: areaOf(cells.parent, registered)?.id ?? null }
  if (type === 'facility') return facility(placed, cells, registered)
  return device(placed, cells, { registered, gateway: gateway as string | undefined })
}

/** Elsewhere it would mean nothing, and somebody would wait for lamps to go by it. */
function checkSchedule({ lightingSchedule }: Attributes, type: RegistryType, kind: string): void {
  const counts = type === 'area' || type === 'road' || (type === 'facility' && LIT_BY_SCHEDULE.includes(kind))
  if (lightingSchedule !== undefined && !counts)
    fault('attributes/lightingSchedule: only of a light, a cabinet, a road or an area')
}
const LIT_BY_SCHEDULE = ['light', 'cabinet']

type Placed = Omit<Road, 'type' | 'parent'>

function area(placed: Placed, cells: Cells, registered: Registered): Area {
  const kind = member(AREA_KINDS, cells.kind, 'kind')
  const parent = areaOf(cells.parent, registered)
  if (parent && AREA_KINDS.indexOf(parent.kind) >= AREA_KINDS.indexOf(kind)) {
    fault(`parent: a ${kind} does not lie in a ${parent.kind}`)
  }
  return { type: 'area', ...placed, kind, parent: parent?.id ?? null }
}

function facility(placed: Placed, cells: Cells, registered: Registered): Facility {
  const kind = member(FACILITY_KIND_IDS, cells.kind, 'kind')
  const parent = areaOf(cells.parent, registered) ?? fault('parent: a facility needs the area it lies in')
  return { type: 'facility', ...placed, kind, parent: parent.id }
}

/** `parent` is the facility it is fitted to, else the gateway that speaks for it; a facility of that id comes first. */
function device(
  placed: Placed,
  cells: Cells,
  { registered, gateway: named }: { registered: Registered; gateway: string | undefined }
): Device {
  const kind = member(DEVICE_KIND_IDS, cells.kind, 'kind')
  const fitted = registered.get(`facility:${cells.parent}`) as Facility | undefined
  if (fitted && !deviceKind(kind).fitsTo.includes(fitted.kind)) {
    fault(`parent: a ${kind} does not fit to a ${fitted.kind}`)
  }
  if (cells.parent !== '' && !fitted && !registered.has(`device:${cells.parent}`)) {
    fault(`parent: no facility and no gateway ${cells.parent} is registered`)
  }
  const gateway = named ?? (fitted || cells.parent === '' ? null : cells.parent)
  if (gateway !== null) checkGateway(gateway, kind, registered)
  const { model } = placed.attributes
  if (model !== undefined && DEVICE_MODELS[model]?.kind !== kind)
    fault(`attributes: ${model} is not a ${kind}`)
  return { type: 'device', ...placed, kind, facility: fitted?.id ?? null, gateway }
}

function checkGateway(id: string, childKind: Device['kind'], registered: Registered): void {
  const gateway = registered.get(`device:${id}`) as Device | undefined
  if (!gateway) fault(`gateway: no device ${id} is registered`)
  if (gateway?.kind !== 'gateway') fault(`gateway: ${id} is a ${gateway?.kind}`)
  if (childKind === 'gateway') fault('gateway: a gateway speaks for itself')
}

function areaOf(id: string, registered: Registered): Area | undefined {
  if (id === '') return undefined
  return (registered.get(`area:${id}`) as Area | undefined) ?? fault(`parent: no area ${id} is registered`)
}

function checkReferences({ road, cabinet }: Attributes, registered: Registered): void {
  if (road !== undefined && !registered.has(`road:${road}`))
    fault(`attributes: no road ${road} is registered`)
  const feeder = cabinet === undefined ? undefined : registered.get(`facility:${cabinet}`)
  if (cabinet !== undefined && (feeder as Facility | undefined)?.kind !== 'cabinet') {
    fault(`attributes: no cabinet ${cabinet} is registered`)
  }
}

function place({ lat, lon }: Cells): { lat: number | null; lon: number | null } {
  if (lat === '' && lon === '') return { lat: null, lon: null }
  return { lat: degrees(lat, 'lat', 90), lon: degrees(lon, 'lon', 180) }
}

function degrees(text: string, cell: string, limit: number): number {
  const value = text === '' ? NaN : Number(text)
  return Math.abs(value) <= limit ? value : fault(`${cell}: degrees from -${limit} to ${limit}`)
}

function readAttributes(text: string): Attributes {
  const attributes = tryAttributes(text)
  if (attributes === NOT_AN_OBJECT) fault('attributes: not a JSON object')
  const [error] = knownAttributes.Errors(attributes)
  if (error) fault(`attributes${error.instancePath}: ${mustBe(error, attributes)}`)
  const { geometry, lightingSchedule } = attributes
  if (lightingSchedule !== undefined && !isLightingSchedule(lightingSchedule)) {
    fault(`attributes/lightingSchedule: ${LIGHTING_SCHEDULE_IS}`)
  }
  if (geometry && geometry.fullDistanceMm >= geometry.emptyDistanceMm) {
    fault('attributes/geometry: fullDistanceMm must be less than emptyDistanceMm')
  }
  return attributes
}

/** What an attribute must be, and what it is; a number in quotes is the mistake of many a spreadsheet. */
function mustBe(
  { message, instancePath, params }: TLocalizedValidationError,
  attributes: Attributes
): string {
  const { allowedValues, type } = params as { allowedValues?: unknown[]; type?: unknown }
  const given = instancePath
    .split('/')
    .slice(1)
    .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], attributes)
  const must = allowedValues ? `must be one of ${allowedValues.join(', ')}` : message
  const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : NaN
  const quoted = allowedValues ? allowedValues.includes(number) : type === 'number' || type === 'integer'
  const how = quoted && Number.isFinite(number) ? ' (without quotes)' : ''
  return `${must}${how}; it is ${JSON.stringify(given).slice(0, GIVEN_SHOWN)}`
}
const GIVEN_SHOWN = 80

const NOT_AN_OBJECT: Attributes = {}

function tryAttributes(text: string): Attributes {
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Attributes) : NOT_AN_OBJECT
  } catch {
    return NOT_AN_OBJECT
  }
}

function member<const T extends string>(values: readonly T[], text: string, cell: string): T {
  return values.find(value => value === text) ?? fault(`${cell}: one of ${values.join(', ')}`)
}
