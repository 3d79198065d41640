import type { TicketSummary } from '#model/api'
import { LIGHTING_GRADES } from '#model/kinds'
import { parseSubject } from '#model/ids'
import type { Label } from '#model/label'
import type { Rule } from '#model/rules'
import type { Millis } from '#model/time'
import type { TicketRow } from './effects.ts'
import type { Registry } from './registry.ts'

const iso = (at: Millis): string => new Date(at).toISOString()
const isoOrNull = (at: Millis | null): string | null => (at === null ? null : iso(at))

const GRADE_WORDS: Record<(typeof LIGHTING_GRADES)[number], string> = {
  main: '主干路',
  secondary: '次干路',
  branch: '支路'
}

/** A ticket as pages and APIs show it: its text is rendered when read, names as they are now. */
export function describeTicket(row: TicketRow, registry: Registry, rule: Rule | undefined): TicketSummary {
  const unknown: Label = { en: row.rule ?? row.source, zh: row.rule ?? row.source }
  return {
    id: row.id,
    source: row.source as TicketSummary['source'],
    rule: row.rule,
    title: rule?.ticket.title ?? unknown,
    ruleLabel: rule?.label ?? null,
    subject: row.subject,
    subjectName: subjectName(row.subject, registry),
    facility: row.facility,
    facilityKind: row.facilityKind as TicketSummary['facilityKind'],
    area: row.area,
    areaName: (row.area && registry.area(row.area)?.name) ?? '',
    crew: row.crew,
    state: row.state as TicketSummary['state'],
    severity: row.severity as TicketSummary['severity'],
    openedAt: iso(row.openedAt),
    dueAt: iso(row.dueAt),
    clearedAt: isoOrNull(row.clearedAt),
    closedAt: isoOrNull(row.closedAt),
    closeReason: row.closeReason as TicketSummary['closeReason']
  }
}

function subjectName(subject: string, registry: Registry): string {
  const { type, id } = parseSubject(subject) ?? { type: undefined, id: subject }
  if (type === 'facility') return registry.facility(id)?.name ?? id
  if (type === 'road') return registry.road(id)?.name ?? id
  if (type === 'area') {
    const grade = LIGHTING_GRADES.find(one => id.endsWith(`:${one}`))
    const area = grade ? id.slice(0, -grade.length - 1) : id
    const name = registry.area(area)?.name ?? area
    return grade ? `${name} · ${GRADE_WORDS[grade]} ${grade}` : name
  }
  const device = registry.device(id)
  const facility = device?.facility ? registry.facility(device.facility) : undefined
  return facility ? `${facility.name} · ${device?.name || id}` : (device?.name ?? id)
}
