import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isDeepStrictEqual } from 'node:util'
import { Type } from 'typebox'
import { submitChange } from '#db/changes'
import { ruleVersions } from '#db/rule-history'
import { listOf } from '#model/api'
import { DEFAULT_RULES } from '#model/default-rules'
import { AppError } from '#model/errors'
import { presetsOf, withPreset } from '#model/rule-presets'
import {
  RuleCounting,
  RuleDetail,
  RuleEdit,
  RuleItem,
  RulePresetItem,
  RuleReset,
  SETTING_IDS,
  ruleSchema
} from '#model/rule-shapes'
import type { Rule } from '#model/rules'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { draftOf } from './rule-drafts.ts'

const tags = ['rules']
const READ = { access: 'signed-in' } as const
const EDIT = { access: ['admin', 'manager'] } as const
const ById = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })
/** A rule with an override for each of a thousand facilities. */
const LARGE_BODY = 512 * 1024
const RoadItem = Type.Object({ id: Type.String(), name: Type.String() })
/** As many as a person reads; who wants another says more of its name. */
const MOST_ROADS = 20

export const ruleRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'rules' | 'desk' | 'clock'>
> = async (app, { db, rules, desk, clock }) => {
  app.get(
    '/schemas/rule.json',
    {
      config: { access: 'public' },
      schema: {
        summary: 'What a rule and its conditions are made of',
        tags,
        response: { 200: Type.Unknown() }
      }
    },
    async (request, reply) =>
      void reply.type('application/schema+json').send(
        JSON.stringify({
          $id: request.url,
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          ...ruleSchema()
        })
      )
  )

  app.get(
    '/api/rules',
    { config: READ, schema: { summary: 'The rules in force', tags, response: { 200: listOf(RuleItem) } } },
    async () => ({ items: rules.all().map(itemOf), nextCursor: null })
  )

  app.get(
    '/api/rules/:id',
    {
      config: READ,
      schema: {
        summary: 'One rule, with every version it had',
        tags,
        params: ById,
        response: { 200: RuleDetail }
      }
    },
    async request => detailOf(ruleFor(request.params.id))
  )

  app.get(
    '/api/rules/:id/presets',
    {
      config: READ,
      schema: {
        summary:
          'Settings of a rule that belong together, each as what to send to put it into force or to back-test it',
        tags,
        params: ById,
        response: { 200: Type.Object({ items: Type.Array(RulePresetItem) }) }
      }
    },
    async request => {
      const rule = ruleFor(request.params.id)
      return {
        items: presetsOf(rule.id).map(preset => {
          const { overrides, ...draft } = withPreset(rule, preset)
          const set = Object.fromEntries(
            Object.keys(preset.set).map(field => [field, draft[field as 'when']])
          )
          const { id, label, why } = preset
          return { id, label, why, rule: { ...set, overrides } }
        })
      }
    }
  )

  app.get(
    '/api/roads',
    {
      config: READ,
      schema: {
        summary: 'Roads by a part of their name or id, for exceptions and maintenance',
        tags,
        querystring: Type.Object({ q: Type.Optional(Type.String({ maxLength: 100 })) }),
        response: { 200: listOf(RoadItem) }
      }
    },
    async request => {
      const q = (request.query.q ?? '').trim().toLowerCase()
      const items: { id: string; name: string }[] = []
      for (const { id, name } of rules.registry.roads()) {
        if (items.length === MOST_ROADS) break
        if (`${id} ${name}`.toLowerCase().includes(q)) items.push({ id, name })
      }
      return { items, nextCursor: null }
    }
  )

  app.get(
    '/api/rules/:id/counting',
    {
      config: READ,
      schema: {
        summary: 'What counts for one facility, road or device, and where each setting comes from',
        tags,
        params: ById,
        querystring: Type.Object({ subject: Type.String({ maxLength: 100 }) }),
        response: { 200: RuleCounting }
      }
    },
    async request => {
      const { subject } = request.query
      const rule = ruleFor(request.params.id)
      const counting = rules.countsFor(rule, subject)
      if (!counting) throw new AppError('not-found', `There is no ${subject}.`)
      const { name, standing, sources } = counting
      const settings = Object.fromEntries(SETTING_IDS.map(field => [field, counting.rule[field]]))
      return { subject, name, applies: rules.isAbout(rule, subject), standing, settings, sources }
    }
  )

  app.put(
    '/api/rules/:id',
    {
      config: EDIT,
      bodyLimit: LARGE_BODY,
      schema: {
        summary: 'Put another version of a rule into force, or a new rule. Answers once it is',
        tags,
        params: ById,
        body: RuleEdit,
        response: { 200: RuleDetail }
      }
    },
    async request => {
      const { id } = request.params
      const { basedOn, why } = request.body
      const rule = draftOf({ id, sent: request.body.rule, basedOn, rules })
      return putInForce(rule, { who: personOn(request).username, why })
    }
  )

  app.post(
    '/api/rules/:id/reset',
    {
      config: EDIT,
      schema: {
        summary: 'Back to the rule as it was shipped, as a new version',
        tags,
        params: ById,
        body: RuleReset,
        response: { 200: RuleDetail }
      }
    },
    async request => {
      const { id } = request.params
      const { basedOn, why } = request.body
      ruleFor(id)
      const shipped = shippedRule(id)
      if (!shipped)
        throw new AppError('not-found', `${id} was not shipped with the program: switch it off instead.`)
      const { id: _, version: __, ...sent } = shipped
      const rule = draftOf({ id, sent, basedOn, rules })
      return putInForce(rule, { who: personOn(request).username, why })
    }
  )

  function ruleFor(id: string): Rule {
    const rule = rules.get(id)
    if (!rule) throw new AppError('not-found', `There is no rule ${id}.`)
    return rule
  }

  async function putInForce(rule: Rule, { who, why }: { who: string; why: string }) {
    const { id } = await submitChange(db, {
      subject: `rule:${rule.id}`,
      body: { kind: 'rule', rule },
      who,
      why: why.trim(),
      requestedAt: clock.now()
    })
    const { refused } = await desk.applied(id)
    if (refused !== null) throw new AppError('conflict', refused)
    return detailOf(ruleFor(rule.id))
  }

  async function detailOf(rule: Rule): Promise<RuleDetail> {
    const edited = await ruleVersions(db, rule.id)
    const shipped = shippedRule(rule.id)
    const scopes = [rule, ...edited.map(one => one.rule)].flatMap(one =>
      one.overrides.map(({ scope }) => scope)
    )
    return {
      ...itemOf(rule),
      names: Object.fromEntries(
        scopes.flatMap(scope => {
          const name = rules.nameOf(scope)
          return name === undefined ? [] : [[scope, name]]
        })
      ),
      history: [
        ...(shipped ? [{ version: shipped.version, at: null, who: null, reason: null, rule: shipped }] : []),
        ...edited.map(({ rule: one, who, why, at }) => ({
          version: one.version,
          at: new Date(at).toISOString(),
          who,
          reason: why,
          rule: one
        }))
      ].reverse()
    }
  }
}

const shippedRule = (id: string): Rule | undefined => DEFAULT_RULES.find(rule => rule.id === id)

function itemOf(rule: Rule): RuleItem {
  const shipped = shippedRule(rule.id)
  return {
    ...rule,
    shipped: shipped !== undefined,
    asShipped: shipped !== undefined && isDeepStrictEqual({ ...shipped, version: 0 }, { ...rule, version: 0 })
  }
}
