import { AppError } from '#model/errors'
import type { Millis } from '#model/time'

/** A time that passed the schema, in ms. The leap second passes it too, and is none to a computer: `bad-request`. */
export function msOf(instant: string): Millis
export function msOf(instant: string | undefined): Millis | undefined
export function msOf(instant: string | undefined): Millis | undefined {
  if (instant === undefined) return undefined
  const at = Date.parse(instant)
  if (Number.isNaN(at)) throw new AppError('bad-request', `${instant} is no time a computer knows.`)
  return at
}
