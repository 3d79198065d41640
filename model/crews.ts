import { Type, type Static } from 'typebox'
import { FACILITY_KIND_IDS } from './kinds.ts'
import { ID_PATTERN } from './ids.ts'

/** Who is sent: crews with their shifts, and who answers for an area. Each is a change, so that a replay sends the same. */

const Id = Type.String({ pattern: ID_PATTERN })
const Name = Type.String({ minLength: 1, maxLength: 100 })
const Phone = Type.Union([Type.String({ pattern: '^\\+?[0-9][0-9 -]{2,30}$' }), Type.Null()])
const Username = Type.String({ pattern: ID_PATTERN })

/** City time `HH:MM`, 00:00 to 23:59. */
const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' })

/** On these days (ISO, 1 = Monday) from one city time to another; `to` at or before `from` is on the next day. */
export const Shift = Type.Object(
  {
    days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
      minItems: 1,
      maxItems: 7,
      uniqueItems: true
    }),
    from: TimeOfDay,
    to: TimeOfDay
  },
  { additionalProperties: false }
)
export type Shift = Static<typeof Shift>

/** What is said of a crew; its id stands in the address. */
export const CrewBody = Type.Object(
  {
    name: Name,
    contractor: Type.Union([Name, Type.Null()]),
    /** Areas it serves, with all below them. */
    areas: Type.Array(Id, { maxItems: 500, uniqueItems: true }),
    /** Facility kinds it serves; none named: all. */
    kinds: Type.Array(Type.Enum([...FACILITY_KIND_IDS]), { uniqueItems: true }),
    /** None: always on shift. */
    shifts: Type.Array(Shift, { maxItems: 50 }),
    /** User names. */
    members: Type.Array(Username, { maxItems: 200, uniqueItems: true }),
    phone: Phone,
    /** An inactive crew gets nothing and is kept for its history. */
    active: Type.Boolean()
  },
  { additionalProperties: false }
)
export type CrewBody = Static<typeof CrewBody>
export const Crew = Type.Object({ id: Id, ...CrewBody.properties }, { additionalProperties: false })
export type Crew = Static<typeof Crew>

/** 街长: level 1 is the highest (district), 3 the nearest (grid). */
export const CHIEF_LEVELS = [1, 2, 3] as const
export type ChiefLevel = (typeof CHIEF_LEVELS)[number]
export const StreetChief = Type.Object(
  {
    level: Type.Enum([...CHIEF_LEVELS]),
    name: Name,
    /** Where there is an account. */
    username: Type.Union([Username, Type.Null()]),
    phone: Phone
  },
  { additionalProperties: false }
)
export type StreetChief = Static<typeof StreetChief>

/** Who answers for an area: said of it, it counts for all below it that do not say otherwise. */
export const AreaDutyBody = Type.Object(
  {
    /** 责任单位 */
    unit: Type.Union([Name, Type.Null()]),
    contractor: Type.Union([Name, Type.Null()]),
    /** At most one a level. */
    chiefs: Type.Array(StreetChief, { maxItems: CHIEF_LEVELS.length })
  },
  { additionalProperties: false }
)
export type AreaDutyBody = Static<typeof AreaDutyBody>
export const AreaDuty = Type.Object({ area: Id, ...AreaDutyBody.properties }, { additionalProperties: false })
export type AreaDuty = Static<typeof AreaDuty>

/** A crew as it is shown: `onShift` by the city's clock, and its members by name. */
export const CrewItem = Type.Object({
  ...Crew.properties,
  onShift: Type.Boolean(),
  team: Type.Array(Type.Object({ username: Type.String(), name: Type.String() }))
})
export type CrewItem = Static<typeof CrewItem>

/** What a printed QR code says: the address `/scan/{facility}/{code}`. */
export const FacilityCode = Type.Object({
  facility: Id,
  name: Type.String(),
  kind: Type.Enum([...FACILITY_KIND_IDS]),
  areaName: Type.String(),
  code: Type.String()
})
export type FacilityCode = Static<typeof FacilityCode>
export const ServiceRequest = Type.Object(
  { token: Type.String({ pattern: '^[\\w-]{22}$' }) },
  { additionalProperties: false }
)
export const ServiceAnswer = Type.Object({
  facility: Id,
  name: Type.String(),
  at: Type.String({ format: 'date-time' })
})
export type ServiceAnswer = Static<typeof ServiceAnswer>
