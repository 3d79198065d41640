import { createHash, randomBytes } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { repeatedChange, submitChange } from '#db/changes'
import { publicUploadsOf } from '#db/public-uploads'
import { followedCase, type FollowedCase } from '#db/followed-reports'
import type { TicketReportBody } from '#model/changes'
import { AppError } from '#model/errors'
import { pointSubject, subjectOf } from '#model/ids'
import { RATE_WITHIN_MS, REPORTER, codeTyped, reportState, type ReportState } from '#model/report-follow'
import {
  FollowedReport,
  PublicReportRequest,
  PublicReports,
  RatingRequest
} from '#model/report-follow-shapes'
import type { TicketKind } from '#model/ticket-kinds'
import { isOpen, type CloseReason, type TicketState } from '#model/tickets'
import { hours, minutes, type Millis } from '#model/time'
import { written } from '#model/written'
import type { ServerDeps } from './deps.ts'
import { within } from './rate-limits.ts'
import { reportName } from './ticket-report.ts'

const tags = ['reporters']
const config = { access: 'public' } as const
/** Whatever it is: a code that is none and one nobody has are answered alike. */
const ByCode = Type.Object({ code: Type.String({ minLength: 1, maxLength: 100 }) })
const Keyed = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) })

/** From one address; and new reports from all together, as an office can read. */
const LOOKS_A_MINUTE = 30
const RATINGS_A_MINUTE = 10
/** Also of those that are refused, or repeated. */
const SENT_A_MINUTE = 30
const REPORTS_AN_HOUR = { address: 10, all: 300 }

/** What people without an account may do: follow their report by its code, rate how it ended, and report where that is on. */
export const reportRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'db' | 'live' | 'desk' | 'clock' | 'reportCodes' | 'publicReports' | 'attachments'>
> = async (app, { db, live, desk, clock, reportCodes, publicReports, attachments }) => {
  const uploads = publicUploadsOf({ db, attachments, clock })
  const looks = app.createRateLimit({ max: LOOKS_A_MINUTE, timeWindow: minutes(1) })
  const rated = app.createRateLimit({ max: RATINGS_A_MINUTE, timeWindow: minutes(1) })
  const sent = app.createRateLimit({ max: SENT_A_MINUTE, timeWindow: minutes(1) })
  const reported = app.createRateLimit({ max: REPORTS_AN_HOUR.address, timeWindow: hours(1) })
  const reportedByAll = app.createRateLimit({
    max: REPORTS_AN_HOUR.all,
    timeWindow: hours(1),
    keyGenerator: () => 'all'
  })

  async function caseOf(typed: string): Promise<{ code: string; found: FollowedCase }> {
    const code = codeTyped(typed)
    const found = code === undefined ? undefined : await followedCase(db, reportCodes.hashOf(code))
    if (code === undefined || !found) throw new AppError('not-found', 'There is no report with this code.')
    return { code, found }
  }

  const shown = (code: string, found: FollowedCase) =>
    reportShown(code, found, {
      // Where it was reported: the ticket it went into may be about a device, or another place.
      place: live.describeTicket({ ...found.ticket, subject: found.report.subject }).subjectName,
      now: live.now(),
      timeZone: live.system().timeZone
    })

  app.get(
    '/api/reports',
    {
      config,
      schema: {
        summary: 'Whether people without an account can report here',
        tags,
        response: { 200: PublicReports }
      }
    },
    async () => ({ open: publicReports })
  )

  app.get(
    '/api/reports/:code',
    {
      config,
      schema: {
        summary: 'How a report goes on, for who has its code',
        tags,
        params: ByCode,
        response: { 200: FollowedReport }
      }
    },
    async (request, reply) => {
      await within([looks], request, reply)
      const { code, found } = await caseOf(request.params.code)
      return shown(code, found)
    }
  )

  app.post(
    '/api/reports/:code/rating',
    {
      config,
      schema: {
        summary: 'Rate how a report ended: once, within 14 days of its end',
        tags,
        params: ByCode,
        body: RatingRequest,
        response: { 200: FollowedReport }
      }
    },
    async (request, reply) => {
      await within([rated], request, reply)
      const { code, found } = await caseOf(request.params.code)
      const { ticket, report, rating } = found
      const { stars } = request.body
      const comment = written(request.body.comment)
      // The answer of the first time was lost.
      if (rating?.stars === stars && rating.comment === comment) return shown(code, found)
      const { id } = await submitChange(db, {
        subject: `ticket:${ticket.id}`,
        body: { kind: 'ticket-rating', ticket: ticket.id, report: report.id, stars, comment },
        who: REPORTER,
        why: comment,
        requestedAt: clock.now()
      })
      const { refused } = await desk.applied(id)
      if (refused !== null) throw new AppError('conflict', `It cannot be rated: ${refused}.`)
      return shown(code, (await caseOf(code)).found)
    }
  )

  app.post(
    '/api/reports',
    {
      config,
      schema: {
        summary:
          'Report a trouble without an account, where PUBLIC_REPORTS is on. Answers with the code to follow it by',
        tags,
        headers: Keyed,
        body: PublicReportRequest,
        response: { 200: FollowedReport }
      }
    },
    async (request, reply) => {
      if (!publicReports) throw new AppError('not-found', 'Reports without an account are off here.')
      await within([sent], request, reply)
      const idempotencyKey = request.headers['idempotency-key']
      const said = changeOf(request.body, idempotencyKey)
      const body = { ...said, photos: await uploads.take(request.body.photos ?? [], said.report) }
      const code = reportCodes.codeOf(body.report)
      const asked = {
        subject: body.subject,
        body: { ...body, codeHash: reportCodes.hashOf(code) },
        who: REPORTER,
        idempotencyKey
      }
      let change = await repeatedChange(db, asked)
      if (!change) {
        await within([reported, reportedByAll], request, reply)
        change = await submitChange(db, { ...asked, why: body.note, requestedAt: clock.now() })
      }
      const { refused } = change.applied ? change : await desk.applied(change.id)
      if (refused !== null) throw new AppError('no-such-place', refused)
      return shown(code, (await caseOf(code)).found)
    }
  )
}

