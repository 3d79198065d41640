import { Type, type Static } from 'typebox'
import type { Label } from './label.ts'
import { ROLES, type Role } from './tickets.ts'
import { VISIBLE } from './written.ts'

/** Accounts, tokens and what was done to them: the shapes of their routes. */

const RoleId = Type.Enum(Object.keys(ROLES) as [Role, ...Role[]])
const Instant = Type.String({ format: 'date-time' })
const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 200 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 }))
}
const strict = { additionalProperties: false }

/** Small letters only: two accounts must not differ by a capital. Nobody is called as histories call what is no person. */
export const USERNAME_PATTERN = '^(?!(?:reporter|sensor|system)$)[a-z0-9][a-z0-9._-]{0,31}$'
export const MIN_PASSWORD = 8
export const MAX_PASSWORD = 256
const DisplayName = Type.String({ minLength: 1, maxLength: 64, pattern: VISIBLE })

export const PersonItem = Type.Object({
  username: Type.String(),
  name: Type.String(),
  role: RoleId,
  disabled: Type.Boolean(),
  createdAt: Instant
})
export type PersonItem = Static<typeof PersonItem>
export const PeopleQuery = Type.Object({ q: Type.Optional(Type.String({ maxLength: 100 })), ...Page })

/** Kept with the edit. Needed to disable an account. */
const Reason = Type.Optional(Type.String({ minLength: 1, maxLength: 500, pattern: VISIBLE }))
export const NewPerson = Type.Object(
  { username: Type.String({ pattern: USERNAME_PATTERN }), name: DisplayName, role: RoleId, why: Reason },
  strict
)
export const PersonChange = Type.Object(
  {
    name: Type.Optional(DisplayName),
    role: Type.Optional(RoleId),
    disabled: Type.Optional(Type.Boolean()),
    /** Makes a new random password and ends the person's sessions. */
    resetPassword: Type.Optional(Type.Literal(true)),
    why: Reason
  },
  { ...strict, minProperties: 1 }
)
export type PersonChange = Static<typeof PersonChange>
/** After adding or a reset: the password, shown this once. */
export const PersonAnswer = Type.Object({
  ...PersonItem.properties,
  secret: Type.Optional(Type.String())
})
export type PersonAnswer = Static<typeof PersonAnswer>

export const PasswordChange = Type.Object(
  {
    current: Type.String({ minLength: 1, maxLength: MAX_PASSWORD }),
    next: Type.String({ minLength: MIN_PASSWORD, maxLength: MAX_PASSWORD })
  },
  strict
)

/** A token nobody remembers should end some day. */
export const TOKEN_DAYS = { fallback: 365, most: 1825 } as const
export const NewToken = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, pattern: VISIBLE }),
    /** What it may do at most; only an administrator's may differ from their own. */
    role: Type.Optional(RoleId),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: TOKEN_DAYS.most, default: TOKEN_DAYS.fallback }))
  },
  strict
)
export const TokenItem = Type.Object({
  id: Type.String(),
  name: Type.String(),
  username: Type.String(),
  role: RoleId,
  createdAt: Instant,
  expiresAt: Instant,
  /** To the day; null: never. */
  lastUsedAt: Type.Union([Instant, Type.Null()])
})
export type TokenItem = Static<typeof TokenItem>
/** `token` is shown this once. */
export const TokenAnswer = Type.Object({ ...TokenItem.properties, token: Type.String() })
export type TokenAnswer = Static<typeof TokenAnswer>

/** Everything that is written down of accounts. */
export const AUDIT_ACTIONS = {
  'person-added': { label: { en: 'Account added', zh: '新增账号' } },
  'person-changed': { label: { en: 'Account changed', zh: '修改账号' } },
  'password-reset': { label: { en: 'Password reset', zh: '重置密码' } },
  'password-changed': { label: { en: 'Own password changed', zh: '修改本人密码' } },
  'token-created': { label: { en: 'Token created', zh: '创建令牌' } },
  'token-revoked': { label: { en: 'Token revoked', zh: '撤销令牌' } }
} as const satisfies Record<string, { label: Label }>
export type AuditAction = keyof typeof AUDIT_ACTIONS
export const AuditItem = Type.Object({
  id: Type.String(),
  at: Instant,
  who: Type.String(),
  action: Type.Enum(Object.keys(AUDIT_ACTIONS) as [AuditAction, ...AuditAction[]]),
  subject: Type.String(),
  why: Type.Union([Type.String(), Type.Null()]),
  detail: Type.Record(Type.String(), Type.Unknown())
})
export type AuditItem = Static<typeof AuditItem>
export const AuditQuery = Type.Object(Page)
