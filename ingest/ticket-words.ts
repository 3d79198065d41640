import type { TicketSummary } from '#model/api'
import { LIGHTING_GRADES, LIGHTING_GRADE_LABELS } from '#model/kinds'
import { parsePoint, parseSubject } from '#model/ids'
import type { Label } from '#model/label'
import type { Rule } from '#model/rules'
import { ticketKind, type TicketKind } from '#model/ticket-kinds'
import type { Millis } from '#model/time'
import type { TicketRow } from './effects.ts'
import type { Registry } from './registry.ts'
import { allowedMs } from './tickets/clock.ts'

const iso = (at: Millis): string => new Date(at).toISOString()
const isoOrNull = (at: Millis | null): string | null => (at === null ? null : iso(at))

/** A ticket as pages and APIs show it: its text is rendered when read, names as they are now. */
export function describeTicket(row: TicketRow, registry: Registry, rule: Rule | undefined): TicketSummary {
  const unknown: Label = { en: row.rule ?? row.source, zh: row.rule ?? row.source }
  const kind = row.kind === null ? undefined : ticketKind(row.kind as TicketKind)
  return {
    id: row.id,
    source: row.source as TicketSummary['source'],
    rule: row.rule,
    title: rule?.ticket.title ?? kind?.title ?? unknown,
    ruleLabel: rule?.label ?? null,
    kind: row.kind as TicketSummary['kind'],
    subject: row.subject,
    subjectName: subjectName(row.subject, registry),
    facility: row.facility,
    facilityKind: row.facilityKind as TicketSummary['facilityKind'],
    lat: row.lat,
    lon: row.lon,
    area: row.area,
    areaName: (row.area && registry.area(row.area)?.name) ?? '',
    crew: row.crew,
    unit: row.unit,
    state: row.state as TicketSummary['state'],
    severity: row.severity as TicketSummary['severity'],
    openedAt: iso(row.openedAt),
    acceptedAt: isoOrNull(row.acceptedAt),
    claimedAt: isoOrNull(row.claimedAt),
    dueAt: iso(row.dueAt),
    allowedMs: allowedMs(row),
    paused: pausedBy(row),
    deferredUntil: isoOrNull(row.deferredUntil),
    asked: row.asked?.what ?? null,
    verification: row.verification as TicketSummary['verification'],
    verifyBy: isoOrNull(row.verifyBy),
    suspectedFalse: row.falseClaims > 0,
    colour: row.colour as TicketSummary['colour'],
    level: row.level,
    rework: row.rework,
    oneStep: row.oneStep,
    reporters: row.reporters,
    clearedAt: isoOrNull(row.clearedAt),
    resolvedAt: isoOrNull(row.resolvedAt),
    closedAt: isoOrNull(row.closedAt),
    closeReason: row.closeReason as TicketSummary['closeReason']
  }
}

/** Why no clock of it runs. */
export const pausedBy = ({ deferredUntil, pauses }: TicketRow): TicketSummary['paused'] =>
  deferredUntil === null ? (pauses.find(({ until }) => until === null)?.why ?? null) : 'deferred'

/** What a ticket is about, by names as they are now; of what has no name its id. */
export function subjectName(subject: string, registry: Registry): string {
  const { type, id } = parseSubject(subject) ?? { type: undefined, id: subject }
  if (type === 'facility') return registry.facility(id)?.name ?? id
  if (type === 'point') return pointName(id)
  if (type === 'road') return registry.road(id)?.name ?? id
  if (type === 'area') {
    const grade = LIGHTING_GRADES.find(one => id.endsWith(`:${one}`))
    const area = grade ? id.slice(0, -grade.length - 1) : id
    const name = registry.area(area)?.name ?? area
    return grade ? `${name} · ${LIGHTING_GRADE_LABELS[grade].zh} ${grade}` : name
  }
  const device = registry.device(id)
  const facility = device?.facility ? registry.facility(device.facility) : undefined
  const name = device?.name || id
  return facility && !isNamedAfter(name, facility.name) ? `${facility.name} · ${name}` : name
}

/** Many registers call a device like what it is fitted to, or that and a word more: once is enough. "Bin 12" is not after "Bin 1". */
const isNamedAfter = (name: string, place: string): boolean =>
  name.startsWith(place) && !/^[a-z\d]/i.test(name.slice(place.length))

/** A place without a record has only its position for a name. */
function pointName(id: string): string {
  const point = parsePoint(id)
  return point ? `${point.lat.toFixed(5)}, ${point.lon.toFixed(5)}` : id
}
