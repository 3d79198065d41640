import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { repeatedChange, submitChange } from '#db/changes'
import { TicketActionRequest, TicketDetail, TicketQuery, TicketSummary, listOf } from '#model/api'
import type { ChangeBody } from '#model/changes'
import { AppError } from '#model/errors'
import {
  TICKET_STATES,
  allowedActions,
  isOpen,
  ticketMove,
  type Role,
  type TicketState
} from '#model/tickets'
import { personOn } from './access.ts'
import { areasUnder } from './areas.ts'
import type { ServerDeps } from './deps.ts'
import { msOf } from './instant.ts'

const tags = ['tickets']
const config = { access: 'signed-in' } as const
const ById = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) })
const Keyed = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) })

export const ticketRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'tickets' | 'desk' | 'clock'>
> = async (app, { db, live, tickets, desk, clock }) => {
  async function ticketFor(id: string, role: Role): Promise<TicketDetail> {
    const ticket = await tickets.ticket(id)
    if (!ticket && live.hasOpenTicket(id)) {
      throw new AppError('not-applied-yet', `Ticket ${id} is being written down. Look again in a moment.`)
    }
    if (!ticket) throw new AppError('not-found', `There is no ticket ${id}.`)
    return { ...ticket, actions: allowedActions(ticket.state, role) }
  }

  app.get(
    '/api/tickets',
    {
      config,
      schema: {
        summary: 'Tickets: open ones most urgent first, others newest first',
        tags,
        querystring: TicketQuery,
        response: { 200: listOf(TicketSummary) }
      }
    },
    async request => {
      if (asksForOpen(request.query)) return live.openTickets(request.query)
      const { area, ...query } = request.query
      return tickets.tickets(area === undefined ? query : { ...query, areas: areasUnder(live.areas(), area) })
    }
  )

  app.get(
    '/api/tickets/:id',
    {
      config,
      schema: {
        summary: 'One ticket with its evidence, episodes and history',
        tags,
        params: ById,
        response: { 200: TicketDetail }
      }
    },
    async request => ticketFor(request.params.id, personOn(request).role)
  )

  app.post(
    '/api/tickets/:id/actions',
    {
      config,
      schema: {
        summary: 'Do something to a ticket. Answers once the rules have applied it',
        tags,
        params: ById,
        headers: Keyed,
        body: TicketActionRequest,
        response: { 200: TicketDetail }
      }
    },
    async request => {
      const { username: who, role } = personOn(request)
      const { id } = request.params
      const subject = `ticket:${id}` as const
      const body = changeOf(id, request.body)
      const idempotencyKey = request.headers['idempotency-key']

      const asked = { subject, body, who, idempotencyKey }
      let change = await repeatedChange(db, asked)
      if (!change) {
        checkMove(await ticketFor(id, role), { role, ...request.body })
        change = await submitChange(db, { ...asked, why: body.note, requestedAt: clock.now() })
      }
      const { refused } = change.applied ? change : await desk.applied(change.id)
      if (refused !== null) throw new AppError('move-not-allowed', refused)
      return ticketFor(id, role)
    }
  )
}

/** Open tickets are known from memory; ended ones are read from the database. */
export const asksForOpen = ({ status = 'open' }: Pick<TicketQuery, 'status'>): boolean =>
  status === 'open' || (status in TICKET_STATES && isOpen(status as TicketState))

type TicketChange = Extract<ChangeBody, { kind: 'ticket-action' }>

function changeOf(ticket: string, request: TicketActionRequest): TicketChange {
  const { action, note, claimedAt, quietUntil } = request
  if (quietUntil !== undefined && action !== 'close' && action !== 'void') {
    throw new AppError('bad-request', 'body/quietUntil: only with close or void')
  }
  return {
    kind: 'ticket-action',
    ticket,
    action,
    note: note?.trim() || null,
    claimedAt: msOf(claimedAt) ?? null,
    quietUntil: msOf(quietUntil) ?? null
  }
}

function checkMove(ticket: TicketDetail, { role, action, note }: TicketActionRequest & { role: Role }): void {
  const move = ticketMove(action)
  if (!move.by.includes(role)) {
    throw new AppError('forbidden', `${move.label.en} is for ${move.by.join(', ')}; you are ${role}.`)
  }
  if (!move.from.includes(ticket.state)) {
    const can = ticket.actions.join(', ') || 'nothing'
    throw new AppError('move-not-allowed', `The ticket is ${ticket.state}: you can ${can}.`)
  }
  if (move.reason && !note?.trim())
    throw new AppError('reason-required', `${move.label.en} needs a note that says why.`)
}
