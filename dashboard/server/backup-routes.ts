import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AppError } from '#model/errors'
import { minutes } from '#model/time'
import type { ServerDeps } from './deps.ts'

/** A backup holds a transaction open and the journal untrimmed: not for a reader that has stopped reading. */
const STALLED_MS = minutes(2)

export const backupRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'backup' | 'log'>> = async (
  app,
  { backup, log }
) => {
  let running = false

  app.post(
    '/api/backup',
    {
      config: { access: ['admin'] },
      schema: { summary: 'The whole system as one file, for npm run restore', tags: ['system'] }
    },
    async (_request, reply) => {
      if (running) throw new AppError('conflict', 'A backup is being taken; try again when it is done.')
      running = true
      let moved = true
      async function* watched(): AsyncGenerator<Buffer> {
        for await (const chunk of backup()) {
          moved = true
          yield chunk
        }
      }
      const bytes = Readable.from(watched(), { objectMode: false })
      const watch = setInterval(() => {
        if (!moved) bytes.destroy(new Error('nobody reads it'))
        moved = false
      }, STALLED_MS)
      bytes.once('error', error => log.warn({ err: error }, 'a backup failed'))
      bytes.once('close', () => {
        clearInterval(watch)
        running = false
      })
      return reply.type('application/octet-stream').send(bytes)
    }
  )
}
