import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { repeatedChange, submitChange } from '#db/changes'
import { unknownAttachments } from '#db/known-attachments'
import type { Person } from '#db/people'
import { casesOf, ratesBy, ticketRates, type RatesFilter } from '#db/ticket-rates'
import { seenBy } from '#db/ticket-sight'
import { factsOf } from '#ingest/tickets/moves'
import {
  CasesQuery,
  RatesByQuery,
  RatesOf,
  RatesQuery,
  ReportedTicket,
  TicketActionRequest,
  TicketDetail,
  TicketQuery,
  TicketRates,
  TicketReportRequest,
  TicketSummary,
  TicketsNow,
  listOf
} from '#model/api'
import type { ChangeBody } from '#model/changes'
import { checklistFaults, type AnsweredChecklist } from '#model/checklists'
import { AppError } from '#model/errors'
import { CODE_ROLES, FOLLOWED_SOURCES } from '#model/report-follow'
import {
  TICKET_STATES,
  allowedActions,
  isLateClaim,
  isOpen,
  needsOf,
  ticketMove,
  whyNot,
  type TicketState
} from '#model/tickets'
import { days, type Millis } from '#model/time'
import { written } from '#model/written'
import { personOn } from './access.ts'
import { sightOf } from './crew-sight.ts'
import { areasOver, areasUnder } from './areas.ts'
import type { ServerDeps } from './deps.ts'
import { msOf } from './instant.ts'
import { reportOf } from './ticket-report.ts'

const tags = ['tickets']
const CASES_SHOWN = 1000
const config = { access: 'signed-in' } as const
const ById = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) })
const Keyed = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) })

