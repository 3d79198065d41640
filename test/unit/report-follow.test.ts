import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { codeFrom, codeTyped, reportState } from '#model/report-follow'
import { EVERYBODY, ticketWorld, type TicketWorld } from '#test/fixtures/ticket-world'
import { days } from '#model/time'
import { readConfig } from '../../config.ts'

const DAY = 24 * 60
const hotline = { source: 'hotline', codeHash: 'h-1' } as const

function rate(
  world: TicketWorld,
  ticket: string,
  at: number,
  part: { report?: string; stars?: number } = {}
) {
  world.passTo(at)
  const body = { kind: 'ticket-rating', ticket, report: 'R-1', stars: 4, comment: 'good', ...part } as const
  return world.desk().act(body, 'reporter', world.timeOf(at)).refused
}
/** A report that a crew worked on, closed at minute 30. */
function done(world: TicketWorld, id: string): void {
  world.act(id, 'check', 10)
  world.act(id, 'dispatch', 15, { crew: 'crew-1' })
  world.act(id, 'accept', 20, { who: 'li', role: 'crew' })
  world.act(id, 'close', 30)
}

describe('a code', () => {
  it('has 60 bits and is read as people write it', () => {
    expect(codeFrom(Buffer.alloc(12, 31))).toBe('ZZZZ-ZZZZ-ZZZZ')
    const code = codeFrom(randomBytes(32))
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/)
    expect(codeTyped(` ${code.toLowerCase().replaceAll('-', ' ')} `)).toBe(code)
    expect(codeTyped('oil0-0000-0000')).toBe('0110-0000-0000')
    for (const none of ['', 'ZZZZ', 'ZZZZ-ZZZZ-ZZZZ-Z', 'UUUU-UUUU-UUUU'])
      expect(codeTyped(none)).toBeUndefined()
  })
})

