import { parseSubject, type Subject } from '#model/ids'
import type { Millis } from '#model/time'
import type { Fired } from '../tickets/desk.ts'
import type { Core } from './core.ts'
import type { Instance } from './instance.ts'
import { severityAt } from './ladder.ts'

/** Opens the ticket of an instance that fires, at journal time `at`. */
export function openTicket(core: Core, instance: Instance, at: Millis): void {
  const merged = instance.held?.merged === true
  const fired = firedOf(core, instance, at)
  instance.held = undefined
  core.desk.fired(merged ? { ...fired, idFrom: at } : fired)
  // While it waited its severity may have changed.
  const { rule } = instance.compiled
  const severity = severityAt(rule, instance.rung?.level ?? 0)
  if (severity !== rule.severity)
    core.desk.severity({ rule: rule.id, subject: instance.subject, severity, at })
}

/** Notes the episode of an instance whose ticket waits. */
export function recordEpisode(core: Core, instance: Instance, at: Millis): void {
  core.desk.began(firedOf(core, instance, at))
}

function firedOf(core: Core, instance: Instance, at: Millis): Fired {
  const { compiled, subject, held } = instance
  const { rule, sources } = compiled
  const facility = instance.facility?.facility
  return {
    rule,
    sources,
    subject,
    startedAt: held?.startedAt ?? at,
    firedAt: held?.firedAt ?? at,
    openedAt: at,
    dueAt: rule.due === 'end-of-day' ? core.calendar.dayEnd(at) : at + rule.due,
    evidence: [...instance.evidence],
    facility,
    area: facility?.parent ?? areaOf(core, subject)
  }
}

/** Where a subject lies that is no facility. */
function areaOf({ registry }: Core, subject: Subject): string | null {
  const { type, id } = parseSubject(subject) ?? {}
  if (!id) return null
  // A district's lights of one grade are `area:{district}:{grade}`.
  if (type === 'area') return id.slice(0, id.lastIndexOf(':'))
  return type === 'road' ? (registry.road(id)?.parent ?? null) : null
}
