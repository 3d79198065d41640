import type { Millis } from '#model/time'

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const MINUTE_MS = 60_000

/**
 * The moment an RFC 3339 date-time with a zone names, or undefined for anything else. Below a millisecond is cut off;
 * a leap second is the second after it, as in POSIX time.
 */
export function parseRfc3339(text: string): Millis | undefined {
  const parts = RFC_3339.exec(text)
  if (!parts) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHour = 0, zoneMinute = 0] = parts
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined

  const midnight = new Date(0)
  // Unlike Date.UTC this takes years before 100 as they are.
  midnight.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (midnight.getUTCMonth() !== Number(month) - 1 || midnight.getUTCDate() !== Number(day)) return undefined

  const zone = (sign === '-' ? -1 : 1) * (Number(zoneHour) * 60 + Number(zoneMinute))
  const wholeMinutes = midnight.getTime() + (Number(hour) * 60 + Number(minute) - zone) * MINUTE_MS
  const lastOfItsDay = (wholeMinutes + MINUTE_MS) % (24 * 60 * MINUTE_MS) === 0
  if (Number(second) === 60 && !lastOfItsDay) return undefined
  return wholeMinutes + Number(second) * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0'))
}
