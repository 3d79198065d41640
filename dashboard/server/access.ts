import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { People, SignedIn } from '#db/people'
import { AppError } from '#model/errors'
import type { Role } from '#model/tickets'
import type { Api } from './deps.ts'

/**
 * Who may use a route. `local`: whoever asks from this machine, or is signed in. Every route says one; one that does
 * not stops the start.
 */
export type Access = 'public' | 'signed-in' | 'local' | readonly Role[]

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyInstance {
    /** Every route and who may use it, as `METHOD /path`. */
    policies: Map<string, Access>
  }
  interface FastifyRequest {
    /** Who asks; undefined on a public route. */
    person: SignedIn | undefined
  }
}

export const COOKIE = 'mingjie_session'
/** Whose deed it is: what a phone kept must not be done in the name of who signed in after. */
const MEANT_FOR = 'mingjie-as'
const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Puts the guard in front of every route declared after it. */
export function guardRoutes(app: Api, people: People): void {
  app.decorateRequest('person', undefined)
  app.decorate('policies', new Map<string, Access>())

  app.addHook('onRoute', route => {
    const access = route.config?.access
    if (!access) throw new Error(`${String(route.method)} ${route.url} does not say who may use it`)
    for (const method of [route.method].flat()) app.policies.set(`${method} ${route.url}`, access)
  })

  app.addHook('onRequest', async request => {
    const token = tokenOf(request.headers, app)
    const changing = !READING.has(request.method)
    if (changing)
      checkOrigin({ headers: request.headers, host: request.host, cookie: token?.from === 'cookie' })
    const access = request.routeOptions.config.access
    // Only what no route answers has none: that is `not found` for everyone.
    if (access === undefined || access === 'public') return
    if (access === 'local' && isLoopback(request.ip)) return
    request.person = token && (await people.personOf(token.value))
    if (!request.person) throw new AppError('unauthenticated', 'Sign in first.')
    const meant = request.headers[MEANT_FOR]
    if (meant !== undefined && meant !== request.person.username)
      throw new AppError('unauthenticated', 'Somebody else signed in with this browser meanwhile.')
    if (typeof access !== 'string' && !access.includes(request.person.role)) {
      throw new AppError('forbidden', `This is for ${access.join(', ')}; you are ${request.person.role}.`)
    }
  })
}

/** The person on a route that is not public. */
export function personOn(request: FastifyRequest): SignedIn {
  if (!request.person) throw new AppError('unauthenticated', 'Sign in first.')
  return request.person
}

/** The person, signed in by password: a token that leaks must not make more tokens, accounts or passwords. */
export function personThemselves(request: FastifyRequest): SignedIn {
  const person = personOn(request)
  if (person.via !== 'token') return person
  throw new AppError('forbidden', 'A token cannot do this: sign in with your password.')
}

export interface Token {
  value: string
  from: 'bearer' | 'cookie'
}

/** What a request shows of itself; a bearer token counts before a cookie. */
export function tokenOf(
  headers: IncomingMessage['headers'],
  app: Pick<Api, 'parseCookie'>
): Token | undefined {
  const bearer = /^Bearer +([\w-]{16,200})$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return { value: bearer, from: 'bearer' }
  const cookie = app.parseCookie(headers.cookie ?? '')[COOKIE]
  return cookie ? { value: cookie, from: 'cookie' } : undefined
}

/**
 * Rejects what another site's page makes a browser send. A browser names the page's origin with every change and
 * every WebSocket: it must be ours. Without an origin no cookie counts.
 */
export function checkOrigin({
  headers,
  host,
  cookie
}: {
  headers: IncomingMessage['headers']
  host: string
  cookie: boolean
}): void {
  const { origin } = headers
  const ours = origin === undefined ? !cookie : URL.canParse(origin) && new URL(origin).host === host
  if (!ours) {
    throw new AppError('foreign-origin', `The request comes from ${origin ?? 'no page'}, this is ${host}.`)
  }
}

const isLoopback = (ip: string): boolean => ip === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(ip)
