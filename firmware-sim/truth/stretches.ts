import { minutes, type Millis } from '#model/time'

/**
 * The times between `from` and `to` in which `holds`, each without its first `graceMs`; to the minute. One that holds at
 * `from` already is looked back to its true beginning for the grace.
 */
export function stretches(
  from: Millis,
  to: Millis,
  holds: (at: Millis) => boolean,
  graceMs: Millis
): [from: Millis, to: Millis][] {
  const found: [Millis, Millis][] = []
  const first = from - graceMs
  let began: Millis | undefined
  for (let at = first; at < to; at += minutes(1)) {
    if (holds(at)) began ??= at
    else if (began !== undefined) {
      found.push([Math.max(from, began === first ? from : began + graceMs), at])
      began = undefined
    }
  }
  if (began !== undefined) found.push([Math.max(from, began === first ? from : began + graceMs), to])
  return found.filter(([begin, end]) => end > begin)
}
