import type { Label } from './label.ts'
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
export const REPORT_STATE_IDS = Object.keys(REPORT_STATES) as ReportState[]

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
export const WITHOUT_WORK_IDS = Object.keys(WITHOUT_WORK) as WithoutWork[]

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

/** With one report of somebody without an account. */
export const PUBLIC_PHOTOS = 3

/** Satisfaction (满意度): what reporters said in a period. */
export interface Satisfaction {
  rated: number
  /** 1 to 5, to two digits; null when nobody rated. */
  starsAvg: number | null
}
