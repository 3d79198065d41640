import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TicketRow } from '#ingest/effects'
import { days, minutes } from '#model/time'
import {
  COLOUR_IDS,
  isLateClaim,
  ROLES,
  TICKET_ACTION_IDS,
  ticketMove,
  type CloseReason,
  type Colour,
  type Role,
  type TicketAction,
  type TicketState
} from '#model/tickets'
import { check } from '#test/reference/pasts'
import { EVERYBODY, ticketWorld, type TicketWorld } from '#test/fixtures/ticket-world'

/** Whatever people and sensors do to tickets, in any order. */
const bin = fc.constantFrom('bin-1', 'bin-2')
const what = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fire' as const), bin }) },
  fc.record({ do: fc.constant('end' as const), bin }),
  fc.record({ do: fc.constant('hear' as const), bin, verdict: fc.constantFrom('met', 'cleared') }),
  fc.record({ do: fc.constant('suppress' as const), bin }),
  fc.record({ do: fc.constant('release' as const), bin }),
  fc.record({ do: fc.constant('report' as const), oneStep: fc.boolean() }),
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('act' as const),
      ticket: fc.nat(5),
      action: fc.constantFrom<TicketAction>(...TICKET_ACTION_IDS),
      role: fc.constantFrom<Role>(...(Object.keys(ROLES) as Role[])),
      who: fc.constantFrom('wang', 'li', 'chen'),
      /** One of the moves the table has for its state, by one of those who may; else anything by anybody. */
      fits: fc.option(fc.nat(30), { freq: 3 }),
      note: fc.constantFrom('why', 'why', 'why', null),
      /** Minutes until it is quiet, deferred, or allowed more. */
      more: fc.constantFrom(-5, 30, 600)
    })
  }
)
const step = fc.record({ what, wait: fc.constantFrom(0, 1, 1, 3, 7, 20, 60, 300) })
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const steps = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' })

type Act = Extract<Step['what'], { do: 'act' }>
function moveOf({ action, role, fits }: Act, state: TicketState): { action: TicketAction; role: Role } {
  const moves = TICKET_ACTION_IDS.filter(one => one !== 'comment' && ticketMove(one).from.includes(state))
  const chosen = moves[(fits ?? 0) % Math.max(1, moves.length)]
  const { by } = ticketMove(chosen ?? action)
  return fits === null || !chosen ? { action, role } : { action: chosen, role: by[fits % by.length] ?? role }
}

/** How long it stood still before `at`, from mark to mark: pauses may overlap. */
const stoodUntil = (at: number, pauses: TicketRow['pauses']): number => {
  const ends = [...pauses.flatMap(({ from, until }) => [from, until ?? at]), at].filter(end => end <= at)
  const marks = [...new Set(ends)].sort((a, b) => a - b)
  return marks.reduce((sum, mark, i) => {
    const next = marks[i + 1] ?? mark
    const stands = pauses.some(({ from, until }) => from <= mark && next <= (until ?? Infinity))
    return stands ? sum + next - mark : sum
  }, 0)
}

interface Acted {
  action: TicketAction
  role: Role
  refused: string | undefined
  before: TicketRow
  after: TicketRow
  /** Tickets and events there were before and after. */
  grew: boolean
}

interface Watch {
  acted?(acted: Acted): void
  /** After each step. */
  look?(world: TicketWorld): void
  crashes?: ReadonlySet<number>
}

