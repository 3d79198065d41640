import type { Millis } from '#model/time'
import { SILENT_INTERVALS } from './domain.ts'
import type { Heard } from './sensing.ts'

/**
 * What is heard of a facility with several sensors, of which `own` is what the one said that saw it: the others are well all the
 * time. A claim is another matter: any of them refutes it, and it is true once all have said so after it that are not silent.
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
  let says: Heard['says'] = 'between'
  return all.map(({ one, by }) => {
    if (by === own) says = one.says
    last.set(by, one)
    const claim = claims.findLast(at => at < one.at)
    if (claim === undefined) return { ...one, says }
    const isWell = (other: Heard) =>
      other.arrives <= one.arrives - SILENT_INTERVALS * other.intervalMs ||
      (other.at > claim && other.says === 'cleared')
    const claimSays = one.says === 'cleared' && ![...last.values()].every(isWell) ? 'between' : one.says
    return { ...one, says, claimSays }
  })
}