export const ticketRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'tickets' | 'desk' | 'crews' | 'clock' | 'reportCodes'>
> = async (app, { db, live, tickets, desk, crews, clock, reportCodes }) => {
  const crewsOf = (username: string): string[] =>
    crews
      .crews()
      .filter(crew => crew.active && crew.members.includes(username))
      .map(({ id }) => id)

  async function stored(id: string) {
    const ticket = await tickets.ticket(id)
    if (!ticket && live.hasOpenTicket(id)) {
      throw new AppError('not-applied-yet', `Ticket ${id} is being written down. Look again in a moment.`)
    }
    if (!ticket) throw new AppError('not-found', `There is no ticket ${id}.`)
    return ticket
  }

  /** @throws AppError `forbidden` when it is another crew's */
  async function seenTicket(id: string, person: Person): Promise<TicketDetail> {
    const { row } = await stored(id)
    if (!isTheirs(row, person))
      throw new AppError('forbidden', 'This ticket is of another crew or another area.')
    return ticketFor(id, person)
  }

  async function ticketFor(id: string, person: Person): Promise<TicketDetail> {
    const { row, detail } = await stored(id)
    const actions = isTheirs(row, person) ? allowedActions(factsOf(row), person) : []
    const needs = Object.fromEntries(
      actions.filter(action => needsOf(action).length > 0).map(action => [action, [...needsOf(action)]])
    )
    const reports = detail.reports.map(one => ({
      ...one,
      code: one.followed ? codeFor(one.id, person) : null
    }))
    return { ...detail, reports, clocks: live.clocksOf(row), actions, needs }
  }

  /** What was reported or moved may be another crew's ticket by now: who did it learns that it is, and not what it says. */
  async function toldTo(id: string, person: Person): Promise<TicketDetail> {
    const ticket = await ticketFor(id, person)
    if (isTheirs(ticket, person)) return ticket
    return { ...ticket, ...UNTOLD }
  }

  const codeFor = (report: string, { role }: Person): string | null =>
    CODE_ROLES.includes(role) ? reportCodes.codeOf(report) : null

  /** A crew works on its own tickets, and on those that nobody has in its areas; so it sees no other. */
  const isTheirs = (row: { crew: string | null; area: string | null }, person: Person): boolean =>
    seenBy(sightOf(person, { crews, live }))(row)

  /** @throws AppError `forbidden` when a crew asks for the numbers of another */
  function periodOf(
    { from, to, area, crew, kind }: Static<typeof RatesQuery>,
    { role, username }: Person
  ): RatesFilter {
    if (role === 'crew' && crew !== undefined && !crewsOf(username).includes(crew))
      throw new AppError('forbidden', 'A crew sees its own numbers and those of all together.')
    const [fromMs, toMs] = [msOf(from), msOf(to)]
    if (fromMs >= toMs) throw new AppError('bad-request', 'querystring: from must be before to')
    const areas = area === undefined ? undefined : areasUnder(live.areas(), area)
    return { from: fromMs, to: toMs, areas, crew, kind }
  }

  /** Not what a sensor answers: that is asked when the rules take the action, and this may arrive hours after it was written. */
  function checkAnswers(checklist: AnsweredChecklist | undefined): void {
    if (!checklist) return
    const [fault] = checklistFaults(checklist, { sensed: true, complete: false })
    if (fault) throw new AppError('bad-request', `body/checklist/${fault.path}: ${fault.message}`)
  }

  async function checkPhotos(ids: readonly string[] = []): Promise<void> {
    const unknown = await unknownAttachments(db, ids)
    if (unknown.length > 0)
      throw new AppError('bad-request', `body/photos: there is no ${unknown.join(', ')}`)
  }

  async function checkMove(id: string, request: TicketActionRequest, person: Person): Promise<void> {
    const { action, note } = request
    const { row } = await stored(id)
    const { label, by } = ticketMove(action)
    if (!by.includes(person.role))
      throw new AppError('forbidden', `${label.en} is for ${by.join(', ')}; you are ${person.role}.`)
    if (!isTheirs(row, person))
      throw new AppError('forbidden', 'This ticket is of another crew or another area.')
    const facts = factsOf(row)
    const refused = isLateClaim(facts, action) ? undefined : whyNot(facts, action, person)
    if (refused !== undefined) {
      const can = allowedActions(facts, person).join(', ') || 'nothing'
      throw new AppError('move-not-allowed', `It cannot be: ${refused}. You can ${can}.`)
    }
    if (needsOf(action).includes('reason') && written(note) === null)
      throw new AppError('reason-required', `${label.en} needs a note that says why.`)
    if (request.crew !== undefined && !crews.crew(request.crew)?.active)
      throw new AppError('bad-request', `body/crew: there is no crew ${request.crew} at work`)
    checkAnswers(request.checklist)
    const answered = request.checklist?.answers.flatMap(({ photo }) => photo ?? []) ?? []
    await checkPhotos([...(request.photos ?? []), ...answered])
  }

  app.get(
    '/api/tickets',
    {
      config,
      schema: {
        summary: 'Tickets: open ones most urgent first, others newest first',
        tags,
        querystring: TicketQuery,
        response: { 200: listOf(TicketSummary) }
      }
    },
    async request => {
      const sight = sightOf(personOn(request), { crews, live })
      if (asksForOpen(request.query)) return live.openTickets(request.query, sight)
      const { area, ...query } = request.query
      const seen = { ...query, sight }
      return tickets.tickets(area === undefined ? seen : { ...seen, areas: areasUnder(live.areas(), area) })
    }
  )

  app.get(
    '/api/tickets/now',
    {
      config,
      schema: {
        summary: 'A few tickets each: nobody was sent yet, due next, newest',
        tags,
        response: { 200: TicketsNow }
      }
    },
    async request => live.ticketsNow(sightOf(personOn(request), { crews, live }))
  )

  app.get(
    '/api/tickets/rates',
    {
      config,
      schema: {
        summary: 'Closing, on-time and rework rate of what was due in a period',
        tags,
        querystring: RatesQuery,
        response: { 200: TicketRates }
      }
    },
    async request => {
      const { from, to } = request.query
      return { from, to, ...(await ticketRates(db, periodOf(request.query, personOn(request)))) }
    }
  )

  app.get(
    '/api/tickets/rates/by',
    {
      config,
      schema: {
        summary: 'The same rates of each area, crew or facility kind that had a case',
        tags,
        querystring: RatesByQuery,
        response: { 200: listOf(RatesOf) }
      }
    },
    async request => {
      const { by } = request.query
      const person = personOn(request)
      const all = await ratesBy(db, periodOf(request.query, person), {
        by,
        groupsOf: key => (by === 'area' && key !== null ? areasOver(live.areas(), key) : [key])
      })
      const own = by === 'crew' && person.role === 'crew' ? crewsOf(person.username) : undefined
      const groups = all.filter(({ key }) => !own || (key !== null && own.includes(key)))
      return { items: groups.map(({ key, rates }) => ({ key, ...rates })), nextCursor: null }
    }
  )

  app.get(
    '/api/tickets/rates/cases',
    {
      config,
      schema: {
        summary: 'The tickets behind one number of the rates, newest deadline first, a thousand at most',
        tags,
        querystring: CasesQuery,
        response: { 200: listOf(TicketSummary) }
      }
    },
    async request => {
      const { counted, limit = CASES_SHOWN } = request.query
      const person = personOn(request)
      const sight = sightOf(person, { crews, live })
      const ids = await casesOf(db, { ...periodOf(request.query, person), counted, limit, sight })
      return { items: await tickets.named(ids), nextCursor: null }
    }
  )

  app.post(
    '/api/tickets',
    {
      config,
      schema: {
        summary: 'Report a trouble. Answers with its ticket, which may be one that was open for it already',
        tags,
        headers: Keyed,
        body: TicketReportRequest,
        response: { 200: ReportedTicket }
      }
    },
    async request => {
      const person = personOn(request)
      const idempotencyKey = request.headers['idempotency-key']
      const said = reportOf(request.body, { person, idempotencyKey })
      const followed = FOLLOWED_SOURCES.includes(said.source)
      const codeHash = followed ? reportCodes.hashOf(reportCodes.codeOf(said.report)) : undefined
      const body = { ...said, ...(codeHash !== undefined && { codeHash }) }
      await checkPhotos(body.photos)
      const found = ['role']
      const asked = { subject: body.subject, body, who: person.username, idempotencyKey, found }
      const change =
        (await repeatedChange(db, asked)) ??
        (await submitChange(db, { ...asked, why: body.note, requestedAt: clock.now() }))
      const { refused } = change.applied ? change : await desk.applied(change.id)
      if (refused !== null) throw new AppError('bad-request', refused)
      const ticket = await toldTo((await tickets.reported(body.report)) ?? body.report, person)
      return { ...ticket, report: { id: body.report, code: followed ? codeFor(body.report, person) : null } }
    }
  )

  app.get(
    '/api/tickets/:id',
    {
      config,
      schema: {
        summary: 'One ticket with its evidence, episodes and history',
        tags,
        params: ById,
        response: { 200: TicketDetail }
      }
    },
    async request => seenTicket(request.params.id, personOn(request))
  )

  app.post(
    '/api/tickets/:id/actions',
    {
      config,
      schema: {
        summary: 'Do something to a ticket. Answers once the rules have applied it',
        tags,
        params: ById,
        headers: Keyed,
        body: TicketActionRequest,
        response: { 200: TicketDetail }
      }
    },
    async request => {
      const person = personOn(request)
      const { id } = request.params
      const who = person.username
      const crew = person.role === 'crew' ? crewsOf(who)[0] : undefined
      const body = changeOf(id, request.body, { now: live.now(), role: person.role, crew })
      const asked = {
        subject: `ticket:${id}` as const,
        body,
        who,
        idempotencyKey: request.headers['idempotency-key'],
        // Somebody may be of another crew when the phone asks again.
        found: person.role === 'crew' ? ['role', 'crew'] : ['role']
      }
      let change = await repeatedChange(db, asked)
      if (!change) {
        await checkMove(id, request.body, person)
        change = await submitChange(db, { ...asked, why: body.note, requestedAt: clock.now() })
      }
      const { refused } = change.applied ? change : await desk.applied(change.id)
      if (refused !== null) throw new AppError('move-not-allowed', refused)
      return toldTo(id, person)
    }
  )
}

