import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '#model/errors'
import { seconds, type Millis } from '#model/time'

/** Runs `work` of one after the other; whoever has an account goes first. */
export type Turns = <T>(whose: 'staff' | 'public', work: () => Promise<T>) => Promise<T>

export function oneAtATime(): Turns {
  const waiting: Record<'staff' | 'public', (() => void)[]> = { staff: [], public: [] }
  let taken = false
  return async (whose, work) => {
    if (taken) await new Promise<void>(resolve => waiting[whose].push(resolve))
    taken = true
    try {
      return await work()
    } finally {
      const next = waiting.staff.shift() ?? waiting.public.shift()
      if (next) next()
      else taken = false
    }
  }
}

/**
 * The bytes of the one file of a form. Rejects with `bad-request` when there is none, with `too-many-requests` when they are not
 * all here `withinMs`: a phone that lost its signal never says so, and would keep its place for good.
 */
export async function fileOf(
  request: FastifyRequest,
  reply: FastifyReply,
  withinMs: Millis
): Promise<Buffer> {
  if (!request.isMultipart()) throw new AppError('bad-request', 'Send the photo as multipart/form-data.')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // What still comes is nobody's.
      void reply.header('connection', 'close')
      const text = `The photo was not here within ${withinMs / seconds(1)} s. Try again.`
      reject(new AppError('too-many-requests', text))
    }, withinMs)
  })
  const bytes = (async () => {
    const part = await request.file()
    if (!part) throw new AppError('bad-request', 'There is no file in the form.')
    return part.toBuffer()
  })()
  // Whoever is late finds nobody listening.
  bytes.catch(() => {})
  try {
    return await Promise.race([bytes, late])
  } finally {
    clearTimeout(timer)
  }
}
