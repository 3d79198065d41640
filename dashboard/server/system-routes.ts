import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { SystemState } from '#model/api'
import type { ServerDeps } from './deps.ts'
import { telemetrySchema } from './telemetry-schema.ts'

const tags = ['system']

export const systemRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'live' | 'metricsText'>> = async (
  app,
  { live, metricsText }
) => {
  app.get(
    '/api/system',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'How the parts of the system are', tags, response: { 200: SystemState } }
    },
    async () => live.system()
  )

  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: {
        summary: 'The process answers',
        tags,
        response: { 200: Type.Object({ alive: Type.Boolean() }) }
      }
    },
    async () => ({ alive: true })
  )

  const Readiness = Type.Pick(SystemState, ['ready', 'troubles'])
  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Whether all parts do their work; 503 with the troubles when not',
        tags,
        response: { 200: Readiness, 503: Readiness }
      }
    },
    async (_request, reply) => {
      const { ready, troubles } = live.system()
      return reply.code(ready ? 200 : 503).send({ ready, troubles })
    }
  )

  app.get(
    '/metrics',
    { config: { access: 'local' }, schema: { summary: 'Metrics for Prometheus', tags } },
    async (_request, reply) =>
      reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metricsText())
  )

  app.get(
    '/schemas/telemetry.json',
    { config: { access: 'public' }, schema: { summary: 'JSON Schema of what devices publish', tags } },
    async (_request, reply) => reply.type('application/schema+json').send(JSON.stringify(telemetrySchema))
  )

  app.get(
    '/api/openapi.json',
    { config: { access: 'public' }, schema: { hide: true } },
    async (_request, reply) =>
      reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger()))
  )
}
