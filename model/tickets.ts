import type { Label } from './label.ts'
import type { DayWindow } from './rules.ts'
import type { Millis } from './time.ts'

/** The life of a maintenance case; `open` says whether the one-open-ticket rule counts it. */
export const TICKET_STATES = {
  new: { label: { en: 'New', zh: '新建' }, open: true },
  checked: { label: { en: 'Checked', zh: '已核实' }, open: true },
  dispatched: { label: { en: 'Dispatched', zh: '已派遣' }, open: true },
  accepted: { label: { en: 'Accepted', zh: '已接单' }, open: true },
  'in-progress': { label: { en: 'In progress', zh: '处置中' }, open: true },
  'claimed-done': { label: { en: 'Claimed done', zh: '待核查' }, open: true },
  closed: { label: { en: 'Closed', zh: '已结案' }, open: false },
  void: { label: { en: 'Void', zh: '已作废' }, open: false }
} as const satisfies Record<string, { label: Label; open: boolean }>
export type TicketState = keyof typeof TICKET_STATES
export const TICKET_STATE_IDS = Object.keys(TICKET_STATES) as TicketState[]
const OPEN_STATES = TICKET_STATE_IDS.filter(state => TICKET_STATES[state].open)
/** Before a crew took it: an episode that ends now closes the ticket by itself. */
export const BEFORE_ACCEPTANCE: readonly TicketState[] = ['new', 'checked', 'dispatched']

/** Somebody has to be sent or to come: what waits to be verified is not among them. */
export const RUNNING: readonly TicketState[] = [...BEFORE_ACCEPTANCE, 'accepted', 'in-progress']

export const isOpen = (state: TicketState): boolean => TICKET_STATES[state].open

export const TICKET_SOURCES = {
  sensor: { label: { en: 'Sensor', zh: '传感器' }, personMade: false },
  patrol: { label: { en: 'Patrol', zh: '巡查' }, personMade: true },
  inspection: { label: { en: 'Inspection', zh: '检查' }, personMade: true },
  platform: { label: { en: 'Platform', zh: '平台' }, personMade: true },
  hotline: { label: { en: 'Hotline', zh: '热线' }, personMade: true },
  public: { label: { en: 'Public', zh: '随手拍' }, personMade: true },
  planned: { label: { en: 'Planned', zh: '计划' }, personMade: false }
} as const satisfies Record<string, { label: Label; personMade: boolean }>
export type TicketSource = keyof typeof TICKET_SOURCES
export const TICKET_SOURCE_IDS = Object.keys(TICKET_SOURCES) as TicketSource[]
/** What a person may name as source; such a ticket is checked before anyone is sent. */
export const PERSON_SOURCES = TICKET_SOURCE_IDS.filter(source => TICKET_SOURCES[source].personMade)

export const ROLES = {
  admin: { label: { en: 'Administrator', zh: '管理员' } },
  operator: { label: { en: 'Operator', zh: '值班员' } },
  crew: { label: { en: 'Crew', zh: '班组' } },
  manager: { label: { en: 'Manager', zh: '主管' } },
  inspector: { label: { en: 'Inspector', zh: '督查' } }
} as const satisfies Record<string, { label: Label }>
export type Role = keyof typeof ROLES

/** What a ticket was opened under. */
export interface TicketTerms {
  /** Running time allowed to resolve it, and until somebody accepted it. */
  allowedMs: Millis
  respondMs: Millis
  /** A claim waits at least so long for a report. */
  verifyWithinMs: Millis
  /** A new ticket so soon after this one was done is rework. */
  reworkWithinMs: Millis
  /** Its completion is a cleaning of the facility. */
  service: boolean
  /** No sensor can tell that it is done. */
  byPerson: boolean
  /** Hours of the city's week in which its clocks run; none: always. */
  hours: readonly DayWindow[]
}

