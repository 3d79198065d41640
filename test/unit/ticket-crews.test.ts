import { describe, expect, it } from 'vitest'
import { EVERYBODY, ticketWorld } from '#test/fixtures/ticket-world'

/** A crew that is on shift from minute 61 to 600. */
const day = () => {
  let now = (_at: number): number => 0
  const addressees = {
    ...EVERYBODY,
    crewFor: ({ at }: { at: number }) => (now(at) >= 61 && now(at) < 600 ? { id: 'crew-1' } : undefined)
  }
  const world = ticketWorld({ addressees, policy: { escalation: [] } })
  now = at => world.minuteOf(at) ?? 0
  const of = (kind: string) => world.told().filter(one => one.endsWith(kind))
  return { world, of }
}

describe('a ticket for which nobody is on shift', () => {
  it('is told once to the operators and the street chief, and goes to the crew when its shift begins', () => {
    const { world, of } = day()
    const { id } = world.fire({ at: 3 }).row
    world.passTo(30)
    world.restart()
    world.passTo(60)
    expect(of('nobody')).toEqual(['3 role:operator nobody', '3 chief-grid-1-3 nobody'])
    expect(new Set(world.effects.notifications.map(one => one.id)).size).toBe(
      world.effects.notifications.length
    )
    expect(world.row(id)).toMatchObject({ state: 'new', crew: null })
    world.passTo(65)
    expect(world.row(id)).toMatchObject({ state: 'dispatched', crew: 'crew-1' })
    expect(of('dispatched')).toEqual(['65 crew:crew-1 dispatched'])
  })

  it('is looked after when it was sent by hand, sent back or opened again', () => {
    const { world, of } = day()
    const { id } = world.fire({ at: 0 }).row
    expect(world.act(id, 'dispatch', 2)).toBeUndefined()
    expect(world.row(id)).toMatchObject({ state: 'dispatched', crew: null })
    world.passTo(70)
    expect(world.row(id)).toMatchObject({ state: 'dispatched', crew: 'crew-1' })

    const other = world.fire({ at: 610, bin: 'bin-2' }).row.id
    world.act(other, 'accept', 611)
    world.act(other, 'claim', 612)
    world.act(other, 'return', 613, { who: 'sun', role: 'inspector' })
    world.passTo(614)
    expect(of('nobody').slice(-2)).toEqual(['613 role:operator nobody', '613 chief-grid-1-3 nobody'])

    world.report('R-1', 620, { subject: 'facility:wc-1' })
    world.act('R-1', 'check', 621)
    world.act('R-1', 'close', 622)
    world.act('R-1', 'reopen', 623)
    world.passTo(624)
    expect(of('nobody').slice(-2)).toEqual(['623 role:operator nobody', '623 chief-grid-1-3 nobody'])
  })

  it('is not told where there is no crew at all', () => {
    const world = ticketWorld({
      addressees: { ...EVERYBODY, crewFor: () => undefined, anybody: () => false }
    })
    world.fire({ at: 0 })
    world.passTo(30)
    expect(world.told().filter(one => one.endsWith('nobody'))).toEqual([])
  })
})

describe('a ticket that was sent back', () => {
  it('waits for the claim of the crew when it clears before it is accepted again', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    const { id } = world.fire({ at: 0 }).row
    world.passTo(1)
    world.act(id, 'accept', 5)
    world.act(id, 'claim', 10)
    expect(world.hear('bin-1', 'met', 12)).toBe('returned')
    world.end('bin-1', 20)
    expect(world.row(id)).toMatchObject({ state: 'dispatched', closedAt: null, clearedAt: world.timeOf(20) })
    world.act(id, 'accept', 30)
    world.act(id, 'claim', 31)
    expect(world.row(id)).toMatchObject({
      closeReason: 'verified',
      resolvedAt: world.timeOf(20),
      returns: 1
    })
  })

  it('has its operators asked when nobody claims it, and one given back clears by itself', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    const { id } = world.fire({ at: 0 }).row
    world.passTo(1)
    world.act(id, 'accept', 5)
    world.act(id, 'claim', 10)
    world.hear('bin-1', 'met', 12)
    world.end('bin-1', 20)
    world.passTo(141)
    expect(world.told()).toContain('140 role:operator claim-missing')
    const other = world.fire({ at: 200, bin: 'bin-2' }).row.id
    world.passTo(201)
    world.act(other, 'accept', 202)
    world.act(other, 'refuse', 203)
    world.end('bin-2', 210)
    expect(world.row(other)).toMatchObject({ closeReason: 'self-cleared' })
  })
})

describe('who looks at a facility', () => {
  it('looks again when a crew is sent to one of its tickets, whoever sends it', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    world.fire({ at: 0 })
    const { facilityVersion } = world.desk()
    const [before, elsewhere] = [facilityVersion('bin-1'), facilityVersion('bin-2')]
    world.passTo(1)
    expect(world.open()).toMatchObject([{ state: 'dispatched', crew: 'crew-1' }])
    expect(facilityVersion('bin-1')).toBeGreaterThan(before)
    expect(facilityVersion('bin-2')).toBe(elsewhere)
  })
})
