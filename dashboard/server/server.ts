import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type RawServerDefault } from 'fastify'
import { Problem } from '#model/api'
import { minutes } from '#model/time'
import { guardRoutes } from './access.ts'
import type { Api, ServerDeps } from './deps.ts'
import { attachmentRoutes } from './attachment-routes.ts'
import { backtestRoutes } from './backtest-routes.ts'
import { backupRoutes } from './backup-routes.ts'
import { crewRoutes } from './crew-routes.ts'
import { editRoutes } from './edit-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { facilityRoutes } from './facility-routes.ts'
import { importRoutes } from './import-routes.ts'
import { lightingRoutes } from './lighting-routes.ts'
import { refuse } from './live-door.ts'
import { liveSocket } from './live-socket.ts'
import { notificationRoutes } from './notification-routes.ts'
import { maintenanceRoutes } from './maintenance-routes.ts'
import { inlineScriptHashes, pageRoutes } from './page.ts'
import { odourRoutes } from './odour-routes.ts'
import { planRoutes } from './plan-routes.ts'
import { answerProblems, brokenRequest, problemOf, sendProblem } from './problems.ts'
import { peopleRoutes } from './people-routes.ts'
import { reportRoutes } from './report-routes.ts'
import { ruleRoutes } from './rule-routes.ts'
import { serviceRoutes } from './service-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { systemRoutes } from './system-routes.ts'
import { ticketRoutes } from './ticket-routes.ts'
import { trustedProxies } from './trusted-proxies.ts'

const KIB = 1024
/** As Node has it by itself, and Fastify has not: whoever never ends a request would stay for good. */
const REQUEST_WITHIN_MS = minutes(5)

/** REST, the live WebSocket and the page on one port. Not listening yet: `listen` or `inject`, then `close`. */
export async function buildServer(deps: ServerDeps): Promise<Api> {
  const { createServer } = deps
  const app: Api = fastify<RawServerDefault>({
    ...(createServer && { serverFactory: createServer }),
    bodyLimit: 64 * KIB,
    trustProxy: trustedProxies(deps.trustedProxies),
    requestTimeout: REQUEST_WITHIN_MS,
    clientErrorHandler: (error, socket) => void (socket.writable && refuse(socket, brokenRequest(error))),
    // Closing lets what runs end.
    forceCloseConnections: 'idle',
    // Before any route is found: an address that cannot be decoded.
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, problemOf(error)),
    ajv: { customOptions: { allErrors: true, removeAdditional: false } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  answerProblems(app, deps.log)
  await app.register(cookie)
  await app.register(rateLimit, { global: false })
  await app.register(helmet, securityHeaders(deps))
  guardRoutes(app, deps.people)
  describeApi(app)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Mingjie 明洁', version: '1', description: 'Times are RFC 3339 in UTC.' },
      components: {
        securitySchemes: {
          cookie: { type: 'apiKey', in: 'cookie', name: 'mingjie_session' },
          bearer: { type: 'http', scheme: 'bearer' }
        }
      },
      security: [{ cookie: [] }, { bearer: [] }]
    }
  })

  await app.register(sessionRoutes, deps)
  await app.register(peopleRoutes, deps)
  await app.register(crewRoutes, deps)
  await app.register(editRoutes, deps)
  await app.register(attachmentRoutes, deps)
  await app.register(serviceRoutes, deps)
  await app.register(facilityRoutes, deps)
  await app.register(lightingRoutes, deps)
  await app.register(deviceRoutes, deps)
  await app.register(ticketRoutes, deps)
  await app.register(reportRoutes, deps)
  await app.register(notificationRoutes, deps)
  await app.register(planRoutes, deps)
  await app.register(importRoutes, deps)
  await app.register(ruleRoutes, deps)
  await app.register(odourRoutes, deps)
  await app.register(backtestRoutes, deps)
  await app.register(maintenanceRoutes, deps)
  await app.register(systemRoutes, deps)
  await app.register(backupRoutes, deps)
  await app.register(pageRoutes, deps)
  liveSocket(app, deps)
  await app.ready()
  return app
}

/** What all of `/api` has in common: its errors, and that nobody keeps an answer. */
function describeApi(app: Api): void {
  app.addHook('onRoute', route => {
    if (!route.url.startsWith('/api/') || route.schema?.hide) return
    route.schema = {
      ...route.schema,
      response: { ...(route.schema?.response as object), '4xx': Problem, '5xx': Problem }
    }
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/')) void reply.header('cache-control', 'no-store')
  })
}

/** Nothing from elsewhere runs, frames us or is reached by the page; images may be made by the page itself. */
function securityHeaders({ staticDir, secureCookies }: ServerDeps) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'", ...inlineScriptHashes(staticDir)],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        // Covers the WebSocket of the same host too.
        connectSrc: ["'self'"],
        workerSrc: ["'self'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"]
      }
    },
    // Not `no-referrer`: with it a browser may say `null` where we look for its origin.
    referrerPolicy: { policy: 'same-origin' as const },
    strictTransportSecurity: secureCookies && { maxAge: 31_536_000 }
  }
}
