import { days, type Millis } from '#model/time'
import { dayAt } from '$lib/time.ts'

/** Days of the city, as the address says them: `2026-11-02`, the last one with it. */
export interface Period {
  from: string
  to: string
}
const DAY = /^\d{4}-\d{2}-\d{2}$/

/** The last so many days, today with them. */
export const lastDays = (n: number, now: Millis): Period => ({
  from: dayAt(now - days(n - 1)),
  to: dayAt(now)
})

export function periodOf(params: URLSearchParams, now: Millis): Period {
  const [from, to] = [params.get('from') ?? '', params.get('to') ?? '']
  return DAY.test(from) && DAY.test(to) && from <= to ? { from, to } : lastDays(7, now)
}
