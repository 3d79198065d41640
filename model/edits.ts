import { Type, type Static } from 'typebox'
import type { Label } from './label.ts'
import { AUDIT_ACTIONS, AuditItem, type AuditAction } from './people.ts'
import { VISIBLE } from './written.ts'

/** Who changed what of crews, chiefs, plans, policy and announced work, when and why. Accounts have `/api/audit`. */

/** Asked of whoever edits; offered always, needed where it hurts. */
export const Why = Type.String({ minLength: 1, maxLength: 500, pattern: VISIBLE })

/** What is kept as changes and has a history of its edits. */
export const EDITED = ['crew', 'chief', 'plan', 'policy', 'maintenance'] as const
export type Edited = (typeof EDITED)[number]

export const EDIT_ACTIONS = {
  'crew-added': { label: { en: 'Crew added', zh: '新增班组' } },
  'crew-changed': { label: { en: 'Crew changed', zh: '修改班组' } },
  'crew-ended': { label: { en: 'Crew taken out of work', zh: '停用班组' } },
  'chief-added': { label: { en: 'Named who answers', zh: '指定责任人' } },
  'chief-changed': { label: { en: 'Changed who answers', zh: '变更责任人' } },
  'plan-added': { label: { en: 'Work planned', zh: '新增计划' } },
  'plan-changed': { label: { en: 'Plan changed', zh: '修改计划' } },
  'plan-ended': { label: { en: 'Plan ended', zh: '停用计划' } },
  'policy-changed': { label: { en: 'Policy changed', zh: '修改办理规则' } },
  'maintenance-added': { label: { en: 'Work announced', zh: '登记检修' } },
  'maintenance-changed': { label: { en: 'Announced work changed', zh: '变更检修' } }
} as const satisfies Record<string, { label: Label }>
export type EditAction = keyof typeof EDIT_ACTIONS

/** Of everything that stands in one of these histories. */
export const HISTORY_ACTIONS: Record<AuditAction | EditAction, { label: Label }> = {
  ...AUDIT_ACTIONS,
  ...EDIT_ACTIONS
}

/** As an entry of the audit of accounts: in `detail` each field that is another, `{from, to}`, or its value when it was added. */
export const EditItem = Type.Object({
  ...AuditItem.properties,
  action: Type.Enum(Object.keys(EDIT_ACTIONS) as [EditAction, ...EditAction[]])
})
export type EditItem = Static<typeof EditItem>
export const EditsQuery = Type.Object({
  of: Type.Enum([...EDITED]),
  /** Id of the crew, plan or area. */
  subject: Type.Optional(Type.String({ maxLength: 100 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 20 })),
  cursor: Type.Optional(Type.String({ maxLength: 20 }))
})

type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The same for the same, in whatever order its keys came back from the database. */
const canonical = (value: unknown): string | undefined =>
  JSON.stringify(value, (_key, one: unknown) =>
    isObject(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one
  )

/** `recheck.share`: a field for each figure; a list is one value. */
function flat(value: Fields, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, one]) =>
    isObject(one) ? flat(one, `${path}${key}.`) : [[path + key, one] as [string, unknown]]
  )
}

/** Every field that is another in `after`, as `{from, to}`; what is missing on one side is null there. */
export function differences(before: Fields, after: Fields): Record<string, { from: unknown; to: unknown }> {
  const [old, now] = [new Map(flat(before)), new Map(flat(after))]
  const fields = [...new Set([...old.keys(), ...now.keys()])]
  return Object.fromEntries(
    fields
      .map(field => [field, { from: old.get(field) ?? null, to: now.get(field) ?? null }] as const)
      .filter(([, { from, to }]) => canonical(from) !== canonical(to))
  )
}

/** What was said of a new one: no empty field. */
export const saidOf = (after: Fields): Fields =>
  Object.fromEntries(
    flat(after).filter(([, value]) => value !== null && value !== '' && canonical(value) !== '[]')
  )