function changeOf(
  { kind: what, facility, lat, lon, note }: PublicReportRequest,
  idempotencyKey: string | undefined
): TicketReportBody {
  if ((lat === undefined) !== (lon === undefined))
    throw new AppError('bad-request', 'body: lat and lon go together')
  const spot = lat === undefined || lon === undefined ? undefined : { lat, lon }
  const subject = facility === undefined ? spot && pointSubject(spot) : subjectOf('facility', facility)
  if (subject === undefined) throw new AppError('bad-request', 'body: a facility, or lat and lon')
  const seed =
    idempotencyKey === undefined
      ? randomBytes(16)
      : createHash('sha256').update(`${REPORTER}|${idempotencyKey}`).digest()
  return {
    kind: 'ticket-report',
    report: reportName(seed),
    what,
    source: 'public',
    subject,
    lat: spot?.lat ?? null,
    lon: spot?.lon ?? null,
    note: written(note),
    photos: [],
    oneStep: false
  }
}

const iso = (at: Millis): string => new Date(at).toISOString()

/** Only what the street may know; the rest of the case stays behind. */
function reportShown(
  code: string,
  { report, ticket, moves, rating }: FollowedCase,
  { place, now, timeZone }: { place: string; now: Millis; timeZone: string }
): FollowedReport {
  const attended = ticket.acceptedAt !== null || ticket.lateClaimAt !== null || ticket.plan !== null
  const closeReason = ticket.closeReason as CloseReason | null
  const { state, why } = reportState({ state: ticket.state as TicketState, closeReason, attended })
  const rateableUntil = ticket.closedAt === null ? null : ticket.closedAt + RATE_WITHIN_MS
  return {
    code,
    kind: report.kind as TicketKind,
    place,
    reportedAt: iso(report.at),
    state,
    why,
    steps: stepsOf(report.at, moves, state),
    postponedUntil: ticket.deferredUntil === null ? null : iso(ticket.deferredUntil),
    rating: rating ? { stars: rating.stars, comment: rating.comment, at: iso(rating.at) } : null,
    rateUntil: rating || rateableUntil === null || rateableUntil < now ? null : iso(rateableUntil),
    timeZone
  }
}

/** The moves in the reporter's words, each new word once in a row. An end that was not the last was an end like others. */
function stepsOf(
  reportedAt: Millis,
  moves: FollowedCase['moves'],
  now: ReportState
): FollowedReport['steps'] {
  const steps: { state: ReportState; at: Millis }[] = [{ state: 'received', at: reportedAt }]
  const inWords = (to: TicketState): ReportState =>
    isOpen(to) ? reportState({ state: to, closeReason: null, attended: true }).state : 'done'
  for (const [i, { at, to }] of moves.entries()) {
    const state = i === moves.length - 1 ? now : inWords(to as TicketState)
    if (steps.at(-1)?.state !== state) steps.push({ state, at })
  }
  return steps.map(({ state, at }) => ({ state, at: iso(at) }))
}
