import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { submitChange } from '#db/changes'
import { enteredWindows } from '#db/rule-history'
import { Id, listOf } from '#model/api'
import { Why } from '#model/edits'
import { AppError } from '#model/errors'
import { parseSubject } from '#model/ids'
import type { MaintenanceWindow } from '#model/maintenance'
import {
  MAINTENANCE_STATES,
  MaintenanceChange,
  MaintenanceItem,
  MaintenanceQuery,
  NewMaintenance
} from '#model/rule-shapes'
import { days, type Millis } from '#model/time'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { reasonOf } from './edit-routes.ts'
import { msOf } from './instant.ts'

const tags = ['maintenance']
const EDIT = { access: ['admin', 'manager'] } as const
/** Longer is no work but a facility out of use. */
const LONGEST_MS = days(90)
const LONGEST_DAYS = 90
const MaintenanceEdit = Type.Object(
  { ...MaintenanceChange.properties, why: Type.Optional(Why) },
  { additionalProperties: false, minProperties: 1 }
)
const iso = (at: Millis): string => new Date(at).toISOString()

export const maintenanceRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'rules' | 'live' | 'desk' | 'clock'>
> = async (app, { db, rules, live, desk, clock }) => {
  app.get(
    '/api/maintenance',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'Announced work: what goes on, what is to come, then what was',
        tags,
        querystring: MaintenanceQuery,
        response: { 200: listOf(MaintenanceItem) }
      }
    },
    async ({ query: { state } }) => {
      const all = await items()
      return { items: all.filter(item => !state || item.state === state), nextCursor: null }
    }
  )

  app.post(
    '/api/maintenance',
    {
      config: EDIT,
      schema: {
        summary: 'Announce work: until its end the rules begin nothing there. Answers once it is in effect',
        tags,
        body: NewMaintenance,
        response: { 200: MaintenanceItem }
      }
    },
    async request => {
      const { subject, note, ...times } = request.body
      const parsed = parseSubject(subject)
      if (!parsed || !rules.nameOf(subject)) {
        throw new AppError(
          'bad-request',
          `body/subject: there is no ${subject}: facility:…, road:…, area:… or device:…`
        )
      }
      const window: MaintenanceWindow = {
        id: `m-${randomUUID().slice(0, 13)}`,
        subject: `${parsed.type}:${parsed.id}`,
        from: msOf(times.from),
        to: msOf(times.to),
        note: note.trim()
      }
      if (window.to <= window.from) throw new AppError('bad-request', 'body/to: must be after from')
      if (window.to <= live.now())
        throw new AppError('bad-request', 'body/to: is over already; it would change nothing')
      return announce(checked(window), { who: personOn(request).username, why: window.note })
    }
  )

  app.put(
    '/api/maintenance/:id',
    {
      config: EDIT,
      schema: {
        summary: 'End announced work earlier or later, or cancel what has not begun',
        tags,
        params: Type.Object({ id: Id }),
        body: MaintenanceEdit,
        response: { 200: MaintenanceItem }
      }
    },
    async request => {
      const { id } = request.params
      const { to, note, cancel, why } = request.body
      const known = rules.windows().find(window => window.id === id)
      if (!known) throw new AppError('not-found', `There is no maintenance ${id}.`)
      const now = live.now()
      const state = stateOf(known, now)
      if (state === 'past' || state === 'cancelled')
        throw new AppError('conflict', `It is ${state}: announce another.`)
      if (cancel && state === 'present')
        throw new AppError('conflict', 'It has begun: end it now, with `to`.')
      const end = cancel ? known.from : (msOf(to) ?? known.to)
      if (!cancel && end <= known.from)
        throw new AppError('bad-request', 'body/to: must be after from; or cancel it')
      // Nothing is undone: what was quiet until now stays so.
      const window = { ...known, to: cancel ? end : Math.max(end, now), note: note?.trim() ?? known.note }
      return announce(checked(window), { who: personOn(request).username, why: reasonOf(why) })
    }
  )

  async function announce(
    window: MaintenanceWindow,
    { who, why }: { who: string; why: string | null }
  ): Promise<MaintenanceItem> {
    const { id } = await submitChange(db, {
      subject: window.subject,
      body: { kind: 'maintenance', window },
      who,
      why,
      requestedAt: clock.now()
    })
    const { refused } = await desk.applied(id)
    if (refused !== null) throw new AppError('conflict', refused)
    const item = (await items()).find(one => one.id === window.id)
    if (!item) throw new AppError('not-found', `There is no maintenance ${window.id}.`)
    return item
  }

  /** What goes on first, then what comes, then what was, the newest first. */
  async function items(): Promise<MaintenanceItem[]> {
    const first = new Map<string, { who: string; at: Millis }>()
    for (const { window, who, at } of await enteredWindows(db)) first.set(window.id, { who, at })
    const now = live.now()
    return rules
      .windows()
      .map(window => {
        const entered = first.get(window.id)
        return {
          id: window.id,
          subject: window.subject,
          name: rules.nameOf(window.subject) ?? window.subject,
          from: iso(window.from),
          to: iso(window.to),
          note: window.note,
          state: stateOf(window, now),
          who: entered?.who ?? null,
          enteredAt: entered ? iso(entered.at) : null
        }
      })
      .sort((a, b) => rank(a) - rank(b) || (a.state === 'future' ? 1 : -1) * a.from.localeCompare(b.from))
  }
}

const rank = ({ state }: MaintenanceItem): number => MAINTENANCE_STATES.indexOf(state)

function stateOf({ from, to }: MaintenanceWindow, now: Millis): MaintenanceItem['state'] {
  if (to <= from) return 'cancelled'
  return to <= now ? 'past' : from > now ? 'future' : 'present'
}

function checked(window: MaintenanceWindow): MaintenanceWindow {
  if (window.to - window.from <= LONGEST_MS) return window
  throw new AppError('bad-request', `body/to: at most ${LONGEST_DAYS} days after from`)
}
