/** Every stable error code, with the HTTP status it answers with. */
export const ERROR_CODES = {
  'bad-request': 400,
  'invalid-csv': 400,
  'no-such-place': 400,
  unauthenticated: 401,
  'wrong-credentials': 401,
  forbidden: 403,
  'foreign-origin': 403,
  'not-found': 404,
  conflict: 409,
  'move-not-allowed': 409,
  'reason-required': 422,
  'too-large': 413,
  'not-a-photo': 415,
  'too-many-requests': 429,
  internal: 500,
  'attachments-full': 507,
  'journal-full': 503,
  'journal-failed': 503,
  'journal-locked': 503,
  'database-away': 503,
  'not-applied-yet': 503,
  'already-running': 500,
  'config-invalid': 500,
  'offset-moved': 500
} as const satisfies Record<string, number>

export type ErrorCode = keyof typeof ERROR_CODES

/** A broken expectation with a stable code; `message` says what to do about it. */
export class AppError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
  }
}
