import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { COOKIE_LIFE_MS } from '#db/people'
import { Login, Session } from '#model/api'
import { AppError } from '#model/errors'
import { PasswordChange } from '#model/people'
import { minutes } from '#model/time'
import { COOKIE, personOn, personThemselves, tokenOf } from './access.ts'
import type { ServerDeps } from './deps.ts'

/** Guesses a minute at one name from one address, and at all names from one address. */
const TRIES_PER_NAME = 10
const TRIES_PER_ADDRESS = 60

const tags = ['session']

export const sessionRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'people' | 'secureCookies'>> = async (
  app,
  { people, secureCookies }
) => {
  const perName = app.createRateLimit({
    max: TRIES_PER_NAME,
    timeWindow: minutes(1),
    keyGenerator: request => `${request.ip} ${nameTried(request)}`
  })
  const perAddress = app.createRateLimit({ max: TRIES_PER_ADDRESS, timeWindow: minutes(1) })

  /** One count for all doors at which a password can be tried. */
  async function refuseGuessing(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    for (const limit of [await perAddress(request), await perName(request)]) {
      if (limit.isAllowed || !limit.isExceeded) continue
      void reply.header('retry-after', limit.ttlInSeconds)
      throw new AppError('too-many-requests', `Too many tries. Wait ${limit.ttlInSeconds} s.`)
    }
  }

  app.post(
    '/api/session',
    {
      config: { access: 'public' },
      schema: { summary: 'Sign in', tags, body: Login, response: { 200: Session } }
    },
    async (request, reply) => {
      await refuseGuessing(request, reply)
      const { username, password } = request.body
      const person = await people.verify(username, password)
      if (!person) throw new AppError('wrong-credentials', 'No such user, or another password.')
      void reply.setCookie(COOKIE, await people.createToken(person.username, 'cookie'), {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        secure: secureCookies || request.protocol === 'https',
        maxAge: COOKIE_LIFE_MS / 1000
      })
      return person
    }
  )

  app.get(
    '/api/session',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'Who is signed in', tags, response: { 200: Session } }
    },
    async request => personOn(request)
  )

  app.delete(
    '/api/session',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'Sign out', tags, response: { 204: Type.Null() } }
    },
    async (request, reply) => {
      const token = tokenOf(request.headers, app)
      if (token) await people.revoke(token.value)
      return reply.clearCookie(COOKIE, { path: '/' }).code(204).send(null)
    }
  )

  app.post(
    '/api/session/password',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'Change one’s own password; every other session ends',
        tags,
        body: PasswordChange,
        response: { 204: Type.Null() }
      }
    },
    async (request, reply) => {
      const { username } = personThemselves(request)
      await refuseGuessing(request, reply)
      const { current, next } = request.body
      if (!(await people.verify(username, current))) {
        // Not 401: the session is good, only the word was wrong.
        throw new AppError('forbidden', 'The current password is another one.')
      }
      await people.changePassword(username, next, { token: tokenOf(request.headers, app)?.value })
      return reply.code(204).send(null)
    }
  )
}

/** Whose password it would be: the person's own where one is signed in. */
const nameTried = ({ person, body }: FastifyRequest): string =>
  person?.username ?? (body as { username: string }).username
