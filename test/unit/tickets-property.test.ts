import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  COLOUR_IDS,
  TICKET_ACTION_IDS,
  TICKET_EVENTS,
  ticketMove,
  type Colour,
  type Role,
  type TicketAction,
  type TicketState
} from '#model/tickets'
import { hours } from '#model/time'
import { EVERYBODY, ticketWorld } from '#test/fixtures/ticket-world'

const ROLES: Role[] = ['admin', 'operator', 'crew', 'manager', 'inspector']
/** What leads on; by chance alone few tickets come so far. */
const FORWARD = [
  'accept',
  'start',
  'claim',
  'verify',
  'return',
  'defer',
  'approve',
  'reopen',
  'recheck-ok',
  'recheck-failed'
] as const
const step = fc.record({
  wait: fc.constantFrom(0, 0, 1, 1, 5, 5, 30, 130, 600),
  what: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('fire', 'end', 'met', 'cleared', 'suppress', 'release', 'report', 'restart')
    },
    { weight: 3, arbitrary: fc.constantFrom(...TICKET_ACTION_IDS) },
    { weight: 6, arbitrary: fc.constantFrom(...FORWARD) }
  ),
  bin: fc.constantFrom('bin-1', 'bin-2'),
  role: fc.constantFrom(...ROLES, 'admin' as const, 'admin' as const, 'operator' as const),
  pick: fc.nat(5)
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What a sensor or the system alone does to the state, beside its own events, which leave it. */
const WITHOUT_PERSON = new Set([
  'sensor verify',
  'sensor clear',
  'sensor return',
  'sensor merge',
  'sensor open',
  'system merge',
  'system dispatch',
  'system open',
  'system resume'
])

function play(steps: Step[], { restarts = true } = {}) {
  const world = ticketWorld({ addressees: EVERYBODY, policy: { recheck: { share: 0.5, afterMs: hours(3) } } })
  const firing = new Set<string>()
  let minute = 0
  steps.forEach(({ wait, what, bin, role, pick }, i) => {
    minute += wait
    const open = world.open()
    const known = pick % 3 > 0 && open.length > 0 ? open : world.tickets()
    const ticket = known[pick % Math.max(1, known.length)]
    if (what === 'restart') return restarts && world.restart()
    if (what === 'fire') {
      if (!firing.has(bin)) world.fire({ at: minute, bin, startedAt: minute - 1 - i / 1000 })
      return firing.add(bin)
    }
    if (what === 'end') return firing.delete(bin) && world.end(bin, minute)
    if (what === 'met' || what === 'cleared') {
      if (firing.has(bin) && world.hear(bin, what, minute) === 'confirmed') firing.delete(bin)
      return
    }
    if (what === 'suppress') return world.suppress(bin, minute, pick > 2 ? 'parent' : null)
    if (what === 'release') return world.release(bin, minute)
    if (what === 'report')
      return world.report(`R-${i}`, minute, { subject: `facility:${bin}`, what: 'overflow' })
    if (!ticket) return
    const refused = world.act(ticket.id, what, minute, {
      role,
      who: `${role}-${pick % 2}`,
      until: minute + 60,
      extendMs: 60_000,
      crew: 'crew-2',
      into: known[(pick + 1) % known.length]?.id ?? '',
      quietUntil: world.timeOf(minute + 60)
    })
    // A person who ends it ends its episode, too.
    if (!refused && world.row(ticket.id)?.closedAt) firing.delete(ticket.facility ?? '')
  })
  world.passTo(minute + 2000)
  return world
}
const steps = fc.array(step, { maxLength: 60, size: 'max' })

describe('whatever happens to tickets', () => {
  it('no state changes but by a move of the table, from its states, by its roles', () => {
    fc.assert(
      fc.property(steps, all => {
        const world = play(all)
        const state = new Map<string, string>()
        for (const { ticket, who, action, from, to } of world.effects.events) {
          expect(from).toBe(state.get(ticket) ?? null)
          if (to !== null) state.set(ticket, to)
          if (to === null || to === from || action === 'open') continue
          const byPerson = !['sensor', 'system'].includes(who)
          if (!byPerson) {
            expect(WITHOUT_PERSON).toContain(`${who} ${action}`)
            continue
          }
          if (action in TICKET_EVENTS) continue
          const move = ticketMove(action as TicketAction)
          expect(move.from).toContain(from as TicketState)
          expect(move.to).toBe(to)
          expect(move.by).toContain(who.split('-')[0] as Role)
        }
      }),
      { numRuns: 300, endOnFailure: true }
    )
  })

  it('colours never go back, and what is over is over', () => {
    fc.assert(
      fc.property(steps, all => {
        const world = play(all)
        const colour = new Map<string, number>()
        const ended = new Set<string>()
        const LATER = [
          'late-claim',
          'reopen',
          'recheck-due',
          'recheck-lapsed',
          'recheck-ok',
          'recheck-failed'
        ]
        for (const { ticket, action, note, to } of world.effects.events) {
          if (ended.has(ticket)) expect(LATER).toContain(action)
          if (to === 'closed' || to === 'void') ended.add(ticket)
          if (action !== 'colour') continue
          const rank = COLOUR_IDS.indexOf(note as Colour)
          expect(rank).toBeGreaterThan(colour.get(ticket) ?? -1)
          colour.set(ticket, rank)
        }
      }),
      { numRuns: 300, endOnFailure: true }
    )
  })

  it('a history goes forward in time, and one ticket is open for a rule and a subject', () => {
    fc.assert(
      fc.property(steps, all => {
        const world = play(all)
        const last = new Map<string, number>()
        for (const { ticket, at } of world.effects.events) {
          expect(at).toBeGreaterThanOrEqual(last.get(ticket) ?? 0)
          last.set(ticket, at)
        }
        const keys = world
          .open()
          .flatMap(({ rule, subject }) => (rule === null ? [] : [`${rule} ${subject}`]))
        expect(new Set(keys).size).toBe(keys.length)
        expect(new Set(world.effects.notifications.map(({ id }) => id)).size).toBe(
          world.effects.notifications.length
        )
      }),
      { numRuns: 300, endOnFailure: true }
    )
  })

  it('decides the same wherever it was restarted', () => {
    fc.assert(
      fc.property(steps, all => {
        expect(play(all).effects).toEqual(play(all, { restarts: false }).effects)
      }),
      { numRuns: 200, endOnFailure: true }
    )
  })
})
