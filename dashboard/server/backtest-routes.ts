import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { BacktestJob } from '#ingest/backtest/jobs'
import { AppError } from '#model/errors'
import { BacktestRequest, BacktestState, type BacktestDifference } from '#model/rule-shapes'
import { days, type Millis } from '#model/time'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { msOf } from './instant.ts'
import { draftOf } from './rule-drafts.ts'

const tags = ['rules']
const EDIT = { access: ['admin', 'manager'] } as const
const MOST_DAYS = 30
const LARGE_BODY = 512 * 1024
const iso = (at: Millis): string => new Date(at).toISOString()

/** What stored readings cannot tell; shown with every result. */
const NOTES = [
  {
    en: 'Our own outages are not in the readings: where we were away, holds and silence run on as if we had been there.',
    zh: '读数中没有平台自身中断的记录：中断期间的持续时间与失联判定按未中断计算。'
  },
  {
    en: 'Nobody works on these tickets: what people closed, claimed or kept quiet is left out; cleanings by scan or ticket count.',
    zh: '回测中无人办理工单：人工结案、反馈和静默均不计入；扫码保洁和保洁工单计入。'
  },
  {
    en: 'A trouble that began more than a day before the range may be found later than it was.',
    zh: '在时段开始一天以前已发生的异常，认定时间可能偏晚。'
  }
]

export const backtestRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'rules' | 'backtests' | 'live' | 'clock'>
> = async (app, { rules, backtests, live, clock }) => {
  app.post(
    '/api/rules/:id/backtest',
    {
      config: EDIT,
      bodyLimit: LARGE_BODY,
      schema: {
        summary:
          'Try a draft over stored readings, beside the version in force. Answers with the job to look at',
        tags,
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }),
        body: BacktestRequest,
        response: { 202: BacktestState }
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const { rule: sent, area } = request.body
      const present = rules.get(id)
      const draft = draftOf({ id, sent, basedOn: present?.version ?? 0, rules })
      const from = msOf(request.body.from)
      const to = Math.min(msOf(request.body.to), live.now())
      if (to <= from) throw new AppError('bad-request', 'body/to: must be after from, and from in the past')
      if (to - from > days(MOST_DAYS))
        throw new AppError('bad-request', `body/to: at most ${MOST_DAYS} days after from`)
      if (area !== undefined && !rules.knows('area', area)) {
        throw new AppError('bad-request', `body/area: there is no area ${area}`)
      }
      const others = rules.all().filter(one => one.id !== id)
      const job = backtests.ask(
        { draft, present, others, from, to, area },
        personOn(request).username,
        clock.now()
      )
      return reply.code(202).send(stateOf(job))
    }
  )

  const ById = Type.Object({ id: Type.String({ maxLength: 64 }) })
  const found = (job: BacktestJob | undefined): BacktestState => {
    if (!job)
      throw new AppError(
        'not-found',
        'There is no such back-test: the newest 20 are kept until the program ends.'
      )
    return stateOf(job)
  }

  app.get(
    '/api/backtests/:id',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'How far a back-test is, and what it found',
        tags,
        params: ById,
        response: { 200: BacktestState }
      }
    },
    async request => found(backtests.get(request.params.id))
  )

  app.delete(
    '/api/backtests/:id',
    {
      config: EDIT,
      schema: { summary: 'Cancel a back-test', tags, params: ById, response: { 200: BacktestState } }
    },
    async request => found(backtests.cancel(request.params.id))
  )

  function stateOf({ id, request, state, progress, who, result, error }: BacktestJob): BacktestState {
    const { draft, present, area } = request
    return {
      id,
      rule: draft.id,
      basedOn: present?.version ?? 0,
      who,
      state,
      progressPct: Math.floor(progress * 100),
      from: iso(request.from),
      to: iso(request.to),
      area: area ?? null,
      error: error ?? null,
      result: result
        ? {
            draft: result.draft,
            present: result.present,
            readings: result.readings,
            covered: result.covered && { from: iso(result.covered.from), to: iso(result.covered.to) },
            leftOut: result.leftOut,
            notes: NOTES,
            differences: result.differences.map(
              ({ subject, what, from, to, presentFrom, presentTo }): BacktestDifference => ({
                subject,
                name: rules.nameOf(subject) ?? subject,
                what,
                from: iso(from),
                to: to === null ? null : iso(to),
                ...(presentFrom !== undefined && {
                  presentFrom: iso(presentFrom),
                  presentTo: typeof presentTo === 'number' ? iso(presentTo) : null
                })
              })
            )
          }
        : null
    }
  }
}
