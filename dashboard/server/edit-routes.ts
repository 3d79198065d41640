import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { listEdits } from '#db/edits'
import { listOf } from '#model/api'
import { EditItem, EditsQuery } from '#model/edits'
import { AppError } from '#model/errors'
import { written } from '#model/written'
import type { ServerDeps } from './deps.ts'

export const editRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'db'>> = async (app, { db }) => {
  app.get(
    '/api/edits',
    {
      config: { access: ['admin', 'manager', 'operator', 'inspector'] },
      schema: {
        summary: 'Who changed crews, street chiefs, plans, the policy or announced work: when, what and why',
        tags: ['audit'],
        querystring: EditsQuery,
        response: { 200: listOf(EditItem) }
      }
    },
    async request => listEdits(db, request.query)
  )
}

/** The reason of an edit, as it is kept. Rejects with `reason-required` where one is needed and none was given. */
export function reasonOf(why: string | undefined, needed?: string): string | null {
  const reason = written(why)
  if (reason === null && needed !== undefined) throw new AppError('reason-required', `body/why: ${needed}`)
  return reason
}
