import { createHash, randomBytes } from 'node:crypto'
import type { Person } from '#db/people'
import type { TicketReportRequest } from '#model/api'
import type { TicketReportBody } from '#model/changes'
import { AppError } from '#model/errors'
import { parseSubject, pointSubject, type Subject } from '#model/ids'
import { written } from '#model/written'

const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const REPORTED_ON: readonly string[] = ['facility', 'road', 'area']

/** A report as a change. Its name is by what it is found again; a repeated request gets the same one. */
export function reportOf(
  request: TicketReportRequest,
  from: { person: Person; idempotencyKey: string | undefined }
): TicketReportBody {
  const { kind: what, source, lat = null, lon = null, note, photos = [], oneStep = false } = request
  if ((lat === null) !== (lon === null)) throw new AppError('bad-request', 'body: lat and lon go together')
  return {
    kind: 'ticket-report',
    report: nameOf(from),
    what,
    source,
    subject: subjectOf(request.subject, lat, lon),
    lat,
    lon,
    note: written(note),
    photos,
    oneStep,
    role: from.person.role
  }
}

function subjectOf(subject: string | undefined, lat: number | null, lon: number | null): Subject {
  if (subject === undefined) {
    if (lat === null || lon === null) throw new AppError('bad-request', 'body: a subject, or lat and lon')
    return pointSubject({ lat, lon })
  }
  const parsed = parseSubject(subject)
  if (!parsed || !REPORTED_ON.includes(parsed.type))
    throw new AppError('bad-request', `body/subject: ${REPORTED_ON.join(':…, ')}:…`)
  return subject as Subject
}

/** The day is left out, or a key repeated after midnight would be another report. */
const nameOf = ({ person, idempotencyKey }: { person: Person; idempotencyKey: string | undefined }): string =>
  reportName(
    idempotencyKey === undefined
      ? randomBytes(16)
      : createHash('sha256').update(`${person.username}|${idempotencyKey}`).digest()
  )

/** Ten letters that do not look alike. */
export const reportName = (seed: Uint8Array): string =>
  `R-${Array.from(seed.subarray(0, 10), byte => ALPHABET[byte % 32]).join('')}`
