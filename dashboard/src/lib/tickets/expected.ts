import type { TicketDetail, TicketSummary } from '#model/api'
import { allowedActions, ticketMove, type Actor, type TicketAction, type TicketState } from '#model/tickets'
import type { WaitingAction as Waiting } from './outbox.ts'

/** Where a ticket will be once what waits on this phone has been taken. */
export const expectedState = (
  { state }: Pick<TicketSummary, 'state'>,
  waiting: readonly Waiting[]
): TicketState => waiting.reduce<TicketState>((at, { request }) => ticketMove(request.action).to ?? at, state)

/** What can be done next: as the server says, or as it will say after what waits here. */
export function nextActions(
  ticket: TicketDetail,
  waiting: readonly Waiting[],
  actor: Actor
): readonly TicketAction[] {
  if (waiting.length === 0) return ticket.actions
  const asks = waiting.some(({ request }) => request.action === 'defer' || request.action === 'extend')
  const facts = {
    ...ticket,
    state: expectedState(ticket, waiting),
    asked: asks ? { by: actor.username, role: actor.role ?? 'crew' } : ticket.request
  }
  return allowedActions(facts, actor)
}

/** The one step forward, for a thumb: never an end by word alone. */
const FORWARD: readonly TicketAction[] = ['check', 'dispatch', 'accept', 'start', 'claim', 'verify']
/** Of a crew: it goes itself, it does not send. */
const FORWARD_OF_CREW: readonly TicketAction[] = ['accept', 'start', 'claim']

export const stepForward = (
  actions: readonly TicketAction[],
  role: Actor['role']
): TicketAction | undefined => {
  // In progress comes before done, where both are allowed.
  const order = role === 'crew' ? FORWARD_OF_CREW : FORWARD
  return order.find(one => actions.includes(one))
}

/** The step of a ticket in a list, where only its state is known. */
export const stepOf = (state: TicketState): TicketAction | undefined =>
  FORWARD_OF_CREW.find(one => ticketMove(one).from.includes(state))
