import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { submitChange, type ChangeRequest } from '#db/changes'
import { isOnShift } from '#ingest/crews'
import { Id, listOf } from '#model/api'
import { AreaDuty, AreaDutyBody, CrewBody, CrewItem, type Crew } from '#model/crews'
import { Why } from '#model/edits'
import { AppError } from '#model/errors'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { reasonOf } from './edit-routes.ts'

const tags = ['crews']
const ById = Type.Object({ id: Id })
const edits = { access: ['admin', 'manager'] } as const
const strict = { additionalProperties: false }
const CrewEdit = Type.Object({ ...CrewBody.properties, why: Type.Optional(Why) }, strict)
const DutyEdit = Type.Object({ ...AreaDutyBody.properties, why: Type.Optional(Why) }, strict)

export const crewRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'people' | 'crews' | 'desk' | 'clock'>
> = async (app, { db, live, people, crews, desk, clock }) => {
  async function put(change: Pick<ChangeRequest, 'subject' | 'body' | 'who' | 'why'>): Promise<void> {
    const { id } = await submitChange(db, { ...change, requestedAt: clock.now() })
    const { refused } = await desk.applied(id)
    if (refused !== null) throw new AppError('conflict', refused)
  }

  const itemOf = (crew: Crew, names: ReadonlyMap<string, string>): CrewItem => ({
    ...crew,
    onShift: crew.active && isOnShift(crew.shifts, { at: live.now(), timeZone: live.system().timeZone }),
    team: crew.members.map(username => ({ username, name: names.get(username) ?? username }))
  })

  /** Rejects with `bad-request` when there is no such area. */
  function checkAreas(areas: readonly string[]): void {
    const known = new Set(live.areas().map(({ id }) => id))
    for (const area of areas)
      if (!known.has(area)) throw new AppError('bad-request', `body/areas: no area ${area} is registered`)
  }
  async function checkPeople(path: string, usernames: readonly string[]): Promise<void> {
    const known = await people.names(usernames)
    for (const username of usernames)
      if (!known.has(username)) throw new AppError('bad-request', `${path}: there is no account ${username}`)
  }

  app.get(
    '/api/crews',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'Crews, and who is on shift now', tags, response: { 200: listOf(CrewItem) } }
    },
    async () => {
      const all = crews.crews()
      const names = await people.names(all.flatMap(({ members }) => members))
      return { items: all.map(crew => itemOf(crew, names)), nextCursor: null }
    }
  )

  app.put(
    '/api/crews/:id',
    {
      config: edits,
      schema: {
        summary:
          'Make a crew, or say anew what it is; to take it out of work needs a reason. Answers once the rules have it',
        tags,
        params: ById,
        body: CrewEdit,
        response: { 200: CrewItem }
      }
    },
    async request => {
      const { why: said, ...body } = request.body
      const crew: Crew = { id: request.params.id, ...body }
      const ends = !crew.active && crews.crew(crew.id)?.active
      const why = reasonOf(said, ends ? 'say why the crew is taken out of work' : undefined)
      checkAreas(crew.areas)
      await checkPeople('body/members', crew.members)
      const { username: who } = personOn(request)
      await put({ subject: `crew:${crew.id}`, body: { kind: 'crew', crew }, who, why })
      return itemOf(crew, await people.names(crew.members))
    }
  )

  app.get(
    '/api/chiefs',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'Who answers for which area', tags, response: { 200: listOf(AreaDuty) } }
    },
    async () => ({ items: crews.duties(), nextCursor: null })
  )

  app.put(
    '/api/areas/:id/chiefs',
    {
      config: edits,
      schema: {
        summary: 'Say who answers for an area and all below it. Answers once the rules have it',
        tags,
        params: ById,
        body: DutyEdit,
        response: { 200: AreaDuty }
      }
    },
    async request => {
      const { why, ...body } = request.body
      const duty: AreaDuty = { area: request.params.id, ...body }
      if (!live.areas().some(({ id }) => id === duty.area))
        throw new AppError('not-found', `There is no area ${duty.area}.`)
      const levels = duty.chiefs.map(({ level }) => level)
      if (new Set(levels).size < levels.length)
        throw new AppError('bad-request', 'body/chiefs: at most one a level')
      const accounts = duty.chiefs.map(({ username }) => username).filter(name => name !== null)
      await checkPeople('body/chiefs', accounts)
      const { username: who } = personOn(request)
      await put({ subject: `area:${duty.area}`, body: { kind: 'chief', duty }, who, why: reasonOf(why) })
      return duty
    }
  )
}
