import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCalendar } from '#ingest/rules/calendar'
import { clocksOf, type ClockRow } from '#ingest/tickets/clock'
import { foldPauses, MOST_PAUSES } from '#ingest/tickets/pauses'
import { minutes } from '#model/time'
import type { Pause } from '#model/tickets'
import { MONDAY_NOON, ticketWorld } from '#test/fixtures/ticket-world'

const calendar = createCalendar('Asia/Shanghai')
const at = (minute: number) => MONDAY_NOON + minutes(minute)
/** About a moment that matters nothing is folded: due, answer due, accepted; and two may go on. */
const A_FEW = 8

describe('the pauses of a ticket', () => {
  it('that flaps for weeks stay a few kilobytes', () => {
    const world = ticketWorld()
    const { id } = world.fire({ at: 1 }).row
    world.act(id, 'accept', 1)
    for (let minute = 2; minute < 10_000; minute += 2) {
      world.end('bin-1', minute)
      world.fire({ at: minute + 1, startedAt: minute + 1 })
      if (minute % 10 === 0) world.suppress('bin-1', minute + 1)
    }
    const row = world.row(id)
    expect(row?.closedAt).toBeNull()
    expect(row?.pauses.length).toBeLessThanOrEqual(MOST_PAUSES + A_FEW)
    expect(JSON.stringify(row).length).toBeLessThan(8000)
    // It ran in every second minute, of 5000, but not in the 999 in which it was suppressed; and in the last one.
    const open = world.open()[0]
    expect(open && clocksOf(open, calendar, at(10_001)).resolve.usedMs).toBe(minutes(5000 - 999 + 1))
  })

  it('are folded without any clock reading differently from then on', () => {
    const flap = fc.record({
      run: fc.integer({ min: 0, max: 90 }),
      pause: fc.integer({ min: 1, max: 90 }),
      why: fc.constantFrom<Pause['why']>('cleared', 'cleared', 'suppressed', 'deferred'),
      /** Into the next one, or the one that goes on. */
      over: fc.constantFrom(0, 0, 0, 40)
    })
    const hours = fc.constantFrom(
      [],
      [{ from: '08:00', to: '18:00' }],
      [{ from: '22:00', to: '06:00', days: [1, 2, 3] }]
    )
    fc.assert(
      fc.property(
        fc.array(flap, { minLength: MOST_PAUSES, maxLength: 90 }),
        hours,
        fc.nat(3000),
        fc.nat(3000),
        fc.boolean(),
        (flaps, hours, allowed, acceptedAt, goesOn) => {
          let row: ClockRow = {
            terms: {
              allowedMs: minutes(allowed),
              respondMs: minutes(allowed / 4),
              verifyWithinMs: 0,
              reworkWithinMs: 0,
              service: false,
              byPerson: false,
              hours
            },
            openedAt: MONDAY_NOON,
            acceptedAt: at(acceptedAt),
            claimedAt: null,
            clearedAt: null,
            closedAt: null,
            resolvedAt: null,
            extendedMs: 0,
            pauses: goesOn ? [{ from: at(2000), until: null, why: 'suppressed' }] : []
          }
          let all = row
          let now = 0
          for (const { run, pause, why, over } of flaps) {
            const one = { from: at(now + run - 5), until: at(now + run + pause + over), why }
            now += run + pause + over
            all = { ...all, pauses: [...all.pauses, one] }
            row = { ...row, pauses: foldPauses({ ...row, pauses: [...row.pauses, one] }, calendar, at(now)) }
            for (const later of [0, 7, 1000])
              expect(clocksOf(row, calendar, at(now + later))).toEqual(
                clocksOf(all, calendar, at(now + later))
              )
          }
          expect(row.pauses.length).toBeLessThanOrEqual(MOST_PAUSES + A_FEW)
          const deferred = (pauses: readonly Pause[]) => pauses.some(({ why }) => why === 'deferred')
          if (!goesOn) expect(deferred(row.pauses)).toBe(deferred(all.pauses))
        }
      ),
      { numRuns: 60 }
    )
  })
})
