import type { ErrorCode } from '#model/errors'

/** A request the server refused, or that never reached it (`unreachable`). */
export class ApiError extends Error {
  readonly code: ErrorCode | 'unreachable'
  readonly detail: string | undefined

  constructor(code: ErrorCode | 'unreachable', detail?: string) {
    super(detail ?? code)
    this.name = 'ApiError'
    this.code = code
    this.detail = detail
  }
}
