import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ImportResult } from '#model/api'
import { AppError } from '#model/errors'
import { minutes } from '#model/time'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { importCsv } from './registry-import.ts'

const MAX_BYTES = 32 * 1024 * 1024

export const importRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'desk' | 'credentials' | 'clock' | 'log'>
> = async (app, { db, desk, credentials, clock, log }) => {
  // Of this plugin only: nowhere else does a body of this size come in.
  app.addContentTypeParser('text/csv', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  let running = false

  app.post(
    '/api/import',
    {
      config: { access: ['admin', 'operator'] },
      bodyLimit: MAX_BYTES,
      schema: {
        summary: 'Register areas, roads, facilities and devices from CSV. Idempotent by id',
        description:
          'Columns `type,id,parent,name,kind,lat,lon,attributes`. A row that is wrong says so, the others go in. ' +
          'A new device’s secret is shown this once.',
        tags: ['registry'],
        consumes: ['text/csv'],
        response: { 200: ImportResult }
      }
    },
    async request => {
      if (!Buffer.isBuffer(request.body)) {
        throw new AppError('invalid-csv', 'Send the file as the body, with Content-Type: text/csv.')
      }
      // Each holds its whole file in memory.
      if (running) throw new AppError('conflict', 'Another import is running. Try again when it is done.')
      running = true
      try {
        const who = personOn(request).username
        const { result, lastChange } = await importCsv({ db, body: request.body, who, at: clock.now() })
        await settle(lastChange).catch((error: unknown) =>
          // The answer carries secrets that nobody can ask for again: it goes out all the same.
          log.warn({ err: error }, 'an import is stored but not in effect yet')
        )
        return result
      } finally {
        running = false
      }
    }
  )

  async function settle(lastChange: number | undefined): Promise<void> {
    if (lastChange === undefined) return
    await credentials.refresh()
    await desk.applied(lastChange, minutes(1))
  }
}
