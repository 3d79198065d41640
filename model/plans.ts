import { Type, type Static } from 'typebox'
import { ID_PATTERN } from './ids.ts'
import { TICKET_KIND_IDS } from './ticket-kinds.ts'

const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' })

/** Work that is due at a facility on days of the week, within a window of city time; done is a scan of its code in that time. */
export const PlanBody = Type.Object(
  {
    title: Type.String({ minLength: 1, maxLength: 100 }),
    /** What a ticket is that follows when it is missed. */
    kind: Type.Enum([...TICKET_KIND_IDS]),
    facility: Type.String({ pattern: ID_PATTERN }),
    /** ISO: 1 = Monday. */
    days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
      minItems: 1,
      maxItems: 7,
      uniqueItems: true
    }),
    from: TimeOfDay,
    /** At or before `from`: on the next day. */
    to: TimeOfDay,
    active: Type.Boolean()
  },
  { additionalProperties: false }
)
export type PlanBody = Static<typeof PlanBody>
export const Plan = Type.Object(
  { id: Type.String({ pattern: ID_PATTERN }), ...PlanBody.properties },
  { additionalProperties: false }
)
export type Plan = Static<typeof Plan>
