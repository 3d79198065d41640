import { Type, type Static } from 'typebox'
import { FacilitySummary, Id, Instant, listOf } from './api.ts'
import { LIGHTING_GRADES } from './kinds.ts'
import { LAMP_VIEWS, LIGHTING_LEVEL_IDS, LIGHTING_STANDINGS, type LightingRate } from './lighting.ts'

/** The shapes of lighting rates over HTTP. */

const oneOf = <const T extends string>(values: readonly T[]) => Type.Enum([...values] as [T, ...T[]])
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Count = Type.Integer({ minimum: 0 })
const Percent = Type.Number({ minimum: 0, maximum: 100 })
const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 300 }))
}

export const LightingItem = Type.Object({
  level: oneOf(LIGHTING_LEVEL_IDS),
  id: Type.String(),
  name: Type.String(),
  grade: orNull(oneOf(LIGHTING_GRADES)),
  areaName: orNull(Type.String()),
  lamps: Count,
  lit: Count,
  dark: Count,
  unknown: Count,
  out: Count,
  ratePct: orNull(Type.Object({ min: Percent, max: Percent })),
  targetPct: orNull(Percent),
  darkAllowed: orNull(Count),
  standing: orNull(oneOf(LIGHTING_STANDINGS)),
  ticket: orNull(Type.String())
})
/** What the shape says is what the rules count; a field on one side only does not compile. */
const SAME: [LightingRate, Static<typeof LightingItem>] extends [Static<typeof LightingItem>, LightingRate]
  ? true
  : never = true
void SAME

/** Whether lamps should be lit at all, as of the moment it was counted. */
const Night = {
  at: Instant,
  /** Between civil dusk and dawn; null: nobody can say, the root area has no coordinates. */
  night: orNull(Type.Boolean()),
  /** Of this night or day. */
  since: orNull(Instant),
  until: orNull(Instant),
  /** Lamps get a while to follow dusk; only from then on they are judged. */
  judgedFrom: orNull(Instant)
}

export const LightingQuery = Type.Object({
  level: Type.Optional(oneOf(LIGHTING_LEVEL_IDS)),
  area: Type.Optional(Id),
  q: Type.Optional(Type.String({ maxLength: 100 })),
  ...Page
})
export type LightingQuery = Static<typeof LightingQuery>

export const LightingList = Type.Object({
  ...listOf(LightingItem).properties,
  /** How many match in all. */
  total: Count,
  /** Of the area that was asked for, else of the city; null: it has no lamp with a controller. */
  whole: orNull(LightingItem),
  ...Night
})
export type LightingList = Static<typeof LightingList>

/** A grade's id names its district too, so it may be longer than others. */
export const LightingPlaceParams = Type.Object({
  level: oneOf(LIGHTING_LEVEL_IDS),
  id: Type.String({ minLength: 1, maxLength: 100 })
})

export const LightingDetail = Type.Object({ ...LightingItem.properties, ...Night })
export type LightingDetail = Static<typeof LightingDetail>

export const LampsQuery = Type.Object({
  view: Type.Optional(
    Type.Union([oneOf(LAMP_VIEWS), Type.Literal('not-lit')], {
      description: 'dark, unknown, out or lit; not-lit, the default: dark, then unknown'
    })
  ),
  ...Page
})
export const LampItem = Type.Object({ ...FacilitySummary.properties, view: oneOf(LAMP_VIEWS) })
export type LampItem = Static<typeof LampItem>
export const LampList = Type.Object({ ...listOf(LampItem).properties, total: Count })
export type LampList = Static<typeof LampList>
