import { Type, type Static } from 'typebox'
import { ID_PATTERN } from './ids.ts'
import { PUBLIC_PHOTOS, REPORT_STATE_IDS, WITHOUT_WORK_IDS } from './report-follow.ts'
import { PUBLIC_KIND_IDS, TICKET_KIND_IDS } from './ticket-kinds.ts'

/** The shapes of what people without an account ask and are told over HTTP. */

const Instant = Type.String({ format: 'date-time' })
const Nullable = <T extends Parameters<typeof Type.Array>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const State = Type.Enum([...REPORT_STATE_IDS])
const Stars = Type.Integer({ minimum: 1, maximum: 5 })

/** No name of a crew or a person, no comment, no photo: what the street may know. */
export const FollowedReport = Type.Object({
  code: Type.String(),
  kind: Type.Enum([...TICKET_KIND_IDS]),
  /** The name of the facility, road or area, or a position. */
  place: Type.String(),
  reportedAt: Instant,
  state: State,
  /** Why nothing was done. */
  why: Nullable(Type.Enum([...WITHOUT_WORK_IDS])),
  /** What was reached when, oldest first. */
  steps: Type.Array(Type.Object({ state: State, at: Instant })),
  /** Put off until then, by an approved deferral. */
  postponedUntil: Nullable(Instant),
  rating: Nullable(Type.Object({ stars: Stars, comment: Nullable(Type.String()), at: Instant })),
  /** Until when it can be rated; null: it cannot, not yet or not any more. */
  rateUntil: Nullable(Instant),
  /** The clock that the page shows. */
  timeZone: Type.String()
})
export type FollowedReport = Static<typeof FollowedReport>

export const RatingRequest = Type.Object(
  { stars: Stars, comment: Type.Optional(Type.String({ maxLength: 500 })) },
  { additionalProperties: false }
)
export type RatingRequest = Static<typeof RatingRequest>

/** The name of a photo on its way into a report: 128 random bits, of use once and for an hour. */
export const PublicUpload = Type.Object({
  id: Type.String({ pattern: '^[\\w-]{22}$' }),
  expiresAt: Instant
})
export type PublicUpload = Static<typeof PublicUpload>

/** What somebody without an account saw: at a facility whose sign they read, or at a position. */
export const PublicReportRequest = Type.Object(
  {
    kind: Type.Enum([...PUBLIC_KIND_IDS]),
    facility: Type.Optional(Type.String({ pattern: ID_PATTERN })),
    lat: Type.Optional(Type.Number({ minimum: -90, maximum: 90 })),
    lon: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
    note: Type.Optional(Type.String({ maxLength: 500 })),
    /** Ids of uploads. */
    photos: Type.Optional(
      Type.Array(PublicUpload.properties.id, { maxItems: PUBLIC_PHOTOS, uniqueItems: true })
    )
  },
  { additionalProperties: false }
)
export type PublicReportRequest = Static<typeof PublicReportRequest>
export const PublicReports = Type.Object({ open: Type.Boolean() })
