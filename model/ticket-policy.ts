import { Type, type Static } from 'typebox'
import { FACILITY_KIND_IDS } from './kinds.ts'
import { SEVERITY_IDS } from './rules.ts'
import { days, hours, minutes } from './time.ts'

const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$' })
const Hours = Type.Object(
  {
    from: TimeOfDay,
    to: TimeOfDay,
    days: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), { minItems: 1, uniqueItems: true })
    )
  },
  { additionalProperties: false }
)
const Share = Type.Number({ minimum: 0, maximum: 100 })
const Span = Type.Integer({ minimum: 0, maximum: days(365) })

/** Where a ticket goes when nobody comes, one level after the other. */
export const ESCALATION_LEVELS = ['grid', 'street', 'district', 'unit'] as const
export type EscalationLevel = (typeof ESCALATION_LEVELS)[number]

/** How the city handles its tickets, as data: each edit is a change, a ticket keeps the terms it was opened under. */
export const TicketPolicy = Type.Object(
  {
    /** Sensor and planned tickets go to the crew on shift by themselves. */
    autoDispatch: Type.Boolean(),
    /** After which share of the allowed time each level is told; 1 is the deadline. */
    escalation: Type.Array(
      Type.Object({ to: Type.Enum([...ESCALATION_LEVELS]), share: Share }, { additionalProperties: false }),
      { maxItems: ESCALATION_LEVELS.length }
    ),
    /** Tickets so severe are red from the start. */
    redAtOnce: Type.Array(Type.Enum([...SEVERITY_IDS]), { uniqueItems: true }),
    /** Hours of the week in which clocks run, by facility kind; a kind that is not named: always. */
    serviceHours: Type.Partial(
      Type.Object(
        Object.fromEntries(FACILITY_KIND_IDS.map(kind => [kind, Type.Array(Hours)])) as Record<
          (typeof FACILITY_KIND_IDS)[number],
          ReturnType<typeof Type.Array<typeof Hours>>
        >,
        { additionalProperties: false }
      )
    ),
    /** How long the sensor may be clear without a claim before an operator is asked. */
    claimWaitMs: Span,
    /** A deferral reaches at most so far from the day it is asked for. */
    deferMaxMs: Span,
    /** All extensions together, as a share of the time allowed at first. */
    extendMaxShare: Share,
    /** Which share of closed tickets is looked at again, and after how long. */
    recheck: Type.Object(
      { share: Type.Number({ minimum: 0, maximum: 1 }), afterMs: Span },
      { additionalProperties: false }
    ),
    /** Of tickets that people make, and that are planned. */
    personMade: Type.Object({ respondMs: Span, reworkWithinMs: Span }, { additionalProperties: false }),
    /** Reports of one kind so near each other are one ticket. */
    joinWithinM: Type.Number({ minimum: 0, maximum: 1000 })
  },
  { additionalProperties: false }
)
export type TicketPolicy = Static<typeof TicketPolicy>

export const DEFAULT_TICKET_POLICY: TicketPolicy = {
  autoDispatch: true,
  escalation: [
    { to: 'grid', share: 1 },
    { to: 'street', share: 1.25 },
    { to: 'district', share: 1.5 },
    { to: 'unit', share: 2 }
  ],
  redAtOnce: ['critical'],
  serviceHours: {},
  claimWaitMs: hours(2),
  deferMaxMs: days(30),
  extendMaxShare: 1,
  recheck: { share: 0.05, afterMs: days(7) },
  personMade: { respondMs: minutes(30), reworkWithinMs: days(3) },
  joinWithinM: 50
}
