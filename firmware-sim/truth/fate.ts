import { minutes, type Millis } from '#model/time'
import type { TicketDeed } from '../crews/deeds.ts'
import { CLEAR_FOR_MS, HOLD_MS, VERIFY_INTERVALS, verifyWithinMs } from './domain.ts'
import type { MustTicket, Outage } from './expectation.ts'
import type { Heard } from './sensing.ts'

/**
 * How a ticket ends: by itself before anybody accepted it, by a claim that proved true (or that a person verified), or not within
 * the time played.
 */
export type Ending = 'self-cleared' | 'verified' | 'open'
/** What becomes of a claim: a report after it agrees, or says otherwise; or none comes in time, and a person has to look. */
export type Outcome = 'confirmed' | 'contradicted' | 'person'

export interface FateOfClaim {
  at: Millis
  /** Undefined: the end of the time, or a moment that two clocks would call differently, leaves it open. */
  outcome: Outcome | undefined
}

/** How a ticket goes on once it is open. What is undefined is left open by the sampling or the end of the time. */
export interface Fate {
  /** When its condition was over as the sensor's own clock tells it; null: not within the time. */
  clears: { from: Millis; to: Millis } | null | undefined
  ending: Ending | undefined
  claims: FateOfClaim[]
  /** A crew without signal was there, and claimed what had ended by itself. */
  lateClaim: boolean
  /** It came back while the ticket waited for its claim: what follows is not foreseen, but the ticket is open then. */
  cameBackAt?: Millis
}

interface Course {
  ticket: MustTicket
  /** What is heard of it, by arrival. */
  heard: readonly Heard[]
  deeds: readonly TicketDeed[]
  /** Nothing tells that it is done but people. */
  byPerson?: boolean
  played: { to: Millis; stepMs: Millis; liveLateMs?: Millis; outages?: readonly Outage[] }
}

const countsFrom = ({ at, counts = at }: Heard): Millis => counts

/** The moment it fires by what was heard, and what is heard from there on. */
function afterFiring(ticket: MustTicket, heard: readonly Heard[]): readonly Heard[] | undefined {
  const holdMs = ticket.holdMs ?? HOLD_MS[ticket.rule]
  const begins = (ticket.begins ?? ticket.from - holdMs) - minutes(1)
  let since: Millis | undefined
  for (const [i, one] of heard.entries()) {
    const at = countsFrom(one)
    if (at < begins) continue
    if (since !== undefined && at >= since + holdMs && at > since) return heard.slice(i)
    if (one.says === 'met') since ??= at
    else since = undefined
  }
  return since === undefined ? undefined : []
}

