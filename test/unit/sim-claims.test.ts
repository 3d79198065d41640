import { describe, expect, it } from 'vitest'
import { hours, minutes } from '#model/time'
import type { TicketDeed } from '#sim/crews/deeds'
import type { Fault } from '#sim/faults'
import { NO_ORDERS } from '#sim/orders'
import { expectationOf, foreseenOf, type Played } from '#sim/truth/expectation'
import { truthCity, truthStart } from '#sim/truth/setting'

/** Where what was foreseen was wrong, by `npm run truth`, each as small as it became. */
function played(seed: number, faults: Fault[], more: Partial<Played> = {}): Played {
  const from = truthStart(seed)
  return {
    city: truthCity({ seed, facilities: 200 }),
    ...{ faults, from, to: from + hours(48), stepMs: minutes(2), ...more }
  }
}
const at = (time: string) => Date.parse(`${time}Z`)

/** It fails after midnight, rests, and fails again at dusk. */
describe('a lamp that is mended while it rests', { timeout: minutes(5) }, () => {
  const lampOf = (again: string, deeds: TicketDeed[] = []) => {
    const fault = (from: string, to: string): Fault => ({
      ...{ kind: 'lamp-failure', device: 'lc-0096', from: at(from), to: at(to) }
    })
    const faults = [fault('2026-06-03T15:57', '2026-06-03T16:48'), fault(again, '2026-06-04T12:46')]
    const { must, may } = foreseenOf(played(13, faults, { deeds }))
    const outOf = (tickets: typeof must) => tickets.filter(({ rule }) => rule === 'lamp-out')
    return { must: outOf(must), may: outOf(may) }
  }

  it('and fails before its light counts has one ticket', () => {
    const { must, may } = lampOf('2026-06-04T11:51')
    expect([must.length, may.length]).toEqual([1, 1])
    expect(must[0]?.fate?.clears?.from).toBeGreaterThan(at('2026-06-04T12:46'))
  })

  it('and shines for five minutes has two, but one that waits for the claim of its crew', () => {
    expect(lampOf('2026-06-04T11:52').must).toHaveLength(2)
    const accept: TicketDeed = {
      ...{ what: 'accept', ticket: 't', rule: 'lamp-out', subject: 'facility:light-0096' },
      at: at('2026-06-03T17:00')
    }
    const { must, may } = lampOf('2026-06-04T11:52', [accept])
    expect([must.length, may.length]).toEqual([1, 1])
  })
})

describe('a ticket of a sensor without network that may be', () => {
  const offline = { from: at('2026-06-15T06:51'), to: at('2026-06-15T12:51') }
  /** It reports each hour, and its road has another threshold: whether a report falls into the full time is open. */
  const mayOf = (from: string) => {
    const orders = {
      ...NO_ORDERS,
      edits: [{ at: truthStart(14), rule: 'bin-full' as const, road: 'zhongyang-lu', atLeastPct: 97 }]
    }
    const faults: Fault[] = [
      { kind: 'offline', device: 'fs-0006', ...offline },
      { kind: 'bin-overfull', device: 'fs-0006', from: at(from), to: at(from) + minutes(100) }
    ]
    const { must, may } = expectationOf(played(14, faults, { orders }))
    expect(must.filter(({ rule }) => rule === 'bin-full')).toEqual([])
    return may.find(({ rule }) => rule === 'bin-full')
  }

  it('opens when its backlog comes', () => {
    const ticket = mayOf('2026-06-15T07:51')
    expect(ticket?.from).toBe(offline.to)
    expect(ticket?.toleranceMs).toBeLessThan(minutes(5))
  })

  it('that might have opened before, until then', () => {
    const ticket = mayOf('2026-06-15T06:00')
    expect(ticket?.from).toBeLessThan(offline.from)
    expect((ticket?.from ?? 0) + (ticket?.toleranceMs ?? 0)).toBeGreaterThanOrEqual(offline.to)
  })
})

it('leaves what people did to a ticket that may be out of the one before it', { timeout: minutes(5) }, () => {
  const bin = (from: string, to: string): Fault => ({
    ...{ kind: 'bin-overfull', device: 'fs-0027', from: at(from), to: at(to) }
  })
  const faults = [
    bin('2026-11-26T11:47', '2026-11-26T13:04'),
    // Too short to be surely seen by a sensor that reports each hour.
    bin('2026-11-26T22:15', '2026-11-26T22:55')
  ]
  const deed = (what: TicketDeed['what'], ticket: string, time: string): TicketDeed => ({
    ...{ what, ticket, rule: 'bin-full', subject: 'facility:bin-0027', at: at(time) }
  })
  const deeds = [
    deed('accept', 'first', '2026-11-26T12:34'),
    deed('claim', 'first', '2026-11-26T12:44'),
    deed('late-claim', 'second', '2026-11-27T00:48')
  ]
  const { must, may } = foreseenOf(played(29, faults, { deeds }))
  const full = ({ rule }: { rule: string }) => rule === 'bin-full'
  expect(may.filter(full)).toHaveLength(1)
  expect(must.filter(full).map(({ fate }) => [fate?.lateClaim, fate?.claims.length])).toEqual([[false, 1]])
})
