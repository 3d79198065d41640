import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '#model/errors'
import type { Api } from './deps.ts'

export type RateLimit = ReturnType<Api['createRateLimit']>

/** Counts the request with each of them. Rejects with `too-many-requests` and says when to come again. */
export async function within(
  limits: readonly RateLimit[],
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  for (const limit of limits) {
    const used = await limit(request)
    if (used.isAllowed || !used.isExceeded) continue
    void reply.header('retry-after', used.ttlInSeconds)
    throw new AppError('too-many-requests', `Too many requests. Wait ${used.ttlInSeconds} s.`)
  }
}