const UNTOLD = {
  reports: [],
  ratings: [],
  evidence: [],
  episodes: [],
  history: [],
  pauses: [],
  request: null,
  claimedBy: null
} as const satisfies Partial<TicketDetail>

/** Open tickets are known from memory; ended ones are read from the database. */
export const asksForOpen = ({ status = 'open' }: Pick<TicketQuery, 'status'>): boolean =>
  status === 'open' || (status in TICKET_STATES && isOpen(status as TicketState))

type TicketChange = Extract<ChangeBody, { kind: 'ticket-action' }>

/** Longer would be a rule without an end there; for that there are exceptions. */
const QUIET_DAYS = 90

/** What only some actions have a use for. */
const ONLY_WITH = {
  until: ['defer'],
  extendMs: ['extend'],
  into: ['merge'],
  crew: ['dispatch', 'transfer'],
  unit: ['transfer'],
  checklist: ['claim', 'verify', 'return', 'recheck-ok', 'recheck-failed', 'comment']
} as const satisfies Partial<Record<keyof TicketActionRequest, readonly TicketActionRequest['action'][]>>

function changeOf(
  ticket: string,
  request: TicketActionRequest,
  { now, ...by }: { now: Millis; role: Person['role']; crew: string | undefined }
): TicketChange {
  const { action, note, claimedAt, quietUntil, until, extendMs, unit, into, photos, checklist } = request
  if (quietUntil !== undefined && !needsOf(action).includes('quietUntil'))
    throw new AppError('bad-request', 'body/quietUntil: only with what ends a ticket')
  for (const [field, actions] of Object.entries(ONLY_WITH)) {
    const given = request[field as keyof typeof ONLY_WITH] !== undefined
    if (given && !(actions as readonly string[]).includes(action))
      throw new AppError('bad-request', `body/${field}: only with ${actions.join(', ')}`)
  }
  const untilMs = msOf(until)
  const quietMs = msOf(quietUntil)
  if (quietMs !== undefined && quietMs > now + days(QUIET_DAYS))
    throw new AppError('bad-request', `body/quietUntil: at most ${QUIET_DAYS} days ahead`)
  const crew = request.crew ?? by.crew
  return {
    kind: 'ticket-action',
    ticket,
    action,
    note: written(note),
    claimedAt: msOf(claimedAt) ?? null,
    quietUntil: quietMs ?? null,
    role: by.role,
    ...(untilMs !== undefined && { until: untilMs }),
    ...(extendMs !== undefined && { extendMs }),
    ...(crew !== undefined && { crew }),
    ...(unit !== undefined && { unit }),
    ...(into !== undefined && { into }),
    ...(photos && photos.length > 0 && { photos }),
    ...(checklist && { checklist })
  }
}
