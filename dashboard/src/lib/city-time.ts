import type { Millis } from '#model/time'
import { offsetAt } from './time.ts'

/** A moment as an input of date and time has it, in the city's clock: `2026-11-21T09:30`. */
export const cityTime = (at: Millis): string => new Date(at + offsetAt(at)).toISOString().slice(0, 16)

/** The moment such a text means in the city; NaN when it means none. */
export function fromCityTime(text: string): Millis {
  const local = Date.parse(`${text}:00Z`)
  return Number.isNaN(local) ? local : local - offsetAt(local - offsetAt(local))
}
