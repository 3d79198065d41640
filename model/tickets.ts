import type { Label } from './label.ts'

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
export const OPEN_STATES = TICKET_STATE_IDS.filter(state => TICKET_STATES[state].open)
/** Before a crew took it: an episode that ends now closes the ticket by itself. */
export const BEFORE_ACCEPTANCE: readonly TicketState[] = ['new', 'checked', 'dispatched']

export const TICKET_SOURCES = {
  sensor: { label: { en: 'Sensor', zh: '传感器' } },
  patrol: { label: { en: 'Patrol', zh: '巡查' } },
  inspection: { label: { en: 'Inspection', zh: '检查' } },
  platform: { label: { en: 'Platform', zh: '平台' } },
  hotline: { label: { en: 'Hotline', zh: '热线' } },
  public: { label: { en: 'Public', zh: '随手拍' } },
  planned: { label: { en: 'Planned', zh: '计划' } }
} as const satisfies Record<string, { label: Label }>
export type TicketSource = keyof typeof TICKET_SOURCES

export const ROLES = {
  admin: { label: { en: 'Administrator', zh: '管理员' } },
  operator: { label: { en: 'Operator', zh: '值班员' } },
  crew: { label: { en: 'Crew', zh: '班组' } },
  manager: { label: { en: 'Manager', zh: '主管' } },
  inspector: { label: { en: 'Inspector', zh: '督查' } }
} as const satisfies Record<string, { label: Label }>
export type Role = keyof typeof ROLES

export interface TicketMove {
  label: Label
  from: readonly TicketState[]
  /** Undefined: the state stays (a comment). */
  to?: TicketState
  by: readonly Role[]
  /** A note is required. */
  reason?: true
}

/** Everything a person may do to a ticket. What is not here cannot happen. */
export const TICKET_MOVES = {
  check: {
    label: { en: 'Confirm it is real', zh: '核实立案' },
    from: ['new'],
    to: 'checked',
    by: ['admin', 'operator', 'inspector']
  },
  dispatch: {
    label: { en: 'Dispatch', zh: '派遣' },
    from: ['new', 'checked'],
    to: 'dispatched',
    by: ['admin', 'operator']
  },
  accept: {
    label: { en: 'Accept', zh: '接单' },
    from: ['new', 'dispatched'],
    to: 'accepted',
    by: ['admin', 'operator', 'crew']
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
    reason: true
  },
  return: {
    label: { en: 'Return for rework', zh: '返工' },
    from: ['claimed-done'],
    to: 'dispatched',
    by: ['admin', 'operator', 'inspector'],
    reason: true
  },
  close: {
    label: { en: 'Close', zh: '结案' },
    from: ['new', 'checked', 'dispatched', 'accepted', 'in-progress', 'claimed-done'],
    to: 'closed',
    by: ['admin', 'operator'],
    reason: true
  },
  void: {
    label: { en: 'Void', zh: '作废' },
    from: ['new', 'checked', 'dispatched'],
    to: 'void',
    by: ['admin', 'operator'],
    reason: true
  },
  comment: {
    label: { en: 'Comment', zh: '备注' },
    from: OPEN_STATES,
    by: ['admin', 'operator', 'crew', 'manager', 'inspector'],
    reason: true
  }
} as const satisfies Record<string, TicketMove>
export type TicketAction = keyof typeof TICKET_MOVES
export const TICKET_ACTION_IDS = Object.keys(TICKET_MOVES) as TicketAction[]
export const ticketMove = (action: TicketAction): TicketMove => TICKET_MOVES[action]

export const isOpen = (state: TicketState): boolean => TICKET_STATES[state].open

/** What `role` may do to a ticket in `state`, in the order of the table. */
export const allowedActions = (state: TicketState, role: Role): TicketAction[] =>
  TICKET_ACTION_IDS.filter(action => {
    const move = ticketMove(action)
    return move.from.includes(state) && move.by.includes(role)
  })

/** How a ticket came to its end. */
export const CLOSE_REASONS = {
  'self-cleared': { label: { en: 'Cleared by itself before anyone took it', zh: '接单前自行恢复' } },
  verified: { label: { en: 'Repair confirmed by the sensor', zh: '传感器核实修复' } },
  person: { label: { en: 'Closed by a person', zh: '人工结案' } },
  merged: { label: { en: 'Merged into another ticket', zh: '并案' } },
  void: { label: { en: 'Voided', zh: '作废' } }
} as const satisfies Record<string, { label: Label }>
export type CloseReason = keyof typeof CLOSE_REASONS
