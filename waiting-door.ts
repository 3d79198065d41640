import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { problem } from '#server/problems'
import type { Certificates } from './certificates.ts'
import type { Config } from './config.ts'
import { startingTrouble } from './system-state.ts'

/**
 * Stands on the HTTP port while the start waits for its database, so that a person and a load balancer hear why: 503 on
 * everything but `/healthz`. MQTT is not listened on meanwhile: devices keep their messages. It opens with the first reason.
 */
export function waitingDoor(options: { config: Config; tls: Certificates | undefined }) {
  const { config, tls } = options
  let reason = ''
  let server: ReturnType<typeof createServer> | undefined

  const answer: RequestListener = (request, response) => {
    const path = request.url?.split('?')[0]
    const [status, type, body] =
      path === '/healthz'
        ? [200, 'application/json', { alive: true }]
        : path === '/readyz'
          ? [503, 'application/json', { ready: false, troubles: [startingTrouble(reason)] }]
          : [503, 'application/problem+json', problem('database-away', `Mingjie is starting: ${reason}`)]
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'cache-control': 'no-store',
      'retry-after': '5',
      connection: 'close'
    })
    response.end(JSON.stringify(body))
  }

  return {
    async say(why: string): Promise<void> {
      reason = why
      if (server) return
      server = tls
        ? createHttpsServer({ cert: tls.current().cert, key: tls.current().key }, answer)
        : createServer(answer)
      server.listen(config.http.port, config.http.host)
      await once(server, 'listening')
    },
    async close(): Promise<void> {
      const closing = server
      server = undefined
      if (!closing) return
      closing.closeAllConnections()
      await new Promise(resolve => closing.close(resolve))
    }
  }
}