/** A time in which no clock of the ticket ran; `until` null: it goes on. */
export interface Pause {
  from: Millis
  until: Millis | null
  why: 'deferred' | 'suppressed' | 'cleared'
}
export const PAUSE_REASONS = {
  deferred: { label: { en: 'Deferred', zh: '缓办' } },
  suppressed: { label: { en: 'Waits for what causes it', zh: '随上级故障挂起' } },
  cleared: { label: { en: 'Was clear for a while', zh: '曾恢复' } }
} as const satisfies Record<Pause['why'], { label: Label }>

/** What somebody asked for and another role has to answer. */
export interface Asked {
  what: 'defer' | 'extend'
  by: string
  role: Role
  at: Millis
  /** Of a deferral: until when. */
  until: Millis | null
  /** Of an extension: how much more time. */
  ms: Millis | null
  note: string
}

/** What an action needs besides its name. `quietUntil` only while the condition holds. */
export const NEEDS = {
  reason: { label: { en: 'a reason', zh: '原因' } },
  quietUntil: {
    label: { en: 'until when it stays quiet, while the condition holds', zh: '静默截止时间（故障未恢复时）' }
  },
  until: { label: { en: 'until when', zh: '截止时间' } },
  extendMs: { label: { en: 'how much more time', zh: '延长时间' } },
  'crew or unit': { label: { en: 'a crew or a unit', zh: '班组或责任单位' } },
  into: { label: { en: 'the ticket it is the same as', zh: '并入的工单' } }
} as const satisfies Record<string, { label: Label }>
export type Need = keyof typeof NEEDS

/** What of a ticket decides what may be done with it. */
export interface TicketFacts {
  state: TicketState
  source: TicketSource
  asked: Pick<Asked, 'by' | 'role'> | null
  deferredUntil: unknown
  claimedBy: string | null
  closeReason: CloseReason | null
  recheck: Recheck | null
}
export interface Actor {
  username: string
  /** Unknown of changes from before roles were written down: they were checked then. */
  role?: Role | undefined
}

/** Conditions beyond state and role; each with what it says when it is not met. */
const GUARDS = {
  'person-made': {
    says: 'only what a person reported is checked',
    holds: ({ source }) => TICKET_SOURCES[source].personMade
  },
  'checked-first': {
    says: 'what a person reported is checked first',
    holds: ({ source, state }) => state !== 'new' || !TICKET_SOURCES[source].personMade
  },
  'nothing-asked': {
    says: 'something is asked for already, or it is deferred',
    holds: ({ asked, deferredUntil }) => asked === null && deferredUntil === null
  },
  asked: { says: 'nothing is asked for', holds: ({ asked }) => asked !== null },
  'another-role': {
    says: 'somebody of another role has to answer',
    holds: ({ asked }, { username, role }) => asked?.by !== username && asked?.role !== role
  },
  deferred: { says: 'it is not deferred', holds: ({ deferredUntil }) => deferredUntil !== null },
  'not-the-claimer': {
    says: 'who claimed it cannot verify it',
    holds: ({ claimedBy }, { username }) => claimedBy !== username
  },
  'was-done': {
    says: 'only what was closed as done can be opened again',
    holds: ({ closeReason }) =>
      closeReason === 'verified' || closeReason === 'person' || closeReason === 'one-step'
  },
  'recheck-due': { says: 'no second look is due', holds: ({ recheck }) => recheck === 'due' }
} as const satisfies Record<string, { says: string; holds: (facts: TicketFacts, actor: Actor) => boolean }>
export type Guard = keyof typeof GUARDS

export interface TicketMove {
  label: Label
  from: readonly TicketState[]
  /** Undefined: the state stays. */
  to?: TicketState
  by: readonly Role[]
  needs?: readonly Need[]
  only?: readonly Guard[]
}

