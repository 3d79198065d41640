import type { TicketDetail, TicketSummary } from '#model/api'
import type { Millis } from '#model/time'
import type { Expectation, MustNot, MustTicket } from './expectation.ts'

export type Seen = Pick<TicketSummary, 'id' | 'rule' | 'subject' | 'state' | 'openedAt' | 'closedAt'>
export type Ended = Seen & Pick<TicketDetail, 'clearedAt' | 'closeReason' | 'lateClaimAt' | 'history'>

export interface Miss {
  expected: MustTicket
  /** Tickets of the same rule and subject at another time. */
  near: Seen[]
}

export interface FalseTicket {
  ticket: Seen
  /** Why it must not be, where that was foreseen. */
  mustNot: MustNot | undefined
  /** There is another one for the same thing. */
  duplicateOf: string | undefined
}

/** How often the system agreed with what is foreseen. */
export interface Tally {
  right: number
  wrong: number
}

export interface RuleScore {
  rule: string
  expected: number
  found: number
  falseTickets: number
  /** From the earliest possible opening to the opening, in ms. */
  delays: Millis[]
  /** When the condition was over, how the ticket ended, its severity. */
  ends: Tally
  /** What became of claims. */
  claims: Tally
}

export interface Score {
  rules: RuleScore[]
  misses: Miss[]
  falseTickets: FalseTicket[]
  /** The expected tickets that were found, each with the one that was. */
  found: { expected: MustTicket; ticket: Seen }[]
}

const openedAt = ({ openedAt }: Seen): Millis => Date.parse(openedAt)
const keyOf = ({ rule, subject }: { rule: string | null; subject: string }) => `${rule} ${subject}`

/** The clock of a device in a played step may be a little ahead of the step's end. */
const EARLY_MS = 1000

/**
 * Compares the tickets a system opened with what had to be. Each expected one takes the first ticket of its rule and subject that
 * opened in its time; every ticket that nobody takes is a false one.
 */
export function score(expectation: Expectation, tickets: readonly Seen[], rules: readonly string[]): Score {
  const left = new Map<string, Seen[]>()
  for (const ticket of [...tickets].sort((a, b) => openedAt(a) - openedAt(b))) {
    left.set(keyOf(ticket), [...(left.get(keyOf(ticket)) ?? []), ticket])
  }
  const scores = new Map(rules.map(rule => [rule, newScore(rule)]))
  const misses: Miss[] = []
  const pairs: Score['found'] = []
  const taken = new Map<string, string>()

  const take = (expected: MustTicket): Seen | undefined => {
    const candidates = left.get(keyOf(expected)) ?? []
    const found = candidates.find(ticket => fits(expected, ticket))
    if (found) {
      candidates.splice(candidates.indexOf(found), 1)
      taken.set(keyOf(expected), found.id)
    }
    return found
  }

  for (const expected of expectation.must) {
    const own = scores.get(expected.rule)
    if (!own) continue
    own.expected++
    const found = take(expected)
    if (found) {
      own.found++
      pairs.push({ expected, ticket: found })
      own.delays.push(Math.max(0, openedAt(found) - expected.from))
    } else misses.push({ expected, near: tickets.filter(ticket => keyOf(ticket) === keyOf(expected)) })
  }
  for (const perhaps of expectation.may) take(perhaps)

  const falseTickets = [...left.values()].flat().map(ticket => {
    const own = scores.get(ticket.rule ?? '')
    if (own) own.falseTickets++
    return {
      ticket,
      mustNot: expectation.mustNot.find(
        one => keyOf(one) === keyOf(ticket) && openedAt(ticket) >= one.from && openedAt(ticket) < one.to
      ),
      duplicateOf: taken.get(keyOf(ticket))
    }
  })
  return { rules: [...scores.values()], misses, falseTickets, found: pairs }
}

function fits(expected: MustTicket, ticket: Seen): boolean {
  const at = openedAt(ticket)
  if (at < expected.from - EARLY_MS || at > expected.from + expected.toleranceMs + EARLY_MS) return false
  return !expected.bornCleared || ticket.closedAt === ticket.openedAt
}

const newScore = (rule: string): RuleScore => ({
  rule,
  expected: 0,
  found: 0,
  falseTickets: 0,
  delays: [],
  ends: { right: 0, wrong: 0 },
  claims: { right: 0, wrong: 0 }
})

/** All of them in one line; without anything expected and found both are 1. */
export function total(scores: readonly RuleScore[], rule = 'all'): RuleScore {
  const sum = newScore(rule)
  for (const one of scores) {
    sum.expected += one.expected
    sum.found += one.found
    sum.falseTickets += one.falseTickets
    sum.delays.push(...one.delays)
    for (const what of ['ends', 'claims'] as const) {
      sum[what].right += one[what].right
      sum[what].wrong += one[what].wrong
    }
  }
  return sum
}

/** Right ones of those opened. */
export const precision = ({ found, falseTickets }: RuleScore): number =>
  found + falseTickets === 0 ? 1 : found / (found + falseTickets)
/** Found of those that had to be. */
export const recall = ({ expected, found }: RuleScore): number => (expected === 0 ? 1 : found / expected)
export const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
