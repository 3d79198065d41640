import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { repeatedChange, submitChange } from '#db/changes'
import { Id, listOf } from '#model/api'
import type { ChangeBody } from '#model/changes'
import { FacilityCode, ServiceAnswer, ServiceRequest } from '#model/crews'
import { AppError } from '#model/errors'
import { FACILITY_KIND_IDS } from '#model/kinds'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'

const tags = ['service']
const ById = Type.Object({ id: Id })
const Keyed = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) })
const CODES_AT_ONCE = 500

export const serviceRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'codes' | 'desk' | 'clock'>
> = async (app, { db, live, codes, desk, clock }) => {
  app.post(
    '/api/facilities/:id/service',
    {
      config: { access: ['admin', 'crew'] },
      schema: {
        summary: 'A crew was there and did what is due, proved by the code on the wall',
        tags,
        params: ById,
        headers: Keyed,
        body: ServiceRequest,
        response: { 200: ServiceAnswer }
      }
    },
    async request => {
      const { id } = request.params
      const facility = live.facility(id)
      // The same answer for both: a code tells nothing of what is registered.
      if (!codes.isCodeOf(id, request.body.token) || !facility)
        throw new AppError('forbidden', 'This code does not belong to this facility.')
      const { username: who } = personOn(request)
      const body: ChangeBody = { kind: 'service', facility: id, by: 'scan' }
      const asked = {
        subject: `facility:${id}` as const,
        body,
        who,
        idempotencyKey: request.headers['idempotency-key']
      }
      const change =
        (await repeatedChange(db, asked)) ??
        (await submitChange(db, { ...asked, why: null, requestedAt: clock.now() }))
      const { refused } = change.applied ? change : await desk.applied(change.id)
      if (refused !== null) throw new AppError('conflict', refused)
      return { facility: id, name: facility.name, at: new Date(change.requestedAt).toISOString() }
    }
  )

  app.get(
    '/api/areas/:id/codes',
    {
      // Whoever has a code can say that they were there: for those who print them.
      config: { access: ['admin', 'manager'] },
      schema: {
        summary: 'The QR codes of the facilities of an area, to print',
        tags,
        params: ById,
        querystring: Type.Object({
          kind: Type.Optional(Type.Enum([...FACILITY_KIND_IDS])),
          cursor: Type.Optional(Type.String({ maxLength: 200 }))
        }),
        response: { 200: listOf(FacilityCode) }
      }
    },
    async request => {
      const page = live.facilities({ area: request.params.id, limit: CODES_AT_ONCE, ...request.query })
      return {
        items: page.items.map(({ id, name, kind, areaName }) => ({
          facility: id,
          name,
          kind,
          areaName,
          code: codes.codeOf(id)
        })),
        nextCursor: page.nextCursor
      }
    }
  )
}