/** Everything a person may do to a ticket. What is not here cannot happen. */
export const TICKET_MOVES = {
  check: {
    label: { en: 'Confirm it is real', zh: '核实立案' },
    from: ['new'],
    to: 'checked',
    by: ['admin', 'operator', 'inspector'],
    only: ['person-made']
  },
  dispatch: {
    label: { en: 'Dispatch', zh: '派遣' },
    from: ['new', 'checked'],
    to: 'dispatched',
    by: ['admin', 'operator'],
    only: ['checked-first']
  },
  accept: {
    label: { en: 'Accept', zh: '接单' },
    from: ['new', 'dispatched'],
    to: 'accepted',
    by: ['admin', 'operator', 'crew'],
    only: ['checked-first']
  },
  start: {
    label: { en: 'Start work', zh: '开始处置' },
    from: ['accepted'],
    to: 'in-progress',
    by: ['admin', 'operator', 'crew']
  },
  claim: {
    label: { en: 'Claim done', zh: '处置完成' },
    from: ['accepted', 'in-progress'],
    to: 'claimed-done',
    by: ['admin', 'operator', 'crew']
  },
  verify: {
    label: { en: 'Verify', zh: '核查通过' },
    from: ['claimed-done'],
    to: 'closed',
    by: ['admin', 'operator', 'inspector'],
    needs: ['reason', 'quietUntil'],
    only: ['not-the-claimer']
  },
  return: {
    label: { en: 'Return for rework', zh: '返工' },
    from: ['claimed-done'],
    to: 'dispatched',
    by: ['admin', 'operator', 'inspector'],
    needs: ['reason']
  },
  refuse: {
    label: { en: 'Give back', zh: '退单' },
    from: ['dispatched', 'accepted'],
    to: 'new',
    by: ['admin', 'operator', 'crew'],
    needs: ['reason']
  },
  transfer: {
    label: { en: 'Transfer', zh: '移交' },
    from: ['new', 'checked', 'dispatched', 'accepted', 'in-progress'],
    to: 'dispatched',
    by: ['admin', 'operator'],
    needs: ['reason', 'crew or unit'],
    only: ['checked-first']
  },
  defer: {
    label: { en: 'Ask to defer', zh: '申请缓办' },
    from: ['checked', 'dispatched', 'accepted', 'in-progress'],
    by: ['admin', 'operator', 'crew'],
    needs: ['reason', 'until'],
    only: ['nothing-asked']
  },
  extend: {
    label: { en: 'Ask for more time', zh: '申请延期' },
    from: ['checked', 'dispatched', 'accepted', 'in-progress'],
    by: ['admin', 'operator', 'crew'],
    needs: ['reason', 'extendMs'],
    only: ['nothing-asked']
  },
  approve: {
    label: { en: 'Approve', zh: '批准' },
    from: ['new', 'checked', 'dispatched', 'accepted', 'in-progress'],
    by: ['admin', 'operator', 'manager'],
    only: ['asked', 'another-role']
  },
  deny: {
    label: { en: 'Deny', zh: '不予批准' },
    from: ['new', 'checked', 'dispatched', 'accepted', 'in-progress', 'claimed-done'],
    by: ['admin', 'operator', 'manager'],
    needs: ['reason'],
    only: ['asked', 'another-role']
  },
  resume: {
    label: { en: 'End the deferral', zh: '恢复办理' },
    from: ['new', 'checked', 'dispatched', 'accepted', 'in-progress'],
    by: ['admin', 'operator', 'crew'],
    only: ['deferred']
  },
  merge: {
    label: { en: 'Merge into another', zh: '并案' },
    from: ['new', 'checked', 'dispatched'],
    to: 'closed',
    by: ['admin', 'operator'],
    needs: ['reason', 'into', 'quietUntil']
  },
  close: {
    label: { en: 'Close', zh: '结案' },
    from: ['new', 'checked', 'dispatched', 'accepted', 'in-progress', 'claimed-done'],
    to: 'closed',
    by: ['admin', 'operator'],
    needs: ['reason', 'quietUntil']
  },
  void: {
    label: { en: 'Void', zh: '作废' },
    from: ['new', 'checked', 'dispatched'],
    to: 'void',
    by: ['admin', 'operator'],
    needs: ['reason', 'quietUntil']
  },
  reopen: {
    label: { en: 'Open again', zh: '重新立案' },
    from: ['closed'],
    by: ['admin', 'operator', 'inspector'],
    needs: ['reason'],
    only: ['was-done']
  },
  'recheck-ok': {
    label: { en: 'Second look: still good', zh: '回头看合格' },
    from: ['closed'],
    by: ['admin', 'inspector'],
    only: ['recheck-due']
  },
  'recheck-failed': {
    label: { en: 'Second look: not good', zh: '回头看不合格' },
    from: ['closed'],
    by: ['admin', 'inspector'],
    needs: ['reason'],
    only: ['recheck-due']
  },
  comment: {
    label: { en: 'Comment', zh: '备注' },
    from: OPEN_STATES,
    by: ['admin', 'operator', 'crew', 'manager', 'inspector'],
    needs: ['reason']
  }
} as const satisfies Record<string, TicketMove>
export type TicketAction = keyof typeof TICKET_MOVES
export const TICKET_ACTION_IDS = Object.keys(TICKET_MOVES) as TicketAction[]
export const ticketMove = (action: TicketAction): TicketMove => TICKET_MOVES[action]
export const needsOf = (action: TicketAction): readonly Need[] => ticketMove(action).needs ?? []

