import type { Millis } from '#model/time'
import { SILENT_INTERVALS, STALE_INTERVALS } from './domain.ts'
import type { Heard } from './sensing.ts'

/**
 * What is heard of a facility with several sensors, of which `own` is what the one said that saw it: the others are well all the
 * time. Each lags in its own way: what they say counts from when it came, if it is not stale by then. Once the one that saw it is
 * stale, the others end it. A claim is another matter: any of them refutes it, and it is true once all have said so after it that are
 * not silent.
 */
export function hearAll(
  each: readonly (readonly Heard[])[],
  { own, claims }: { own: readonly Heard[]; claims: readonly Millis[] }
): Heard[] {
  const speaking = each.filter(heard => heard.length > 0)
  if (speaking.length < 2) return [...own]
  const all = speaking
    .flatMap(heard => heard.map(one => ({ one, by: heard })))
    .sort((a, b) => a.one.arrives - b.one.arrives || a.one.at - b.one.at)
  const last = new Map<readonly Heard[], Heard>()
  const isFresh = ({ at, intervalMs }: Heard, now: Millis) => now < at + STALE_INTERVALS * intervalMs
  const saysAt = (now: Millis): Heard['says'] => {
    const mine = last.get(own)
    if (mine && isFresh(mine, now)) return mine.says
    return [...last.values()].some(one => isFresh(one, now)) ? 'cleared' : (mine?.says ?? 'between')
  }
  return all.flatMap(({ one, by }, i) => {
    last.set(by, one)
    const says = saysAt(one.arrives)
    const heard: Heard = { ...one, counts: one.arrives, says }
    const claim = claims.findLast(at => at < one.at)
    if (claim !== undefined) {
      const isWell = (other: Heard) =>
        other.arrives <= one.arrives - SILENT_INTERVALS * other.intervalMs ||
        (other.at > claim && other.says === 'cleared')
      heard.claimSays = one.says === 'cleared' && ![...last.values()].every(isWell) ? 'between' : one.says
    }
    const mine = last.get(own)
    const staleAt = mine ? mine.at + STALE_INTERVALS * mine.intervalMs : Infinity
    const next = all[i + 1]?.one.arrives ?? Infinity
    if (staleAt <= one.arrives || staleAt >= next || saysAt(staleAt) === says) return [heard]
    // Nothing is heard at that moment; it says nothing of a claim.
    const stale: Heard = { ...heard, at: staleAt, arrives: staleAt, counts: staleAt }
    return [heard, { ...stale, says: saysAt(staleAt), claimSays: 'between' }]
  })
}
