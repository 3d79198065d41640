import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { listQuarantine } from '#db/quarantine'
import { DeviceQuery, DeviceState, QuarantineItem, QuarantineQuery, listOf } from '#model/api'
import type { ServerDeps } from './deps.ts'

const tags = ['devices']

export const deviceRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'db' | 'live'>> = async (
  app,
  { db, live }
) => {
  app.get(
    '/api/devices',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'Devices with what they reported last',
        tags,
        querystring: DeviceQuery,
        response: { 200: listOf(DeviceState) }
      }
    },
    async request => live.devices(request.query)
  )

  app.get(
    '/api/quarantine',
    {
      // Raw bytes of whatever was sent: not for everyone.
      config: { access: ['admin', 'operator'] },
      schema: {
        summary: 'What could not be understood, newest first',
        tags,
        querystring: QuarantineQuery,
        response: { 200: listOf(QuarantineItem) }
      }
    },
    async request => listQuarantine(db, request.query)
  )
}
