import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import {
  AreaItem,
  Episode,
  FacilityDetail,
  FacilityQuery,
  FacilitySummary,
  Id,
  Instant,
  TelemetryBucket,
  TelemetryPoint,
  TelemetryQuery,
  listOf
} from '#model/api'
import { AppError } from '#model/errors'
import { decodeValue } from '#model/metrics'
import { hours } from '#model/time'
import type { ServerDeps } from './deps.ts'
import { msOf } from './instant.ts'

const tags = ['facilities']
const config = { access: 'signed-in' } as const
const ById = Type.Object({ id: Id })
const EpisodeQuery = Type.Object({
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 }))
})

export const facilityRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'live' | 'telemetry' | 'tickets'>
> = async (app, { live, telemetry, tickets }) => {
  const facilityOf = (id: string) => {
    const facility = live.facility(id)
    if (!facility) throw new AppError('not-found', `There is no facility ${id}.`)
    return facility
  }

  app.get(
    '/api/facilities',
    {
      config,
      schema: {
        summary: 'Facilities, worst first',
        tags,
        querystring: FacilityQuery,
        response: { 200: listOf(FacilitySummary) }
      }
    },
    async request => live.facilities(request.query)
  )

  app.get(
    '/api/facilities/:id',
    {
      config,
      schema: { summary: 'One facility as it is now', tags, params: ById, response: { 200: FacilityDetail } }
    },
    async request => facilityOf(request.params.id)
  )

  app.get(
    '/api/facilities/:id/telemetry',
    {
      config,
      schema: {
        summary: 'Readings of one metric: each, or with `step` by bucket. The last 24 h unless told',
        tags,
        params: ById,
        querystring: TelemetryQuery,
        response: { 200: listOf(Type.Union([TelemetryBucket, TelemetryPoint])) }
      }
    },
    async request => {
      const { metric, step, limit = 10_000 } = request.query
      const { id } = facilityOf(request.params.id)
      const to = msOf(request.query.to) ?? live.now() + 1
      const from = msOf(request.query.from) ?? to - hours(24)
      if (from >= to) throw new AppError('bad-request', 'from: must be before to')
      const query = { devices: live.devicesOf(id), metric, from, to, limit }
      if (step === undefined) {
        const points = await telemetry.points(query)
        const items = points.map(({ at, value, quality }) => ({
          at: new Date(at).toISOString(),
          value: decodeValue(metric, value),
          quality
        }))
        return { items, nextCursor: null }
      }
      const buckets = await telemetry.buckets({ ...query, stepMs: step })
      const items = buckets.map(({ at, ...bucket }) => ({ at: new Date(at).toISOString(), ...bucket }))
      return { items, nextCursor: null }
    }
  )

  app.get(
    '/api/facilities/:id/episodes',
    {
      config,
      schema: {
        summary: 'When a rule was true of the facility, newest first',
        tags,
        params: ById,
        querystring: EpisodeQuery,
        response: { 200: listOf(Episode) }
      }
    },
    async request => {
      const { from, to, ...page } = request.query
      const { id } = facilityOf(request.params.id)
      return tickets.episodes({ ...page, facility: id, from: msOf(from), to: msOf(to) })
    }
  )

  app.get(
    '/api/areas',
    { config, schema: { summary: 'The area tree', tags, response: { 200: listOf(AreaItem) } } },
    async () => ({ items: live.areas(), nextCursor: null })
  )
}
