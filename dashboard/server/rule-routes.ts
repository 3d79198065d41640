import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { RuleItem, listOf } from '#model/api'
import { DEFAULT_RULES } from '#model/default-rules'
import { AppError } from '#model/errors'
import { dueMsOf, type Rule } from '#model/rules'

const tags = ['rules']
const config = { access: 'signed-in' } as const

export const ruleRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/api/rules',
    { config, schema: { summary: 'The rules that open tickets', tags, response: { 200: listOf(RuleItem) } } },
    async () => ({ items: DEFAULT_RULES.map(itemOf), nextCursor: null })
  )

  app.get(
    '/api/rules/:id',
    {
      config,
      schema: {
        summary: 'One rule',
        tags,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: RuleItem }
      }
    },
    async request => {
      const rule = DEFAULT_RULES.find(({ id }) => id === request.params.id)
      if (!rule) throw new AppError('not-found', `There is no rule ${request.params.id}.`)
      return itemOf(rule)
    }
  )
}

const itemOf = ({ ticket, ...rule }: Rule): RuleItem => ({
  ...rule,
  title: ticket.title,
  dueMs: dueMsOf(rule)
})
