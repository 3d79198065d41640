import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { People, SignedIn } from '#db/people'
import { AppError } from '#model/errors'
import { checkOrigin, tokenOf } from './access.ts'
import type { Api } from './deps.ts'
import { problem, problemOf } from './problems.ts'

const PATH = '/api/live'
const MAX_MESSAGE_BYTES = 16 * 1024

/** Lets WebSockets of people who are signed in, from our own page or a program, in at `/api/live`; refuses all others. */
export function openDoor(
  app: Api,
  options: {
    people: People
    /** Whether this person cannot open one more. */
    isFull: (username: string) => boolean
    /** Whose forwarded headers are believed. */
    isTrusted: (address: string) => boolean
    join: (socket: WebSocket, token: string, person: SignedIn) => void
  }
): { close: () => void } {
  const { people, isFull, isTrusted, join } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES })

  async function admit(request: IncomingMessage): Promise<{ token: string; person: SignedIn }> {
    const token = tokenOf(request.headers, app)
    checkOrigin({
      headers: request.headers,
      host: hostOf(request, isTrusted),
      cookie: token?.from === 'cookie'
    })
    const person = token && (await people.personOf(token.value))
    if (!person) throw new AppError('unauthenticated', 'Sign in first.')
    if (isFull(person.username)) throw new AppError('too-many-requests', 'Too many live pages are open.')
    return { token: token.value, person }
  }

  function upgrade(request: IncomingMessage, stream: Duplex, first: Buffer): void {
    stream.on('error', () => {})
    if (request.url?.split('?')[0] !== PATH) {
      // Somebody else's, unless nobody else listens.
      if (app.server.listenerCount('upgrade') === 1)
        refuse(stream, problem('not-found', 'No WebSocket here.'))
      return
    }
    admit(request).then(
      ({ token, person }) =>
        sockets.handleUpgrade(request, stream, first, socket => join(socket, token, person)),
      (error: Error) => refuse(stream, problemOf(error))
    )
  }

  app.server.on('upgrade', upgrade)
  return { close: () => void app.server.off('upgrade', upgrade) }
}

/** The host the browser asked for; a trusted proxy says which. */
function hostOf({ headers, socket }: IncomingMessage, isTrusted: (address: string) => boolean): string {
  const forwarded = headers['x-forwarded-host']
  const trusted = isTrusted(socket.remoteAddress ?? '') && typeof forwarded === 'string'
  return (trusted ? forwarded.split(',').at(-1)?.trim() : headers.host) ?? ''
}

/** The answer to who never came as far as a route. */
export function refuse(stream: Duplex, answer: { status: number; title: string }): void {
  const body = JSON.stringify(answer)
  stream.end(
    `HTTP/1.1 ${answer.status} ${answer.title}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}
