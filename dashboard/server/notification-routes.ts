import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listNotifications, readNotification } from '#db/notifications'
import type { Person } from '#db/people'
import { readStanding, standingNotices } from '#db/standing-notices'
import { NotificationItem, NotificationQuery, NotificationsRead, StandingNotices, listOf } from '#model/api'
import { AppError } from '#model/errors'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { msOf } from './instant.ts'

const tags = ['notifications']
const config = { access: 'signed-in' } as const
/** More at once is a list nobody reads; how many there are is said. */
const STANDING_SHOWN = 100

export const notificationRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'crews'>
> = async (app, { db, live, crews }) => {
  /** By name, by role, and by crew. */
  const addresseesOf = ({ username, role }: Person): string[] => [
    username,
    `role:${role}`,
    ...crews
      .crews()
      .filter(({ active, members }) => active && members.includes(username))
      .map(({ id }) => `crew:${id}`)
  ]

  app.get(
    '/api/notifications',
    {
      config,
      schema: {
        summary: 'What the asking person, their role and their crews were told, newest first',
        tags,
        querystring: NotificationQuery,
        response: { 200: listOf(NotificationItem) }
      }
    },
    async request => listNotifications(db, { addressees: addresseesOf(personOn(request)), ...request.query })
  )

  app.get(
    '/api/notifications/standing',
    {
      config,
      schema: {
        summary:
          'Tickets of which the asking person was told what nobody has read and nothing has settled since',
        tags,
        response: { 200: StandingNotices }
      }
    },
    async request => {
      const addressees = addresseesOf(personOn(request))
      const { items, tickets } = await standingNotices(db, { addressees, limit: STANDING_SHOWN })
      return {
        tickets,
        items: items.map(({ ticket, asks, told }) => {
          const { id, title, subjectName, colour } = live.describeTicket(ticket)
          const said = told.map(({ kind, at }) => ({ kind, at: new Date(at).toISOString() }))
          return { ticket: id, title, subjectName, colour, asks, told: said }
        })
      }
    }
  )

  app.post(
    '/api/notifications/read',
    {
      config,
      schema: {
        summary: 'Mark what stands and was told until then as read, for everybody it is addressed to',
        tags,
        body: NotificationsRead,
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      const { until, ticket } = request.body
      const addressees = addresseesOf(personOn(request))
      await readStanding(db, { addressees, until: msOf(until), ticket, at: live.now() })
      return reply.code(204).send(null)
    }
  )

  app.post(
    '/api/notifications/:id/read',
    {
      config,
      schema: {
        summary: 'Mark it as read, for everybody it is addressed to',
        tags,
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) }),
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const read = await readNotification(db, {
        id,
        addressees: addresseesOf(personOn(request)),
        at: live.now()
      })
      if (!read) throw new AppError('not-found', `There is no notification ${id} for you.`)
      return reply.code(204).send(null)
    }
  )
}
