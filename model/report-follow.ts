import { Type, type Static } from 'typebox'
import { ID_PATTERN } from './ids.ts'
import type { Label } from './label.ts'
import { PUBLIC_KIND_IDS, TICKET_KIND_IDS } from './ticket-kinds.ts'
import type { CloseReason, Role, TicketSource, TicketState } from './tickets.ts'
import { days } from './time.ts'

/** What somebody without an account may know of their report, and say about how it ended. */

/** Who did it, where a person without an account did. */
export const REPORTER = 'reporter'
/** Reports of citizens: only they can be followed and rated. */
export const FOLLOWED_SOURCES: readonly TicketSource[] = ['hotline', 'public']
/** Who hands codes out. Not crews: with a code one can rate their work. */
export const CODE_ROLES: readonly Role[] = ['admin', 'operator', 'manager', 'inspector']
/** A case can be rated so long after its end. */
export const RATE_WITHIN_MS = days(14)

/** Crockford's base 32: no letter that is taken for another. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_LENGTH = 12

/** The first 60 bits as a code to read out: `7K3F-9QXW-BA2M`. */
export const codeFrom = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, CODE_LENGTH), byte => ALPHABET[byte % 32])
    .join('')
    .replace(/(.{4})(?=.)/g, '$1-')

/** A code as somebody typed it, in its one form; undefined when it is none. */
export function codeTyped(text: string): string | undefined {
  const plain = text.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replaceAll('O', '0')
  if (plain.length !== CODE_LENGTH || [...plain].some(letter => !ALPHABET.includes(letter))) return undefined
  return plain.replace(/(.{4})(?=.)/g, '$1-')
}

/** Where a case stands, in the words of the person who reported it. */
export const REPORT_STATES = {
  received: { label: { en: 'Received', zh: '已受理' } },
  checked: { label: { en: 'Checked: it is real', zh: '已核实' } },
  'on-the-way': { label: { en: 'Somebody is sent', zh: '已派人处理' } },
  'being-worked-on': { label: { en: 'Being worked on', zh: '正在处理' } },
  finished: { label: { en: 'Work finished, being looked at', zh: '处理完毕，待核查' } },
  done: { label: { en: 'Done', zh: '已办结' } },
  'closed-without-work': { label: { en: 'Closed without work', zh: '未作处理，已结束' } }
} as const satisfies Record<string, { label: Label }>
export type ReportState = keyof typeof REPORT_STATES
const REPORT_STATE_IDS = Object.keys(REPORT_STATES) as ReportState[]

/** Why nothing was done; what the office wrote to itself stays there. */
export const WITHOUT_WORK = {
  'not-confirmed': {
    label: { en: 'Nothing was found, or it is not for us to do.', zh: '现场未发现该问题，或不属于受理范围。' }
  },
  'over-by-itself': {
    label: { en: 'It was over before anybody had to come.', zh: '问题在处理前已自行消除。' }
  },
  'by-the-office': {
    label: {
      en: 'The office ended it without sending anybody.',
      zh: '经研判由值班人员直接结束，未派人处理。'
    }
  }
} as const satisfies Record<string, { label: Label }>
export type WithoutWork = keyof typeof WITHOUT_WORK

const OPEN: Partial<Record<TicketState, ReportState>> = {
  new: 'received',
  checked: 'checked',
  dispatched: 'on-the-way',
  accepted: 'on-the-way',
  'in-progress': 'being-worked-on',
  'claimed-done': 'finished'
}
const WHY: Partial<Record<CloseReason, WithoutWork>> = {
  void: 'not-confirmed',
  'self-cleared': 'over-by-itself',
  person: 'by-the-office'
}

/** A ticket's state as its reporter reads it. `attended`: somebody took it or was there, so it did not end without work. */
export function reportState({
  state,
  closeReason,
  attended
}: {
  state: TicketState
  closeReason: CloseReason | null
  attended: boolean
}): { state: ReportState; why: WithoutWork | null } {
  const open = OPEN[state]
  if (open) return { state: open, why: null }
  const why = closeReason && WHY[closeReason]
  if (!why || (attended && closeReason !== 'void')) return { state: 'done', why: null }
  return { state: 'closed-without-work', why }
}

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
  why: Nullable(Type.Enum(Object.keys(WITHOUT_WORK) as WithoutWork[])),
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

/** With one report of somebody without an account. */
export const PUBLIC_PHOTOS = 3
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

/** Satisfaction (满意度): what reporters said in a period. */
export interface Satisfaction {
  rated: number
  /** 1 to 5, to two digits; null when nobody rated. */
  starsAvg: number | null
}
