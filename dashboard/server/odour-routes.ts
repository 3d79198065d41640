import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { submitChange } from '#db/changes'
import { odourVersions } from '#db/rule-history'
import { AppError } from '#model/errors'
import { OdourLimitsEdit, OdourLimitsList, odourFaults } from '#model/odour-limit-shapes'
import type { OdourLimits } from '#model/odour-limits'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { refused } from './rule-drafts.ts'

const tags = ['rules']

export const odourRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'rules' | 'desk' | 'clock'>
> = async (app, { db, rules, desk, clock }) => {
  async function answer(): Promise<OdourLimitsList> {
    const { version, items, now } = rules.odour(clock.now())
    const edited = await odourVersions(db)
    return {
      version,
      now: now.from,
      items: [...items],
      history: edited.map(({ version: one, items: list, at, who, why }) => ({
        version: one,
        at: new Date(at).toISOString(),
        who,
        reason: why,
        items: list
      }))
    }
  }

  app.get(
    '/api/odour-limits',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'Odour limits in mg/m³ by class, each from a day of the city on, and who changed them',
        tags,
        response: { 200: OdourLimitsList }
      }
    },
    answer
  )

  app.put(
    '/api/odour-limits',
    {
      config: { access: ['admin', 'manager'] },
      schema: {
        summary: 'Put other odour limits into force: the whole list. A reading is judged by those of its day',
        tags,
        body: OdourLimitsEdit,
        response: { 200: OdourLimitsList }
      }
    },
    async request => {
      const { items, basedOn, why } = request.body
      const { version } = rules.odour(clock.now())
      if (basedOn !== version) {
        const text = `Somebody was faster: the odour limits are at version ${version}, you edited version ${basedOn}. Look at them again.`
        throw new AppError('conflict', text)
      }
      const faults = odourFaults(items)
      if (faults.length > 0) throw refused(faults)
      const { id } = await submitChange(db, {
        subject: 'policy:odour-limits',
        body: { kind: 'odour-limits', version: version + 1, items: items as OdourLimits[] },
        who: personOn(request).username,
        why: why.trim(),
        requestedAt: clock.now()
      })
      const said = (await desk.applied(id)).refused
      if (said !== null) throw new AppError('conflict', said)
      return answer()
    }
  )
}
