/**
 * The life of an episode, slot by slot and from the whole past: nothing is counted along, every hold is counted anew from
 * what is known. Slow and plain on purpose; it is written from the specification and shares no code with `ingest/`.
 */

/** Half minutes after the world's start. All that happens in a generated world happens on one. */
export type Slot = number
export const SLOT_MS = 30_000

/** `nothing`: what was never reported says nothing either way. */
export type Truth = boolean | 'unknown' | 'nothing'

export interface Judged {
  when(slot: Slot): Truth
  clear(slot: Slot): Truth
  forSlots: Slot
  clearForSlots: Slot
  /** Nothing begins: maintenance, or outside the hours of the rule; before or after what people changed in that moment. */
  quiet(slot: Slot, changed: boolean): boolean
  /** Our own outage: nobody is awake to decide, and no hold counts it. */
  asleep(slot: Slot): boolean
}

/** A message that moves something: measured at `at`, in the journal at `received`; `learn` makes its values known. */
export interface Moment {
  at: Slot
  received: Slot
  /** What came with it knows better: nothing begins by it. */
  overtaken?: boolean
  learn(): void
}

export interface Episode {
  startedAt: Slot
  firedAt: Slot
  endedAt: Slot | null
  /** When the journal came to know of it: what tickets go by. */
  firedKnownAt: Slot
  endedKnownAt: Slot | null
  /** When the clear condition held, from slot to slot. */
  clearing: { from: Slot; to: Slot }[]
}

/**
 * All episodes of one rule and subject until `end`. Between two messages the device's own time goes on at its lag; a message
 * measured before something that was decided already counts from that decision on.
 */
export function episodesOf(judged: Judged, moments: readonly Moment[], end: Slot): Episode[] {
  const episodes: Episode[] = []
  const seen = { when: new Map<Slot, Truth>(), clear: new Map<Slot, Truth>() }
  let phase: 'inactive' | 'pending' | 'firing' | 'clearing' = 'inactive'
  let phaseFrom = -Infinity
  let startedAt = -Infinity
  let decidedAt = -Infinity
  let overtaken = false

  const truth = (which: 'when' | 'clear', slot: Slot): Truth => {
    const known = seen[which].get(slot)
    if (known !== undefined) return known
    const found = judged[which](slot)
    seen[which].set(slot, found)
    return found
  }
  const forget = (from: Slot) => {
    for (const values of [seen.when, seen.clear])
      for (const slot of values.keys()) if (slot >= from) values.delete(slot)
  }
  const held = (which: 'when' | 'clear', until: Slot): number => {
    let count = 0
    for (let slot = phaseFrom; slot < until; slot++)
      if (!judged.asleep(slot) && truth(which, slot) === true) count++
    return count
  }
  const enter = (next: typeof phase, slot: Slot): true => {
    if (next === 'clearing') episodes.at(-1)?.clearing.push({ from: slot, to: end })
    const last = phase === 'clearing' && episodes.at(-1)?.clearing.at(-1)
    if (last) last.to = slot
    phase = next
    phaseFrom = decidedAt = slot
    return true
  }

  /** One decision at this slot; false: nothing more to decide. */
  function decide(slot: Slot, knownAt: Slot, changed: boolean): boolean {
    switch (phase) {
      case 'inactive':
        if (overtaken || judged.quiet(slot, changed) || truth('when', slot) !== true) return false
        startedAt = slot
        return enter('pending', slot)
      case 'pending':
        if (held('when', slot) >= judged.forSlots) {
          episodes.push({
            startedAt,
            firedAt: slot,
            endedAt: null,
            firedKnownAt: knownAt,
            endedKnownAt: null,
            clearing: []
          })
          return enter('firing', slot)
        }
        if (judged.quiet(slot, changed) || truth('when', slot) === false) enter('inactive', slot)
        return false
      case 'firing':
        return truth('clear', slot) === true && enter('clearing', slot)
      case 'clearing': {
        const last = episodes.at(-1)
        if (last && held('clear', slot) >= judged.clearForSlots) {
          last.endedAt = slot
          last.endedKnownAt = knownAt
          return enter('inactive', slot)
        }
        if (truth('clear', slot) === false) enter('firing', slot)
        return false
      }
    }
  }
  function settle(slot: Slot, knownAt: Slot): void {
    while (decide(slot, knownAt, false));
    while (decide(slot, knownAt, true));
  }

  let last: Moment | undefined
  function pass(until: Slot, knownAt: (slot: Slot) => Slot): void {
    if (!last) return
    for (let slot = Math.max(last.at, decidedAt) + 1; slot <= until; slot++)
      if (!judged.asleep(slot)) settle(slot, knownAt(slot))
      // Nobody decides, but a hold begins anew after a quiet time all the same.
      else if (phase === 'pending' && judged.quiet(slot, true)) enter('inactive', slot)
  }
  for (const moment of moments) {
    if (last) {
      const { at, received } = last
      const heard = at + (moment.received - received)
      pass(Math.max(heard, moment.at), slot => (slot <= heard ? received + (slot - at) : moment.received))
    }
    moment.learn()
    forget(moment.at)
    last = moment
    overtaken = moment.overtaken === true
    settle(Math.max(moment.at, decidedAt), moment.received)
    overtaken = false
  }
  if (last) {
    const lag = last.received - last.at
    pass(end - lag, slot => slot + lag)
  }
  return episodes
}