describe('the reporter', () => {
  it('rates once, when it is over, and not for ever', () => {
    const world = ticketWorld()
    world.report('R-1', 0, hotline)
    expect(rate(world, 'R-1', 5)).toContain('not over')
    done(world, 'R-1')
    expect(rate(world, 'R-1', 40, { report: 'R-2' })).toContain('cannot be rated')
    expect(rate(world, 'R-1', 40)).toBeUndefined()
    expect(rate(world, 'R-1', 41, { stars: 1 })).toContain('already')
    expect(world.effects.ratings).toEqual([
      { ticket: 'R-1', report: 'R-1', at: world.timeOf(40), stars: 4, comment: 'good' }
    ])
    expect(world.history('R-1').at(-1)).toBe('40 reporter rated')
  })

  it('may rate a case that waits for its second look, which is counted on in one history, also after a restart', () => {
    const world = ticketWorld({ policy: { recheck: { share: 1, afterMs: days(7) } } })
    world.report('R-1', 0, hotline)
    done(world, 'R-1')
    world.passTo(5 * DAY)
    world.restart()
    world.passTo(8 * DAY)
    expect(world.act('R-1', 'recheck-ok', 8 * DAY + 1, { who: 'sun', role: 'inspector' })).toBeUndefined()
    expect(rate(world, 'R-1', 8 * DAY + 2)).toBeUndefined()
    const numbers = world.effects.events.filter(({ ticket }) => ticket === 'R-1').map(({ no }) => no)
    expect(numbers).toEqual([...new Set(numbers)])
    expect(world.row('R-1')).toMatchObject({ recheck: 'ok' })
  })

  it('may rate for fourteen days, also after a restart, though the ticket is long forgotten', () => {
    const world = ticketWorld()
    for (const n of [1, 2])
      world.report(`R-${n}`, 0, { ...hotline, what: 'other', subject: `facility:bin-${n}` })
    done(world, 'R-1')
    world.act('R-2', 'check', 31)
    world.act('R-2', 'close', 32)
    // Something ends: what ended before three days is let go.
    world.report('R-3', 13 * DAY, { what: 'dirty' })
    world.act('R-3', 'void', 13 * DAY + 1)
    world.restart()
    expect(rate(world, 'R-1', 14 * DAY + 30)).toBeUndefined()
    expect(rate(world, 'R-2', 14 * DAY + 33, { report: 'R-2' })).toContain('cannot be rated')
    expect(world.effects.events.filter(({ ticket }) => ticket === 'R-1').map(({ no }) => no)).toEqual([
      0, 1, 2, 3, 4, 5
    ])
  })

  it('follows where the case goes: into the ticket of a sensor, into another, and when it is opened again', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    world.report('R-1', 0, { ...hotline, what: 'overflow' })
    const { id } = world.fire({ at: 10 }).row
    world.report('R-2', 11, { source: 'public', codeHash: 'h-2', what: 'dirty' })
    world.act('R-2', 'check', 12)
    world.act('R-2', 'merge', 13, { into: id })
    world.act(id, 'accept', 20)
    world.act(id, 'claim', 21)
    world.hear('bin-1', 'cleared', 22)
    expect(rate(world, id, 23)).toBeUndefined()
    expect(world.act(id, 'reopen', 24)).toBeUndefined()
    expect(rate(world, id, 25, { report: 'R-2' })).toContain('cannot be rated')
    const [again] = world.open()
    world.act(again?.id ?? '', 'close', 30)
    for (const report of ['R-1', 'R-2']) expect(rate(world, again?.id ?? '', 31, { report })).toBeUndefined()
  })

  it('has no code where nobody of the public reported', () => {
    const world = ticketWorld()
    world.report('R-1', 0)
    done(world, 'R-1')
    expect(rate(world, 'R-1', 40)).toContain('cannot be rated')
    expect(world.effects.reports).toMatchObject([{ codeHash: null }])
  })

  it('without an account reports only what lies in the city', () => {
    const world = ticketWorld()
    const far = { lat: -30, lon: 10, subject: 'point:30.00000S10.00000E' } as const
    const body = { ...far, kind: 'ticket-report', what: 'litter', source: 'public', note: null } as const
    const said = { ...body, report: 'R-1', photos: [], oneStep: false }
    expect(world.desk().act(said, 'reporter', world.timeOf(1)).refused).toContain('nothing of ours')
    expect(world.report('R-2', 2, far)).toBeUndefined()
  })
})

describe('what a reporter reads', () => {
  const of = (state: string, closeReason: string | null = null, attended = false) => {
    const facts = { state, closeReason, attended } as Parameters<typeof reportState>[0]
    const { state: said, why } = reportState(facts)
    return why ? `${said}: ${why}` : said
  }
  it('is one word for each state, and why nothing was done', () => {
    const open = ['new', 'checked', 'dispatched', 'accepted', 'in-progress', 'claimed-done']
    expect(open.map(state => of(state))).toEqual([
      'received',
      'checked',
      'on-the-way',
      'on-the-way',
      'being-worked-on',
      'finished'
    ])
    expect(of('closed', 'verified', true)).toBe('done')
    expect(of('closed', 'person', true)).toBe('done')
    expect(of('closed', 'one-step')).toBe('done')
    expect(of('closed', 'person')).toBe('closed-without-work: by-the-office')
    expect(of('closed', 'self-cleared')).toBe('closed-without-work: over-by-itself')
    expect(of('void', 'void', true)).toBe('closed-without-work: not-confirmed')
  })
})

describe('PUBLIC_REPORTS', () => {
  it('is off unless it is said, and nothing but on or off', () => {
    expect(readConfig({}).publicReports).toBe(false)
    expect(readConfig({ PUBLIC_REPORTS: 'on' }).publicReports).toBe(true)
    expect(() => readConfig({ PUBLIC_REPORTS: 'yes' })).toThrow('neither on nor off')
  })
})
