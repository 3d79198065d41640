import { days, hours, minutes, seconds, type Millis } from '#model/time'
import type { Dictionary } from './i18n/en.ts'

/** The city's clock is what everyone reads, wherever their browser thinks it is; the server says which it is. */
let cityZone = 'Asia/Shanghai'
export const zone = (): string => cityZone

export function setZone(name: string): void {
  if (name === cityZone) return
  cityZone = name
  formats.clear()
}

/** A length of time in its two largest units: `2 d 4 h`, `3 小时 5 分钟`, `45 s`. */
export function duration(ms: Millis, t: Dictionary['time']): string {
  const whole = (unit: Millis) => Math.floor(ms / unit)
  const pair = (large: string, rest: number, small: (n: number) => string) =>
    rest > 0 ? `${large} ${small(rest)}` : large
  if (ms >= days(1)) return pair(t.days(whole(days(1))), whole(hours(1)) % 24, t.hours)
  if (ms >= hours(1)) return pair(t.hours(whole(hours(1))), whole(minutes(1)) % 60, t.minutes)
  if (ms >= minutes(1)) return t.minutes(whole(minutes(1)))
  return t.seconds(Math.max(0, whole(seconds(1))))
}

/** How far a moment lies from now, on either side. */
export function ago(at: Millis, now: Millis, t: Dictionary['time']): string {
  if (Math.abs(now - at) < seconds(5)) return t.justNow
  return now > at ? t.ago(duration(now - at, t)) : t.ahead(duration(at - now, t))
}

const formats = new Map<string, Intl.DateTimeFormat>()
function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options)
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat(locale, { timeZone: cityZone, hourCycle: 'h23', ...options })
  formats.set(key, made)
  return made
}

const CLOCK = { hour: '2-digit', minute: '2-digit' } as const
const DATE = { month: 'short', day: 'numeric' } as const
const dayOf = (at: Millis) =>
  format('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' }).format(at)

/** `14:32` today, `20 Nov, 14:32` on any other day. */
export const moment = (at: Millis, now: Millis, locale: string): string =>
  format(locale, dayOf(at) === dayOf(now) ? CLOCK : { ...DATE, ...CLOCK }).format(at)

export const clock = (at: Millis, locale: string): string =>
  format(locale, { ...CLOCK, second: '2-digit' }).format(at)

/** On a time axis: the hour, and at midnight the day. */
export function tick(at: Millis, locale: string): string {
  const hour = format(locale, CLOCK).format(at)
  return hour === '00:00' ? format(locale, DATE).format(at) : hour
}

/** Everything, for the tooltip: date, seconds and the zone. */
export const exactly = (at: Millis, locale: string): string =>
  `${format(locale, { year: 'numeric', ...DATE, ...CLOCK, second: '2-digit' }).format(at)} ${cityZone}`

/** The city's offset from UTC at a moment. */
export function offsetAt(at: Millis): Millis {
  const parts = format('en-US', {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric'
  }).formatToParts(at)
  const part = (type: string) => Number(parts.find(p => p.type === type)?.value)
  const local = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second')
  )
  return local - Math.floor(at / 1000) * 1000
}

/** Tomorrow in the city at a full hour. */
export function tomorrowAt(hour: number, now: Millis): Millis {
  const midnight = Math.floor((now + offsetAt(now)) / days(1)) * days(1)
  return midnight + days(1) + hours(hour) - offsetAt(now)
}

/** The city's day: `2026-11-02`. */
export const dayAt = (at: Millis): string => dayOf(at)

/** When a day of the city begins; `2026-11-02` and so on. */
export function dayBegins(day: string): Millis {
  const asUtc = Date.parse(`${day}T00:00:00Z`)
  const guess = asUtc - offsetAt(asUtc)
  // Once more, where the clock changes between the two.
  return asUtc - offsetAt(guess)
}
