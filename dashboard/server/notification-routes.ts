import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listNotifications, readNotification } from '#db/notifications'
import type { Person } from '#db/people'
import { NotificationItem, NotificationQuery, listOf } from '#model/api'
import { AppError } from '#model/errors'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'

const tags = ['notifications']
const config = { access: 'signed-in' } as const

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
