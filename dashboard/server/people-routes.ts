import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listAudit } from '#db/audit'
import { listOf } from '#model/api'
import { AppError } from '#model/errors'
import {
  AuditItem,
  AuditQuery,
  NewPerson,
  NewToken,
  PeopleQuery,
  PersonAnswer,
  PersonChange,
  PersonItem,
  TOKEN_DAYS,
  TokenAnswer,
  TokenItem
} from '#model/people'
import { personOn, personThemselves } from './access.ts'
import type { ServerDeps } from './deps.ts'

const tags = ['people']
const ByUsername = Type.Object({ username: Type.String({ minLength: 1, maxLength: 64 }) })
const ById = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

export const peopleRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'db' | 'people'>> = async (
  app,
  { db, people }
) => {
  app.get(
    '/api/people',
    {
      // Whoever puts crews together has to name their members.
      config: { access: ['admin', 'manager'] },
      schema: {
        summary: 'Accounts, by user name',
        tags,
        querystring: PeopleQuery,
        response: { 200: listOf(PersonItem) }
      }
    },
    async request => people.list(request.query)
  )

  app.post(
    '/api/people',
    {
      config: { access: ['admin'] },
      schema: {
        summary: 'Add an account. Its password is shown this once',
        tags,
        body: NewPerson,
        response: { 200: PersonAnswer }
      }
    },
    async request => people.add(request.body, personThemselves(request).username)
  )

  app.put(
    '/api/people/:username',
    {
      config: { access: ['admin'] },
      schema: {
        summary: 'Change name, role, whether disabled; or reset the password, shown this once',
        tags,
        params: ByUsername,
        body: PersonChange,
        response: { 200: PersonAnswer }
      }
    },
    async request => people.change(request.params.username, request.body, personThemselves(request).username)
  )

  app.get(
    '/api/audit',
    {
      config: { access: ['admin'] },
      schema: {
        summary: 'What was done to accounts and tokens, newest first',
        tags,
        querystring: AuditQuery,
        response: { 200: listOf(AuditItem) }
      }
    },
    async request => listAudit(db, request.query)
  )

  app.get(
    '/api/tokens',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'One’s own tokens for programs; an administrator sees all',
        tags,
        response: { 200: listOf(TokenItem) }
      }
    },
    async request => {
      const { username, role } = personOn(request)
      return { items: await people.tokens(role === 'admin' ? undefined : username), nextCursor: null }
    }
  )

  app.post(
    '/api/tokens',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'Make a token for a program: named, limited to a role, with an end. It is shown this once',
        tags,
        body: NewToken,
        response: { 200: TokenAnswer }
      }
    },
    async request => {
      const { username, role: own } = personThemselves(request)
      const { name, role = own, days = TOKEN_DAYS.fallback } = request.body
      if (role !== own && own !== 'admin') {
        throw new AppError('forbidden', `Your token can only be for ${own}, as you are.`)
      }
      return people.addToken({ username, name: name.trim(), role, lifeDays: days })
    }
  )

  app.delete(
    '/api/tokens/:id',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'Revoke a token', tags, params: ById, response: { 204: Type.Null() } }
    },
    async (request, reply) => {
      const { username, role } = personThemselves(request)
      const of = role === 'admin' ? {} : { of: username }
      await people.removeToken(request.params.id, { ...of, who: username })
      return reply.code(204).send(null)
    }
  )
}
