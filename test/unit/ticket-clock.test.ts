import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCalendar } from '#ingest/rules/calendar'
import { clocksOf, ranMs, reachedAt, resolvedBy, type ClockRow } from '#ingest/tickets/clock'
import type { Pause } from '#model/tickets'
import { MONDAY_NOON } from '#test/fixtures/ticket-world'
import { hours, minutes } from '#model/time'

const calendar = createCalendar('Asia/Shanghai')
const ROW: ClockRow = {
  terms: {
    allowedMs: minutes(120),
    respondMs: minutes(30),
    verifyWithinMs: 0,
    reworkWithinMs: 0,
    service: false,
    byPerson: false,
    hours: []
  },
  openedAt: MONDAY_NOON,
  acceptedAt: null,
  claimedAt: null,
  clearedAt: null,
  closedAt: null,
  resolvedAt: null,
  extendedMs: 0,
  pauses: []
}
const at = (minute: number) => MONDAY_NOON + minutes(minute)
const pause = (from: number, until: number | null, why: Pause['why'] = 'deferred'): Pause => ({
  from: at(from),
  until: until === null ? null : at(until),
  why
})
const DAYTIME = [{ from: '08:00', to: '18:00', days: [1, 2, 3, 4, 5] }]

const somePauses = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 600 }), fc.option(fc.integer({ min: 0, max: 300 }), { freq: 8 }))
    .map(([from, length]) => pause(from, length === null ? null : from + length)),
  { maxLength: 5 }
)

describe('the clocks of a ticket', () => {
  it('run from the opening to acceptance, and to the claim or the clear sensor, whichever is earlier', () => {
    const row = { ...ROW, acceptedAt: at(10), claimedAt: at(50), clearedAt: at(40) }
    const { response, resolve } = clocksOf(row, calendar, at(90))
    expect(response).toMatchObject({ usedMs: minutes(10), endedAt: at(10), running: false, late: false })
    expect(resolve).toMatchObject({ usedMs: minutes(40), endedAt: at(40), running: false, late: false })
    expect(resolvedBy({ ...row, clearedAt: at(70) })).toBe(at(50))
    expect(resolvedBy(ROW)).toBeUndefined()
  })

  it('stop at six in the evening and go on at eight, over a weekend too, where the hours say so', () => {
    const row = { ...ROW, terms: { ...ROW.terms, hours: DAYTIME } }
    // Monday noon: six hours are left of the day.
    expect(reachedAt(row, calendar, MONDAY_NOON, hours(6))).toBe(at(6 * 60))
    expect(reachedAt(row, calendar, MONDAY_NOON, hours(7))).toBe(at(21 * 60))
    const friday = MONDAY_NOON + hours(4 * 24)
    expect(reachedAt(row, calendar, friday, hours(7))).toBe(friday + hours(2 * 24 + 21))
    expect(ranMs(row, calendar, friday, friday + hours(3 * 24))).toBe(hours(10))
  })

  it('count no minute twice where two pauses lie over each other', () => {
    const row = { ...ROW, pauses: [pause(10, 40), pause(20, 30, 'suppressed'), pause(35, 50)] }
    expect(ranMs(row, calendar, at(0), at(60))).toBe(minutes(20))
  })

  it('never run while deferred or paused', () => {
    fc.assert(
      fc.property(somePauses, fc.nat(900), (pauses, minute) => {
        const row = { ...ROW, pauses }
        const paused = pauses.some(one => one.from <= at(minute) && at(minute) < (one.until ?? Infinity))
        const gone = ranMs(row, calendar, at(minute), at(minute) + 1)
        expect(gone).toBe(paused ? 0 : 1)
        expect(clocksOf(row, calendar, at(minute)).resolve.running).toBe(!paused)
      })
    )
  })

  it('reach a deadline exactly when they have run so long, with any pauses and hours', () => {
    fc.assert(
      fc.property(
        somePauses,
        fc.integer({ min: 1, max: 2000 }),
        fc.constantFrom([], DAYTIME),
        (pauses, allowed, windows) => {
          const row = { ...ROW, pauses, terms: { ...ROW.terms, hours: windows } }
          const due = reachedAt(row, calendar, at(0), minutes(allowed))
          if (!Number.isFinite(due)) {
            expect(pauses.some(({ until }) => until === null)).toBe(true)
            return
          }
          expect(ranMs(row, calendar, at(0), due)).toBe(minutes(allowed))
          expect(ranMs(row, calendar, at(0), due - 1)).toBe(minutes(allowed) - 1)
        }
      )
    )
  })
})
