import { and, desc, eq, isNotNull, isNull, lt, sql } from 'drizzle-orm'
import type { ChangeBody } from '#model/changes'
import { differences, saidOf, type EditAction, type EditItem, type Edited } from '#model/edits'
import { DEFAULT_TICKET_POLICY } from '#model/ticket-policy'
import type { Database } from './database.ts'
import { changes } from './schema.ts'

type Body = Extract<
  ChangeBody,
  | { kind: 'crew' }
  | { kind: 'chief' }
  | { kind: 'plan' }
  | { kind: 'ticket-policy' }
  | { kind: 'maintenance' }
>
type Kind = Body['kind']
type Fields = Record<string, unknown>

const KIND = {
  crew: 'crew',
  chief: 'chief',
  plan: 'plan',
  policy: 'ticket-policy',
  maintenance: 'maintenance'
} as const satisfies Record<Edited, Kind>
const SUBJECT = { crew: 'crew:', chief: 'area:', plan: 'plan:', policy: 'policy:', maintenance: '' } as const

/** What is said of the thing, without the id that names it. */
function fieldsOf(body: Body): Fields {
  switch (body.kind) {
    case 'crew':
      return without(body.crew, 'id')
    case 'chief':
      return without(body.duty, 'area')
    case 'plan':
      return without(body.plan, 'id')
    case 'ticket-policy':
      return { ...body.policy }
    case 'maintenance': {
      const { from, to, note } = body.window
      return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), note }
    }
  }
}

const without = (value: object, key: string): Fields =>
  Object.fromEntries(Object.entries(value).filter(([field]) => field !== key))

/** One window is many changes of one subject, and a subject has many windows; the others are named by their subject. */
const named = sql`case when ${changes.kind} = 'maintenance' then ${changes.body} #>> '{window,id}' else ${changes.subject} end`

/**
 * The edits that came into effect, the newest first; `cursor` is that of the page before. `subject` names one crew, plan or
 * area. Each says what is different from the edit before it of the same thing.
 */
export async function listEdits(
  db: Database,
  query: { of: Edited; subject?: string | undefined; limit?: number | undefined; cursor?: string | undefined }
): Promise<{ items: EditItem[]; nextCursor: string | null }> {
  const { of, subject, limit = 20, cursor } = query
  const edits = db
    .select({
      no: sql<string>`${changes.appliedNo}`.as('no'),
      subject: changes.subject,
      body: changes.body,
      who: changes.who,
      why: changes.why,
      appliedAt: changes.appliedAt,
      requestedAt: changes.requestedAt,
      before:
        sql<unknown>`lag(${changes.body}) over (partition by ${named} order by ${changes.appliedNo})`.as(
          'before'
        )
    })
    .from(changes)
    .where(
      and(
        eq(changes.kind, KIND[of]),
        isNotNull(changes.appliedNo),
        isNull(changes.refused),
        subject === undefined ? undefined : eq(changes.subject, SUBJECT[of] + subject)
      )
    )
    .as('edits')
  const under = cursor === undefined ? undefined : Number(cursor)
  const rows = await db
    .select()
    .from(edits)
    .where(under !== undefined && Number.isSafeInteger(under) ? lt(edits.no, String(under)) : undefined)
    .orderBy(desc(edits.no))
    .limit(limit + 1)
  const items = rows.slice(0, limit).map(row => ({
    id: String(row.no),
    // One that was applied before the first record has no journal time yet.
    at: new Date(row.appliedAt || row.requestedAt).toISOString(),
    who: row.who,
    why: row.why,
    subject: row.subject.slice(SUBJECT[of].length),
    ...saying(of, row.body as Body, row.before as Body | null)
  }))
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

function saying(of: Edited, body: Body, before: Body | null): { action: EditAction; detail: Fields } {
  const after = fieldsOf(body)
  // The policy was there before anybody said anything of it.
  if (of === 'policy') {
    const was = before ? fieldsOf(before) : { ...DEFAULT_TICKET_POLICY }
    return { action: 'policy-changed', detail: differences(was, after) }
  }
  if (!before) return { action: `${of}-added`, detail: saidOf(after) }
  const was = fieldsOf(before)
  const detail = differences(was, after)
  const ended = was['active'] === true && after['active'] === false
  return { action: ended && (of === 'crew' || of === 'plan') ? `${of}-ended` : `${of}-changed`, detail }
}
