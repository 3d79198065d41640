import { and, asc, desc, eq, isNotNull, isNull } from 'drizzle-orm'
import type { MaintenanceWindow } from '#model/maintenance'
import type { OdourLimits } from '#model/odour-limits'
import { completeRule, type Rule } from '#model/rules'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { changes } from './schema.ts'

/** A version of a rule that somebody put into force. */
export interface EditedRule {
  rule: Rule
  who: string
  why: string | null
  at: Millis
}

/** Every version that came into force after the shipped one, oldest first. */
export async function ruleVersions(db: Database, id: string): Promise<EditedRule[]> {
  const rows = await db
    .select()
    .from(changes)
    .where(and(eq(changes.subject, `rule:${id}`), isNotNull(changes.appliedNo), isNull(changes.refused)))
    .orderBy(asc(changes.appliedNo))
  return rows.map(({ body, who, why, appliedAt, requestedAt }) => ({
    rule: completeRule((body as { rule: Rule }).rule),
    who,
    why,
    // One that was applied before the first record has no journal time yet.
    at: appliedAt || requestedAt
  }))
}

/** A list of odour limits that somebody put into force. */
export interface EditedLimits extends Omit<EditedRule, 'rule'> {
  version: number
  items: OdourLimits[]
}

/** Every list that came into force after the shipped one, the newest first. */
export async function odourVersions(db: Database): Promise<EditedLimits[]> {
  const rows = await db
    .select()
    .from(changes)
    .where(
      and(eq(changes.subject, 'policy:odour-limits'), isNotNull(changes.appliedNo), isNull(changes.refused))
    )
    .orderBy(desc(changes.appliedNo))
  return rows.map(({ body, who, why, appliedAt, requestedAt }) => {
    const { version, items } = body as { version: number; items: OdourLimits[] }
    return { version, items, who, why, at: appliedAt || requestedAt }
  })
}

export interface EnteredWindow {
  window: MaintenanceWindow
  who: string
  at: Millis
}

/** As many as anybody reads through; older ones are in the audit log. */
const WINDOWS_READ = 2000

/** Windows as they were entered and changed, the newest change first. */
export async function enteredWindows(db: Database): Promise<EnteredWindow[]> {
  const rows = await db
    .select()
    .from(changes)
    .where(and(eq(changes.kind, 'maintenance'), isNotNull(changes.appliedNo), isNull(changes.refused)))
    .orderBy(desc(changes.id))
    .limit(WINDOWS_READ)
  return rows.map(({ body, who, requestedAt }) => ({
    window: (body as { window: MaintenanceWindow }).window,
    who,
    at: requestedAt
  }))
}
