import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply } from 'fastify'
import type { Problem } from '#model/api'
import { AppError, ERROR_CODES, type ErrorCode } from '#model/errors'
import { isAway } from '#db/postgres/troubles'
import type { Api, ServerLog } from './deps.ts'

const AWAY = 'The database cannot be reached now. Try again in a moment.'

/** Every error, also those of Fastify itself, as problem details (RFC 9457) with one of our codes. */
export function answerProblems(app: Api, log: ServerLog): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problem('not-found', `There is no ${request.method} ${request.url.split('?')[0]}.`))
  )
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const answer = problemOf(error)
    // Asked a moment too early is nobody's failure.
    if (answer.status >= 500 && answer.code !== 'not-applied-yet') {
      log.error({ err: error, method: request.method, url: request.url.split('?')[0] }, 'a request failed')
    }
    if (answer.status === 401) void reply.header('www-authenticate', 'Bearer')
    return sendProblem(reply, answer)
  })
}

/** What the asker may know of an error; nothing of our insides. */
export function problemOf(error: Error & { statusCode?: number; validation?: unknown }): Problem {
  if (error instanceof AppError) return problem(error.code, error.message)
  // Drizzle wraps what the driver threw.
  const cause = error.cause ?? error
  if (isAway(cause)) return problem('database-away', AWAY)
  if (isUnstorable(cause))
    return problem('bad-request', 'It has characters or numbers that cannot be stored.')
  const { validation, validationContext = 'body' } = error as FastifyError
  if (validation) {
    const errors = validation.map(({ instancePath, params, message = 'is not as expected' }) => {
      const { allowedValues, additionalProperty } = params as {
        allowedValues?: unknown[]
        additionalProperty?: string
      }
      const named = allowedValues?.join(', ') ?? additionalProperty
      return {
        path: `${validationContext}${instancePath}`,
        message: named === undefined ? message : `${message}: ${named}`
      }
    })
    return { ...problem('bad-request', errors.map(e => `${e.path} ${e.message}`).join('; ')), errors }
  }
  const status = error.statusCode ?? 500
  if (status === 413) return problem('too-large', 'The body is larger than this route takes.')
  if (status === 429) return problem('too-many-requests', error.message)
  if (status === 404) return problem('not-found', 'There is nothing here.')
  if (status >= 400 && status < 500) return problem('bad-request', error.message)
  return problem('internal', 'Something went wrong on our side; the log says what.')
}

/** What came was no request that can be read, or not all of it came. */
export function brokenRequest({ code }: { code?: string }): Problem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return problem('too-large', 'The headers are larger than this server takes.')
  const late = code === 'ERR_HTTP_REQUEST_TIMEOUT'
  return problem(
    'bad-request',
    late ? 'The request was not here in time.' : 'This is no HTTP that can be read.'
  )
}

/** SQLSTATE class 22, such as NUL in a text: what came is at fault, not we. */
const isUnstorable = (error: unknown): boolean => /^22/.test((error as { code?: string }).code ?? '')

export function problem(code: ErrorCode, detail: string): Problem {
  const status = ERROR_CODES[code]
  return { type: 'about:blank', title: STATUS_CODES[status] ?? code, status, code, detail }
}

export const sendProblem = (reply: FastifyReply, body: Problem): FastifyReply =>
  reply
    .code(body.status)
    .type('application/problem+json; charset=utf-8')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(body)
