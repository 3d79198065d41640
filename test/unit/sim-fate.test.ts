import { describe, expect, it } from 'vitest'
import { minutes } from '#model/time'
import type { TicketDeed } from '#sim/crews/deeds'
import type { MustTicket } from '#sim/truth/expectation'
import { fateOf, isOpenStill } from '#sim/truth/fate'
import type { Heard } from '#sim/truth/sensing'
import { scoreEnds } from '#sim/truth/score-ends'
import { total, type Ended } from '#sim/truth/score'

/** A bin that is full from minute 0: its ticket opens at the tenth, and ends when it is at most 60 % for two minutes. */
const ticket: MustTicket = {
  rule: 'bin-full',
  subject: 'facility:bin-1',
  from: minutes(10),
  to: Infinity,
  toleranceMs: minutes(3),
  why: 'full'
}
const played = { to: minutes(240), stepMs: minutes(2) }
const SAYS = { F: 'met', c: 'cleared', '-': 'between' } as const

/** A report each five minutes, from minute 0: `F` full, `c` empty, `-` between, `_` none. */
const series = (text: string): Heard[] =>
  text.split(' ').flatMap((sign, i): Heard[] => {
    const says = SAYS[sign as keyof typeof SAYS] as Heard['says'] | undefined
    return says ? [{ at: minutes(5 * i), arrives: minutes(5 * i), says, intervalMs: minutes(5) }] : []
  })
const deed = (what: TicketDeed['what'], minute: number): TicketDeed => ({
  what,
  ticket: 't',
  rule: ticket.rule,
  subject: ticket.subject,
  at: minutes(minute)
})
const fate = (text: string, ...deeds: TicketDeed[]) => fateOf({ ticket, heard: series(text), deeds, played })
const at = (minute: number) => ({ from: minutes(minute), to: minutes(minute) })

describe('the fate of a ticket', () => {
  it('clears by itself where nobody accepted it, when the clear condition has held', () => {
    expect(fate('F F F F c c')).toMatchObject({ clears: at(22), ending: 'self-cleared', claims: [] })
    expect(fate('F F F F - F - c c')).toMatchObject({ clears: at(37), ending: 'self-cleared' })
  })

  it('stays open while nothing says that it is over', () => {
    expect(fate('F F F F - - F')).toMatchObject({ clears: null, ending: 'open' })
  })

  it('waits for its claim once it was accepted, and the claim is true then', () => {
    expect(fate('F F F F c c', deed('accept', 16))).toMatchObject({ clears: at(22), ending: 'open' })
    expect(fate('F F F F c c', deed('accept', 16), deed('claim', 40))).toMatchObject({
      clears: at(22),
      ending: 'verified',
      claims: [{ at: minutes(40), outcome: 'confirmed' }]
    })
  })

  it('is confirmed by the first clear report after the claim, without a hold', () => {
    expect(fate('F F F F F c', deed('accept', 12), deed('claim', 22))).toMatchObject({
      clears: at(25),
      ending: 'verified',
      claims: [{ outcome: 'confirmed' }]
    })
  })

  it('is contradicted by a report that still says it, and waits for another claim', () => {
    const people = [deed('accept', 12), deed('claim', 16), deed('accept', 30), deed('claim', 42)]
    expect(fate('F F F F F F F F F c', ...people)).toMatchObject({
      clears: at(45),
      ending: 'verified',
      claims: [{ outcome: 'contradicted' }, { outcome: 'confirmed' }]
    })
    expect(fate('F F F F c c', deed('accept', 12), deed('claim', 14))).toMatchObject({
      claims: [{ outcome: 'contradicted' }],
      clears: at(22),
      ending: 'open'
    })
  })

  it('needs a person where no report comes within half an hour', () => {
    const silent = fate('F F F _ _ _ _ _ _ _ _', deed('accept', 12), deed('claim', 14))
    expect(silent).toMatchObject({ clears: null, ending: 'open', claims: [{ outcome: 'person' }] })
  })
})

describe('what comes again', () => {
  const again = (minute: number): MustTicket => ({ ...ticket, from: minutes(minute) })

  it('opens no ticket of its own where nothing has said that it was over', () => {
    // A lamp that was mended while it rested, and failed again at dusk.
    expect(isOpenStill(fate('F F F F - - - F F F'), again(45))).toBe(true)
    expect(isOpenStill(fate('F F F F c c - F F F'), again(45))).toBe(false)
  })

  it('nor while the ticket waits for its claim, but after a person has verified it', () => {
    const waiting = fate('F F F F c c F F', deed('accept', 16))
    expect(isOpenStill(waiting, again(40))).toBe(true)
    const seen = fate('F F F F - - -', deed('accept', 12), deed('claim', 13), deed('verify', 50))
    expect(isOpenStill(seen, again(60))).toBe(false)
  })
})

describe('the score of an end', () => {
  const seen = { id: 't', rule: ticket.rule, subject: ticket.subject, state: 'closed' as const }
  const iso = (minute: number) => new Date(minutes(minute)).toISOString()
  const scored = (more: Partial<Ended>) => {
    const expected = { ...ticket, fate: fate('F F F F F c', deed('accept', 12), deed('claim', 22)) }
    const event = (action: string, minute: number, who: string): Ended['history'][number] => ({
      action,
      at: iso(minute),
      who,
      from: null,
      to: null,
      note: null,
      data: null
    })
    const own: Ended = {
      ...seen,
      openedAt: iso(10),
      closedAt: iso(26),
      clearedAt: iso(25),
      closeReason: 'verified',
      lateClaimAt: null,
      history: [event('claim', 22, 'crew'), event('verify', 26, 'sensor')],
      ...more
    }
    const rules = [
      {
        rule: ticket.rule,
        expected: 1,
        found: 1,
        falseTickets: 0,
        delays: [],
        ends: { right: 0, wrong: 0 },
        claims: { right: 0, wrong: 0 }
      }
    ]
    const wrong = scoreEnds(
      { found: [{ expected, ticket: own }], rules },
      new Map([['t', own]]),
      played.stepMs
    )
    const { ends, claims } = total(rules)
    return { ends, claims, about: wrong.map(one => one.about) }
  }

  it('is right where time, way and claim are as foreseen', () => {
    expect(scored({})).toEqual({ ends: { right: 2, wrong: 0 }, claims: { right: 1, wrong: 0 }, about: [] })
  })

  it('names what is otherwise', () => {
    expect(scored({ clearedAt: iso(27) }).about).toEqual(['cleared'])
    expect(scored({ closeReason: 'self-cleared' }).about).toEqual(['ending'])
    expect(scored({ history: [] }).about).toEqual(['claim'])
  })
})