/** Why `actor` cannot do it to such a ticket now, or undefined. */
export function whyNot(facts: TicketFacts, action: TicketAction, actor: Actor): string | undefined {
  const { from, by, only = [], label } = ticketMove(action)
  if (actor.role && !by.includes(actor.role))
    return `${label.en} is for ${by.join(', ')}; you are ${actor.role}`
  if (!from.includes(facts.state))
    return `the ticket is ${facts.state}: it cannot be moved by "${action}" now`
  const broken = only.find(guard => !GUARDS[guard].holds(facts, actor))
  return broken && GUARDS[broken].says
}

/** What `actor` may do now, in the order of the table. */
export const allowedActions = (facts: TicketFacts, actor: Actor): TicketAction[] =>
  TICKET_ACTION_IDS.filter(action => whyNot(facts, action, actor) === undefined)

/**
 * A claim from the phone of a crew that was offline while the trouble went away: recorded for the crew, moves nothing.
 */
export const isLateClaim = (
  { closeReason }: Pick<TicketFacts, 'closeReason'>,
  action: TicketAction
): boolean => action === 'claim' && closeReason === 'self-cleared'

/** How a ticket came to its end. */
export const CLOSE_REASONS = {
  'self-cleared': { label: { en: 'Cleared by itself before anyone took it', zh: '接单前自行恢复' } },
  verified: { label: { en: 'Repair confirmed', zh: '核实修复' } },
  person: { label: { en: 'Closed by a person', zh: '人工结案' } },
  merged: { label: { en: 'Merged into another ticket', zh: '并案' } },
  'one-step': { label: { en: 'Found and put right on the spot', zh: '即查即改' } },
  void: { label: { en: 'Voided', zh: '作废' } }
} as const satisfies Record<string, { label: Label }>
export type CloseReason = keyof typeof CLOSE_REASONS

/** 三色督办, in the order they come; `chief` is the level of the street chief who is told. Shares are the client's ★. */
export const COLOURS = {
  white: { label: { en: 'White', zh: '白色督办' }, share: 0.5, chief: 3 },
  yellow: { label: { en: 'Yellow', zh: '黄色督办' }, share: 0.8, chief: 2 },
  red: { label: { en: 'Red', zh: '红色督办' }, share: 1, chief: 1 }
} as const satisfies Record<string, { label: Label; share: number; chief: 1 | 2 | 3 }>
export type Colour = keyof typeof COLOURS
export const COLOUR_IDS = Object.keys(COLOURS) as Colour[]

/** What a claim waits for. */
export const VERIFICATIONS = {
  report: { label: { en: 'Waits for a report of the sensor', zh: '等待传感器核实' } },
  person: { label: { en: 'An operator or inspector has to verify', zh: '待值班员或督查核查' } }
} as const satisfies Record<string, { label: Label }>
export type Verification = keyof typeof VERIFICATIONS