function play(steps: readonly Step[], { acted, look, crashes }: Watch = {}): TicketWorld {
  const world = ticketWorld({ addressees: EVERYBODY })
  const firing = new Set<string>()
  let minute = 0
  steps.forEach(({ what, wait }, i) => {
    if (crashes?.has(i)) world.restart()
    minute += wait
    if (what.do === 'fire' && !firing.has(what.bin)) {
      minute++
      world.fire({ bin: what.bin, at: minute, startedAt: minute - 1 })
      firing.add(what.bin)
    } else if (what.do === 'end' && firing.delete(what.bin)) world.end(what.bin, minute)
    else if (what.do === 'hear' && firing.has(what.bin)) {
      const said = world.hear(what.bin, what.verdict, minute)
      if (said === 'confirmed') firing.delete(what.bin)
    } else if (what.do === 'suppress') world.suppress(what.bin, minute)
    else if (what.do === 'release') world.release(what.bin, minute)
    else if (what.do === 'report') world.report(`r-${i}`, minute, { oneStep: what.oneStep })
    else if (what.do === 'act') {
      world.passTo(minute)
      const before = world.tickets()[what.ticket % Math.max(1, world.tickets().length)]
      if (!before) return
      const size = () => world.effects.events.length + world.effects.tickets.size
      const was = size()
      const copy = structuredClone(before)
      const { action, role } = moveOf(what, before.state as TicketState)
      const refused = world.act(before.id, action, minute, {
        who: what.who,
        role,
        note: what.note,
        quietUntil: world.timeOf(minute + what.more),
        until: minute + what.more,
        extendMs: minutes(what.more),
        crew: 'crew-1',
        into: world.tickets()[0]?.id ?? ''
      })
      const after = structuredClone(world.row(before.id) as TicketRow)
      // Closed by a person: the rules end the episode themselves.
      if (after.closedAt !== null && copy.closedAt === null)
        firing.delete(before.subject.replace('facility:', ''))
      acted?.({
        action,
        role,
        refused,
        before: copy,
        after,
        grew: size() !== was
      })
    }
    look?.(world)
  })
  world.passTo(minute + days(1) / minutes(1))
  look?.(world)
  return world
}

describe('whatever people and sensors do', { timeout: minutes(5) }, () => {
  it('no move outside the table changes a ticket, nor one that was refused', () =>
    check(
      fc.property(steps, steps => {
        play(steps, {
          acted({ action, role, refused, before, after, grew }) {
            const { from, by } = ticketMove(action)
            const late = isLateClaim({ closeReason: before.closeReason as CloseReason | null }, action)
            const allowed = by.includes(role) && (late || from.includes(before.state as TicketState))
            if (!allowed) expect(refused).toBeTypeOf('string')
            if (refused !== undefined) expect({ after, grew }).toEqual({ after: before, grew: false })
          }
        })
      })
    ))

  it('a move leads where the table says', () =>
    check(
      fc.property(steps, steps => {
        play(steps, {
          acted({ action, refused, before, after }) {
            if (refused !== undefined) return
            const { to } = ticketMove(action)
            const states: string[] = [to ?? before.state]
            // A claim of what is clear already is verified at once; what is opened again is dispatched or goes on as new.
            if (action === 'claim') states.push('closed')
            if (action === 'claim' && before.state === 'closed') states.push(before.state)
            if (action === 'reopen' || action === 'recheck-failed') states.push('new', 'dispatched')
            expect(states).toContain(after.state)
          }
        })
      })
    ))

  it('a supervision colour never goes back', () =>
    check(
      fc.property(steps, steps => {
        const seen = new Map<string, number>()
        play(steps, {
          look(world) {
            for (const { id, colour } of world.tickets()) {
              const rank = COLOUR_IDS.indexOf(colour as Colour)
              expect(rank).toBeGreaterThanOrEqual(seen.get(id) ?? -1)
              seen.set(id, rank)
            }
          }
        })
      })
    ))

  it('no deadline runs while a ticket is suppressed or deferred', () =>
    check(
      fc.property(steps, steps => {
        const world = play(steps)
        for (const { id, pauses, openedAt, terms } of world.tickets()) {
          for (const { at, action } of world.effects.events.filter(one => one.ticket === id)) {
            if (action !== 'colour' && action !== 'escalate') continue
            const inside = pauses.filter(({ from, until }) => at > from && at < (until ?? Infinity))
            expect(inside).toEqual([])
            const stood = stoodUntil(at, pauses)
            // White, the first of them, comes at half of the time.
            expect(at - openedAt - stood).toBeGreaterThanOrEqual(terms.allowedMs / 2)
          }
        }
      })
    ))

  it('one ticket is open for a rule and a subject, and each event has a number of its own', () =>
    check(
      fc.property(steps, steps => {
        const world = play(steps, {
          look(world) {
            const keys = world.open().flatMap(({ rule, subject }) => (rule ? [`${rule} ${subject}`] : []))
            expect(new Set(keys).size).toBe(keys.length)
          }
        })
        const numbers = world.effects.events.map(({ ticket, no }) => `${ticket} ${no}`)
        expect(new Set(numbers).size).toBe(numbers.length)
      })
    ))

  it('a crash at any point changes nothing, ids neither', () =>
    check(
      fc.property(steps, fc.array(fc.nat(60), { maxLength: 6 }), (steps, crashes) => {
        expect(play(steps, { crashes: new Set(crashes) }).effects).toEqual(play(steps).effects)
      })
    ))
})
