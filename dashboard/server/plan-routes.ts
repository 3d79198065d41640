import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { submitChange, type ChangeRequest } from '#db/changes'
import type { PlanState } from '#ingest/tickets/desk'
import { Id, PlanItem, PlanRun, listOf } from '#model/api'
import { Why } from '#model/edits'
import { AppError } from '#model/errors'
import { PlanBody } from '#model/plans'
import { TicketPolicy } from '#model/ticket-policy'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { reasonOf } from './edit-routes.ts'

const ById = Type.Object({ id: Id })
const seen = { access: 'signed-in' } as const
const edits = { access: ['admin', 'manager'] } as const
const RUNS = 100
const strict = { additionalProperties: false }
const PlanEdit = Type.Object({ ...PlanBody.properties, why: Type.Optional(Why) }, strict)
const PolicyEdit = Type.Object({ ...TicketPolicy.properties, why: Type.Optional(Why) }, strict)

export const planRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'tickets' | 'desk' | 'clock'>
> = async (app, { db, live, tickets, desk, clock }) => {
  async function put(change: Pick<ChangeRequest, 'subject' | 'body' | 'who' | 'why'>): Promise<void> {
    const { id } = await submitChange(db, { ...change, requestedAt: clock.now() })
    const { refused } = await desk.applied(id)
    if (refused !== null) throw new AppError('conflict', refused)
  }

  const itemOf = ({ plan, from, until, doneAt }: PlanState): PlanItem => ({
    ...plan,
    facilityName: live.facility(plan.facility)?.name ?? plan.facility,
    nextFrom: instantOf(from),
    nextUntil: instantOf(until),
    doneAt: instantOf(doneAt)
  })

  app.get(
    '/api/ticket-policy',
    {
      config: seen,
      schema: { summary: 'How tickets are handled', tags: ['tickets'], response: { 200: TicketPolicy } }
    },
    async () => live.ticketPolicy()
  )

  app.put(
    '/api/ticket-policy',
    {
      config: edits,
      schema: {
        summary:
          'Handle tickets so from now on, with the reason (`why`); a ticket keeps the terms it was opened under',
        tags: ['tickets'],
        body: PolicyEdit,
        response: { 200: TicketPolicy }
      }
    },
    async request => {
      const { username: who } = personOn(request)
      const { why: said, ...policy } = request.body
      const why = reasonOf(said, 'say why tickets shall be handled otherwise')
      await put({ subject: 'policy:tickets', body: { kind: 'ticket-policy', policy }, who, why })
      return live.ticketPolicy()
    }
  )

  app.get(
    '/api/plans',
    {
      config: seen,
      schema: { summary: 'Planned work', tags: ['plans'], response: { 200: listOf(PlanItem) } }
    },
    async () => ({ items: live.plans().map(itemOf), nextCursor: null })
  )

  app.put(
    '/api/plans/:id',
    {
      config: edits,
      schema: {
        summary:
          'Plan work at a facility: days, a window, done by a scan of its code. It counts from the next window that begins (`nextFrom`); to end a plan needs a reason',
        tags: ['plans'],
        params: ById,
        body: PlanEdit,
        response: { 200: PlanItem }
      }
    },
    async request => {
      const { id } = request.params
      const { username: who } = personOn(request)
      if (!live.facility(request.body.facility))
        throw new AppError('bad-request', `body/facility: there is no ${request.body.facility}`)
      const { why: said, ...body } = request.body
      const plan = { id, ...body }
      const ends = !plan.active && live.plans().some(known => known.plan.id === id && known.plan.active)
      const why = reasonOf(said, ends ? 'say why the plan ends' : undefined)
      await put({ subject: `plan:${id}`, body: { kind: 'plan', plan }, who, why })
      const state = live.plans().find(one => one.plan.id === id)
      if (!state) throw new AppError('not-found', `There is no plan ${id}.`)
      return itemOf(state)
    }
  )

  app.get(
    '/api/plans/:id/runs',
    {
      config: seen,
      schema: {
        summary: 'When planned work was due: done by whom, or missed. Newest first, the last hundred',
        tags: ['plans'],
        params: ById,
        response: { 200: listOf(PlanRun) }
      }
    },
    async request => ({ items: await tickets.planRuns(request.params.id, RUNS), nextCursor: null })
  )
}

const instantOf = (at: number | null): string | null =>
  at === null || !Number.isFinite(at) ? null : new Date(at).toISOString()