/** 回头看: some closed tickets are looked at a second time. */
export const RECHECKS = {
  planned: { label: { en: 'A second look is planned', zh: '待回头看' } },
  due: { label: { en: 'A second look is due', zh: '回头看到期' } },
  ok: { label: { en: 'Second look: still good', zh: '回头看合格' } },
  failed: { label: { en: 'Second look: not good', zh: '回头看不合格' } },
  lapsed: { label: { en: 'Second look never done', zh: '回头看逾期未做' } }
} as const satisfies Record<string, { label: Label }>
export type Recheck = keyof typeof RECHECKS

/** What people are told of. `asks`: the ticket waits for whoever is told, until it has moved; else it is for them to know. */
export const NOTIFICATION_KINDS = {
  dispatched: { label: { en: 'A ticket for your crew', zh: '新派工单' }, asks: true },
  returned: { label: { en: 'Sent back for rework', zh: '工单返工' }, asks: true },
  transferred: { label: { en: 'Handed to you', zh: '工单移交' }, asks: true },
  refused: { label: { en: 'The crew gave it back', zh: '班组退单' }, asks: true },
  asked: { label: { en: 'Somebody asks for time', zh: '缓办延期申请' }, asks: true },
  answered: { label: { en: 'Your request was answered', zh: '申请已答复' }, asks: false },
  colour: { label: { en: 'Supervision colour changed', zh: '督办变色' }, asks: false },
  escalated: { label: { en: 'Escalated to you', zh: '逐级上报' }, asks: false },
  'no-report': { label: { en: 'No report confirms the claim', zh: '无上报佐证，待人工核查' }, asks: true },
  'claim-missing': {
    label: { en: 'Clear by sensor, nobody claimed it', zh: '已恢复，班组未报完成' },
    asks: true
  },
  'to-verify': { label: { en: 'Claimed done, to be verified', zh: '处置完成，待核查' }, asks: true },
  nobody: { label: { en: 'Nobody on shift to send', zh: '无当班班组可派' }, asks: true },
  'to-check': { label: { en: 'Reported, to be checked', zh: '新上报，待核实' }, asks: true },
  recheck: { label: { en: 'A second look is due', zh: '回头看到期' }, asks: true }
} as const satisfies Record<string, { label: Label; asks: boolean }>
export type NotificationKind = keyof typeof NOTIFICATION_KINDS

/** What else stands in a ticket's history: done by a sensor or by the system. */
export const TICKET_EVENTS = {
  open: { label: { en: 'Opened', zh: '立案' } },
  clear: { label: { en: 'Clear by sensor', zh: '传感器恢复' } },
  again: { label: { en: 'Came back', zh: '再次发生' } },
  severity: { label: { en: 'Severity changed', zh: '严重程度变化' } },
  joined: { label: { en: 'Reported once more', zh: '重复上报，并入本单' } },
  rated: { label: { en: 'Rated by the reporter', zh: '上报人评价' } },
  pause: { label: { en: 'Clocks stopped: something else causes it', zh: '随上级故障挂起，暂停计时' } },
  'go-on': { label: { en: 'Clocks go on', zh: '恢复计时' } },
  colour: { label: { en: 'Supervision colour', zh: '督办变色' } },
  nobody: { label: { en: 'Nobody on shift to send', zh: '无当班班组可派' } },
  escalate: { label: { en: 'Escalated', zh: '逐级上报' } },
  'no-report': { label: { en: 'No report confirms the claim', zh: '无上报佐证' } },
  'claim-missing': { label: { en: 'Clear, and nobody claimed it', zh: '已恢复，未报处置完成' } },
  'late-claim': { label: { en: 'Claimed after it had cleared by itself', zh: '自行恢复后补报处置' } },
  'recheck-due': { label: { en: 'A second look is due', zh: '回头看到期' } },
  'recheck-lapsed': { label: { en: 'Second look never done', zh: '回头看逾期未做' } }
} as const satisfies Record<string, { label: Label }>
