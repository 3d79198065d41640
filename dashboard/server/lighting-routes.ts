import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AppError } from '#model/errors'
import type { LampView, LightingRate } from '#model/lighting'
import {
  LampList,
  LampsQuery,
  LightingDetail,
  LightingList,
  LightingPlaceParams,
  LightingQuery
} from '#model/lighting-shapes'
import type { Millis } from '#model/time'
import type { LightingPicture } from '#ingest/lighting'
import { areaIdOf, type CountedRate, type LightingPlace } from '#ingest/rules/lighting'
import type { ServerDeps } from './deps.ts'

const tags = ['lighting']
const config = { access: 'signed-in' } as const
const DEFAULT_LIMIT = 100
/** What a crew goes to first. */
const NOT_LIT: readonly LampView[] = ['dark', 'unknown']
const iso = (at: Millis | null): string | null => (at === null ? null : new Date(at).toISOString())

export const lightingRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'lighting' | 'live' | 'rules'>
> = async (app, { lighting, live, rules }) => {
  app.get(
    '/api/lighting',
    {
      config,
      schema: {
        summary:
          'Lighting rates as they are now, worst first: of roads, grades of a district, areas, the city',
        tags,
        querystring: LightingQuery,
        response: { 200: LightingList }
      }
    },
    async ({ query: { level, area, q, limit = DEFAULT_LIMIT, cursor } }) => {
      const picture = await lighting.now()
      const part = q?.trim().toLowerCase()
      const found = picture.rates
        .filter(rate => !level || rate.level === level)
        .filter(rate => !part || `${rate.name} ${rate.id}`.toLowerCase().includes(part))
        .filter(rate => area === undefined || isIn(rate, area))
        .map(rate => ({ rate, order: orderOf(rate) }))
      const { page, nextCursor } = pageOf(found, { limit, cursor })
      return {
        items: page.map(({ rate }) => rate),
        nextCursor,
        total: found.length,
        whole: wholeOf(picture, area) ?? null,
        ...nightOf(picture)
      }
    }
  )

  app.get(
    '/api/lighting/:level/:id',
    {
      config,
      schema: {
        summary: 'The lighting rate of one place as it is now',
        tags,
        params: LightingPlaceParams,
        response: { 200: LightingDetail }
      }
    },
    async ({ params }) => {
      const picture = await lighting.now()
      return { ...rateIn(picture, params), ...nightOf(picture) }
    }
  )

  app.get(
    '/api/lighting/:level/:id/lamps',
    {
      config,
      schema: {
        summary: 'Lamps of one place that are dark or not heard of, or that count as `view` says',
        tags,
        params: LightingPlaceParams,
        querystring: LampsQuery,
        response: { 200: LampList }
      }
    },
    async ({ params, query: { view = 'not-lit', limit = DEFAULT_LIMIT, cursor } }) => {
      rateIn(await lighting.now(), params)
      const views = view === 'not-lit' ? NOT_LIT : [view]
      const found = (await lighting.lamps(params, views)).map(one => ({
        ...one,
        order: `${views.indexOf(one.view)}:${one.lamp}`
      }))
      const { page, nextCursor } = pageOf(found, { limit, cursor })
      const items = page.flatMap(({ lamp, view }) => {
        const facility = live.facility(lamp)
        return facility ? [{ ...facility, view }] : []
      })
      return { items, nextCursor, total: found.length }
    }
  )

  /** A road is in every area it has lamps in, an area in itself and those above it. */
  const isIn = (rate: CountedRate, area: string): boolean =>
    rate.level === 'road'
      ? [...rate.areas].some(one => rules.registry.isUnder(one, area))
      : rules.registry.isUnder(areaIdOf(rate), area)
}

function rateIn({ rates }: LightingPicture, { level, id }: LightingPlace): CountedRate {
  const rate = rates.find(one => one.level === level && one.id === id)
  if (!rate) throw new AppError('not-found', `No lamp with a controller is counted in ${level} ${id}.`)
  return rate
}

/** The row of an area as a whole, else the city's. */
const wholeOf = ({ rates }: LightingPicture, area: string | undefined): CountedRate | undefined =>
  rates.find(({ level, id }) =>
    area === undefined ? level === 'city' : id === area && level !== 'road' && level !== 'grade'
  )

const nightOf = ({ at, night, since, until, judgedFrom }: LightingPicture) => ({
  at: new Date(at).toISOString(),
  night,
  since: iso(since),
  until: iso(until),
  judgedFrom: iso(judgedFrom)
})

/**
 * As text, worst first: surely under what is asked, perhaps under it, the others, where no lamp should be lit. Within
 * each the lowest rate that may be.
 */
function orderOf({ level, id, ratePct, standing }: LightingRate): string {
  const rank = ratePct === null ? 3 : standing === 'under' ? 0 : standing === 'unsure' ? 1 : 2
  const digits = (pct: number): string =>
    Math.round(pct * 1e6)
      .toString()
      .padStart(9, '0')
  return `${rank}:${ratePct ? `${digits(ratePct.max)}:${digits(ratePct.min)}` : ''}:${level}:${id}`
}

/** What follows `cursor`, the order of the last one shown: also when that one has moved meanwhile. */
function pageOf<T extends { order: string }>(
  all: readonly T[],
  { limit, cursor }: { limit: number; cursor: string | undefined }
): { page: T[]; nextCursor: string | null } {
  const rest = all
    .filter(({ order }) => cursor === undefined || order > cursor)
    .sort((a, b) => (a.order < b.order ? -1 : 1))
  const page = rest.slice(0, limit)
  return { page, nextCursor: rest.length > limit ? (page.at(-1)?.order ?? null) : null }
}