/** Takes a ticket through what was heard and what people did, as the specification has it. */
export function fateOf({ ticket, heard, deeds, byPerson = false, played }: Course): Fate {
  const { rule } = ticket
  const { to, stepMs, liveLateMs = 0, outages = [] } = played
  const fate: Fate = {
    clears: null,
    ending: 'open',
    claims: [],
    lateClaim: deeds.some(({ what }) => what === 'late-claim')
  }
  const unsaid = rule === 'device-silent' || byPerson || ticket.unsaid === true
  const rest = unsaid ? heard : afterFiring(ticket, heard)
  if (!rest) return { ...fate, clears: undefined, ending: undefined }
  const course = [
    ...rest.map(one => ({ known: one.arrives, one, deed: undefined })),
    ...deeds.map(deed => ({ known: deed.at, one: undefined, deed }))
  ].sort((a, b) => a.known - b.known || Number(a.deed !== undefined) - Number(b.deed !== undefined))
  const clearForMs = CLEAR_FOR_MS[rule]
  let state: 'waiting' | 'accepted' | 'claimed' | 'over' = 'waiting'
  /** Accepted once, and sent back: what is over then waits for its claim all the same. */
  let wasReturned = false
  let clearing: { from: Millis; lagMs: Millis } | undefined
  let claim: (FateOfClaim & { by: Millis; closed: boolean }) | undefined
  let intervalMs = heard[0]?.intervalMs ?? 0
  let earlyMs = 0
  const step = (at: Millis) => Math.ceil(at / stepMs) * stepMs

  const settle = (outcome: Outcome) => {
    if (!claim || claim.closed) return
    claim.outcome ??= outcome
    claim.closed = outcome !== 'person'
  }
  /** The condition is gone at `at`, known at `known`. */
  const over = (at: Millis, known: Millis) => {
    const away = outages.find(outage => at > outage.from - clearForMs && at <= outage.to + clearForMs)
    const lateMs = (away ? away.to - away.from + stepMs : 0) + (ticket.clearsLateMs ?? 0) + liveLateMs
    fate.clears = { from: at - earlyMs, to: at + lateMs }
    clearing = undefined
    if (state === 'claimed') {
      settle('confirmed')
      fate.ending = 'verified'
      state = 'over'
    } else if (state === 'waiting' && !wasReturned) {
      // Somebody accepted in the same step: which was first is nobody's mistake.
      const near = deeds.some(({ what, at }) => what === 'accept' && Math.abs(at - known) <= 2 * stepMs)
      if (near && deeds.some(deed => deed.what === 'claim' && deed.at > known)) state = 'accepted'
      else {
        fate.ending = 'self-cleared'
        state = 'over'
      }
    }
  }
  const pass = (now: Millis) => {
    if (clearing && state !== 'over' && fate.clears === null) {
      const due = clearing.from + clearForMs
      if (due + clearing.lagMs <= now) over(due, step(due + clearing.lagMs))
    }
    if (claim && !claim.closed && claim.outcome === undefined && now > claim.by) settle('person')
  }

  for (const { known, one, deed } of course) {
    if (state === 'over') break
    pass(known)
    if (state === ('over' as typeof state)) break
    if (one) {
      ;({ intervalMs, earlyMs = 0 } = one)
      if (fate.clears) {
        if (one.says === 'met')
          return { ...fate, clears: undefined, ending: undefined, cameBackAt: one.arrives }
        continue
      }
      const from = countsFrom(one)
      if (clearing && from >= clearing.from + clearForMs) over(clearing.from + clearForMs, known)
      if ((state as string) === 'over' || fate.clears) continue
      const judged = !byPerson && claim && !claim.closed && state === 'claimed' && one.at > claim.at
      if (judged && (one.claimSays ?? one.says) === 'met') {
        settle('contradicted')
        state = 'waiting'
        wasReturned = true
      } else if (judged && (one.claimSays ?? one.says) === 'cleared') {
        over(one.at, known)
        continue
      }
      if (one.says !== 'cleared') clearing = undefined
      else {
        clearing ??= { from, lagMs: 0 }
        clearing.lagMs = one.arrives - from
        if (clearForMs === 0) over(from, known)
      }
    } else if (deed.what === 'accept') state = 'accepted'
    else if (deed.what === 'claim') {
      const withinMs = Math.max(verifyWithinMs(rule), VERIFY_INTERVALS * intervalMs)
      claim = { at: deed.at, outcome: undefined, by: deed.at + withinMs, closed: false }
      fate.claims.push(claim)
      if (fate.clears) {
        settle('confirmed')
        fate.ending = 'verified'
        state = 'over'
      } else {
        state = 'claimed'
        if (byPerson) settle('person')
      }
    } else if (deed.what === 'verify') {
      fate.ending = 'verified'
      state = 'over'
    } else if (deed.what === 'return') {
      state = 'waiting'
      wasReturned = true
      if (claim) claim.closed = true
    }
  }
  if (state !== 'over') pass(to)
  fate.claims = fate.claims.map(({ at, outcome }) => ({ at, outcome }))
  return fate
}

export const NOT_FORESEEN: Fate = { clears: undefined, ending: undefined, claims: [], lateClaim: false }

/** Whether the ticket with this fate is still open when it would begin once more: that opens none of its own. */
export function isOpenStill({ clears, ending, cameBackAt }: Fate, again: MustTicket): boolean {
  if (cameBackAt !== undefined) return cameBackAt <= again.from + again.toleranceMs
  if (clears === undefined) return false
  return clears === null ? ending === 'open' : clears.to > again.from
}
