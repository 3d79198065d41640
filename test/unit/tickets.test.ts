import { describe, expect, it } from 'vitest'
import { lot } from '#ingest/tickets/ending'
import { EVERYBODY, aRule, ticketWorld } from '#test/fixtures/ticket-world'
import { days, minutes } from '#model/time'
import { device } from '#test/fixtures/registry-records'

/** A ticket for bin-1 that opened at minute 0 and that a crew accepted at minute 5. */
function accepted(options: Parameters<typeof ticketWorld>[0] = {}) {
  const world = ticketWorld(options)
  const { id } = world.fire({ at: 0 }).row
  expect(world.act(id, 'accept', 5, { who: 'crew-li', role: 'crew' })).toBeUndefined()
  return { world, id }
}

describe('verification', () => {
  it('is never by who claimed it', () => {
    const { world, id } = accepted()
    world.act(id, 'claim', 30, { who: 'wang' })
    const quietUntil = world.timeOf(600)
    expect(world.act(id, 'verify', 31, { who: 'wang', quietUntil })).toContain('claimed')
    expect(world.act(id, 'verify', 31, { who: 'crew-li', role: 'crew', quietUntil })).toContain(
      'you are crew'
    )
    expect(world.act(id, 'verify', 31, { who: 'zhao', role: 'inspector', quietUntil })).toBeUndefined()
    expect(world.row(id)).toMatchObject({
      state: 'closed',
      closeReason: 'verified',
      resolvedAt: world.timeOf(30)
    })
  })

  it('confirms by a report measured after the claim, and not by one before', () => {
    const { world, id } = accepted()
    world.act(id, 'claim', 30, { who: 'crew-li', role: 'crew' })
    expect(world.hear('bin-1', 'cleared', 29, 31)).toBeUndefined()
    expect(world.row(id)?.state).toBe('claimed-done')
    expect(world.hear('bin-1', 'cleared', 33)).toBe('confirmed')
    expect(world.row(id)).toMatchObject({
      state: 'closed',
      closeReason: 'verified',
      resolvedAt: world.timeOf(30),
      falseClaims: 0
    })
    expect([...world.effects.episodes.values()]).toMatchObject([{ endedAt: world.timeOf(33) }])
  })

  it('sends a claim back that a later report contradicts, flagged as suspected, and its clock goes on', () => {
    const { world, id } = accepted()
    world.act(id, 'claim', 30, { who: 'crew-li', role: 'crew' })
    expect(world.hear('bin-1', 'met', 40)).toBe('returned')
    expect(world.row(id)).toMatchObject({ state: 'dispatched', falseClaims: 1, returns: 1, claimedAt: null })
    expect(world.effects.events.at(-1)).toMatchObject({ action: 'return', data: { suspectedFalse: true } })
    world.passTo(120)
    expect(world.row(id)?.colour).toBe('red')
  })

  it('names the colour of the time that went by while it was claimed at the return, not before', () => {
    const { world, id } = accepted()
    world.act(id, 'claim', 30, { who: 'crew-li', role: 'crew' })
    world.hear('bin-1', 'met', 100)
    world.passTo(101)
    expect(world.history(id).slice(-2)).toEqual(['100 sensor return', '100 system colour'])
    expect(world.row(id)?.colour).toBe('yellow')
  })

  it('asks a person when no report came within the longer of the window and two intervals; that is no rework', () => {
    const often = accepted({
      records: [device('fs-1', { facility: 'bin-1', attributes: { expectedIntervalMs: minutes(5) } })]
    })
    often.world.act(often.id, 'claim', 10)
    often.world.passTo(39)
    expect(often.world.row(often.id)?.verification).toBe('report')
    often.world.passTo(40)
    expect(often.world.row(often.id)).toMatchObject({
      verification: 'person',
      state: 'claimed-done',
      returns: 0
    })
    const seldom = accepted()
    seldom.world.act(seldom.id, 'claim', 10)
    seldom.world.passTo(69)
    expect(seldom.world.row(seldom.id)?.verification).toBe('report')
    seldom.world.passTo(70)
    expect(seldom.world.row(seldom.id)?.verification).toBe('person')
    expect(seldom.world.told().at(-1)).toBe('70 role:operator no-report')
  })

  it('lets a person see to what no sensor can tell, at once', () => {
    const world = ticketWorld()
    const rule = aRule({
      id: 'toilet-clean-due',
      when: { serviceDue: { visits: 300, openMs: minutes(240) } }
    })
    const { id } = world.fire({ rule, bin: 'wc-1', at: 0 }).row
    world.act(id, 'accept', 1)
    world.act(id, 'claim', 20, { who: 'crew-li', role: 'crew' })
    expect(world.row(id)?.verification).toBe('person')
    expect(world.hear('wc-1', 'met', 21)).toBeUndefined()
  })
})

describe('clearing', () => {
  it('closes by itself before acceptance', () => {
    const world = ticketWorld()
    const { id } = world.fire({ at: 0 }).row
    world.end('bin-1', 20, { knownAt: 22 })
    expect(world.row(id)).toMatchObject({
      closeReason: 'self-cleared',
      clearedAt: world.timeOf(20),
      resolvedAt: world.timeOf(20),
      closedAt: world.timeOf(22)
    })
  })

  it('after acceptance stops the clock, waits two hours for the claim, then asks an operator', () => {
    const { world, id } = accepted()
    world.end('bin-1', 60)
    world.passTo(179)
    expect(world.row(id)).toMatchObject({ state: 'accepted', colour: 'white' })
    world.passTo(180)
    expect(world.history(id).at(-1)).toBe('180 system claim-missing')
    expect(world.row(id)?.colour).toBe('white')
    world.act(id, 'claim', 200, { who: 'crew-li', role: 'crew' })
    expect(world.row(id)).toMatchObject({ closeReason: 'verified', resolvedAt: world.timeOf(60) })
  })

  it('takes the time it was clear off when it comes back', () => {
    const { world, id } = accepted()
    world.end('bin-1', 30)
    world.fire({ at: 90, startedAt: 80 })
    expect(world.minuteOf(world.row(id)?.dueAt)).toBe(180)
    expect(world.row(id)).toMatchObject({ clearedAt: null, state: 'accepted' })
  })

  it('is born cleared when it was over before we heard of it: nobody is sent, nobody is told', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    world.fire({ at: 300, lag: 200 })
    world.end('bin-1', 150, { knownAt: 300 })
    const far = world.fire({ bin: 'bin-2', at: 300, lag: 200 }).row
    world.end('bin-2', 150, { knownAt: 300.5 })
    world.passTo(2000)
    expect(world.tickets().map(({ bornCleared, state }) => [bornCleared, state])).toEqual([
      [true, 'closed'],
      [true, 'closed']
    ])
    expect(world.history(far.id)).toEqual(['300 sensor open', '300.5 sensor clear'])
    expect(world.effects.notifications).toEqual([])
  })

  it('credits a crew whose phone was offline, and opens nothing again', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    const { id } = world.fire({ at: 0 }).row
    world.end('bin-1', 20)
    const late = { who: 'crew-li', role: 'crew' as const, claimedAt: world.timeOf(18) }
    expect(world.act(id, 'claim', 399, { ...late, role: 'inspector' })).toContain('not for inspector')
    expect(world.act(id, 'claim', 400, late)).toBeUndefined()
    expect(world.row(id)).toMatchObject({
      state: 'closed',
      closeReason: 'self-cleared',
      closedAt: world.timeOf(20),
      lateClaimAt: world.timeOf(400),
      claimedBy: 'crew-li',
      crew: 'crew-1'
    })
    expect(world.open()).toEqual([])
    expect(world.act(id, 'claim', 401, late)).toContain('already')
    expect(world.act(id, 'accept', 402, late)).toContain('closed')
  })
})

describe('supervision', () => {
  it('is white at 50 %, yellow at 80 %, red at 100 % of the time, told to the chiefs level by level', () => {
    const { world, id } = accepted({ addressees: EVERYBODY })
    world.passTo(60 * 24)
    expect(world.history(id)).toEqual([
      '0 sensor open',
      '0 system dispatch',
      '5 crew-li accept',
      '60 system colour',
      '96 system colour',
      '120 system colour',
      '120 system escalate',
      '150 system escalate',
      '180 system escalate',
      '240 system escalate'
    ])
    expect(world.told()).toEqual([
      '0 crew:crew-1 dispatched',
      '60 chief-grid-1-3 colour',
      '96 chief-grid-1-2 colour',
      '120 chief-grid-1-1 colour',
      '120 chief-grid-1-3 escalated',
      '150 chief-hunan-road-2 escalated',
      '180 chief-gulou-1 escalated',
      '240 unit:Gulou Sanitation escalated'
    ])
    expect(world.row(id)).toMatchObject({ colour: 'red', level: 4 })
  })

  it('is red at once for what is critical', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    const { id } = world.fire({ at: 0, rule: aRule({ id: 'bin-fire', severity: 'critical' }), due: 10 }).row
    world.passTo(0.01)
    expect(world.row(id)).toMatchObject({ colour: 'red', state: 'dispatched' })
    world.passTo(9)
    expect(world.told().filter(one => one.includes('colour'))).toEqual(['0 chief-grid-1-1 colour'])
  })

  it('keeps a colour through an extension, and names none twice', () => {
    const { world, id } = accepted()
    world.passTo(100)
    expect(world.row(id)?.colour).toBe('yellow')
    world.act(id, 'extend', 101, { who: 'crew-li', role: 'crew', extendMs: minutes(120) })
    expect(world.act(id, 'approve', 102, { role: 'manager', who: 'chen' })).toBeUndefined()
    expect(world.minuteOf(world.row(id)?.dueAt)).toBe(240)
    world.passTo(239)
    expect(world.row(id)?.colour).toBe('yellow')
    world.passTo(240)
    expect(world.history(id).filter(one => one.endsWith('colour'))).toHaveLength(3)
  })

  it('goes on where it was after a restart', () => {
    const { world, id } = accepted({ addressees: EVERYBODY })
    world.passTo(70)
    world.restart()
    world.passTo(130)
    expect(world.history(id).slice(3)).toEqual([
      '60 system colour',
      '96 system colour',
      '120 system colour',
      '120 system escalate'
    ])
  })
})

describe('dispatch', () => {
  it('is automatic to the crew on shift, and looks again while there is none', () => {
    let onShift = false
    const addressees = { ...EVERYBODY, crewFor: () => (onShift ? { id: 'night' } : undefined) }
    const world = ticketWorld({ addressees })
    const { id } = world.fire({ at: 0 }).row
    world.passTo(14)
    expect(world.row(id)?.state).toBe('new')
    onShift = true
    world.passTo(15)
    expect(world.row(id)).toMatchObject({ state: 'dispatched', crew: 'night' })
  })

  it('can be switched off', () => {
    const world = ticketWorld({ addressees: EVERYBODY, policy: { autoDispatch: false } })
    const { id } = world.fire({ at: 0 }).row
    world.passTo(30)
    expect(world.row(id)?.state).toBe('new')
    expect(world.act(id, 'dispatch', 31)).toBeUndefined()
    expect(world.row(id)).toMatchObject({ state: 'dispatched', crew: 'crew-1' })
  })

  it('ends in a refusal, a transfer to another crew or unit, each with its reason', () => {
    const { world, id } = accepted({ addressees: EVERYBODY })
    expect(world.act(id, 'refuse', 6, { note: ' ' })).toContain('reason')
    expect(world.act(id, 'refuse', 6, { who: 'crew-li', role: 'crew' })).toBeUndefined()
    expect(world.row(id)).toMatchObject({ state: 'new', crew: null, acceptedAt: null })
    expect(world.act(id, 'transfer', 7)).toContain('crew or a unit')
    expect(world.act(id, 'transfer', 7, { unit: 'Parks' })).toBeUndefined()
    expect(world.row(id)).toMatchObject({ state: 'dispatched', unit: 'Parks', crew: null })
    expect(world.told().at(-1)).toBe('7 unit:Parks transferred')
  })
})

describe('deferral and extension', () => {
  const asked = () => {
    const { world, id } = accepted()
    expect(world.act(id, 'defer', 30, { who: 'crew-li', role: 'crew', until: 330 })).toBeUndefined()
    return { world, id }
  }

  it('is approved by another role, moves the clock and ends by itself', () => {
    const { world, id } = asked()
    expect(world.act(id, 'approve', 40, { who: 'crew-li', role: 'operator' })).toContain('another role')
    expect(world.act(id, 'approve', 40, { who: 'other', role: 'crew' })).toContain('you are crew')
    expect(world.act(id, 'approve', 50, { who: 'wang', role: 'operator' })).toBeUndefined()
    expect(world.row(id)).toMatchObject({ deferredUntil: world.timeOf(330), dueAt: world.timeOf(400) })
    world.passTo(330)
    expect(world.row(id)).toMatchObject({ deferredUntil: null, colour: null })
    world.passTo(340)
    expect(world.row(id)?.colour).toBe('white')
    world.passTo(400)
    expect(world.row(id)?.colour).toBe('red')
  })

  it('is denied, with a reason, and nothing moved', () => {
    const { world, id } = asked()
    expect(world.act(id, 'deny', 40, { who: 'wang' })).toBeUndefined()
    expect(world.row(id)).toMatchObject({ asked: null, deferredUntil: null, dueAt: world.timeOf(120) })
    expect(world.told().at(-1)).toBe('40 crew-li answered')
  })

  it('ends when it is ended, and when the work is claimed', () => {
    const { world, id } = asked()
    world.act(id, 'approve', 50, { who: 'wang' })
    expect(world.act(id, 'resume', 110, { who: 'crew-li', role: 'crew' })).toBeUndefined()
    expect(world.minuteOf(world.row(id)?.dueAt)).toBe(180)
    world.act(id, 'defer', 111, { who: 'crew-li', role: 'crew', until: 500 })
    world.act(id, 'approve', 112, { who: 'wang' })
    world.act(id, 'claim', 122, { who: 'crew-li', role: 'crew' })
    expect(world.row(id)).toMatchObject({ deferredUntil: null, dueAt: world.timeOf(190) })
  })

  it('has its caps', () => {
    const { world, id } = accepted()
    const crew = { who: 'crew-li', role: 'crew' as const }
    expect(world.act(id, 'defer', 10, { ...crew, until: 10 + 31 * 24 * 60 })).toContain('30 days')
    expect(world.act(id, 'extend', 10, { ...crew, extendMs: minutes(121) })).toContain('120 minutes')
    expect(world.act(id, 'extend', 10, { ...crew, extendMs: minutes(120) })).toBeUndefined()
    expect(world.act(id, 'defer', 11, { ...crew, until: 300 })).toContain('asked for already')
    world.act(id, 'approve', 12, { who: 'chen', role: 'manager' })
    expect(world.act(id, 'extend', 13, { ...crew, extendMs: 1 })).toContain('0 minutes')
  })
})

describe('a parent', () => {
  it('takes a ticket nobody was sent for, whose episode goes on without one', () => {
    const world = ticketWorld()
    const { id } = world.fire({ at: 0 }).row
    expect(world.suppress('bin-1', 1, 'parent-ticket')).toBe('merged')
    expect(world.row(id)).toMatchObject({ closeReason: 'merged', mergedInto: 'parent-ticket' })
    world.restart()
    world.end('bin-1', 30)
    expect([...world.effects.episodes.values()]).toMatchObject([{ endedAt: world.timeOf(30), ticket: id }])
  })

  it('gives the same episode a ticket of another name when it is let go', () => {
    const world = ticketWorld()
    const first = world.fire({ at: 0, startedAt: -10 }).row
    world.suppress('bin-1', 1, 'parent-ticket')
    world.passTo(60)
    const event = {
      rule: aRule(),
      subject: 'facility:bin-1',
      startedAt: world.timeOf(-10),
      firedAt: world.timeOf(0)
    }
    const again = world.desk().fired({
      ...event,
      idFrom: world.timeOf(60),
      openedAt: world.timeOf(60),
      dueAt: world.timeOf(180),
      evidence: [],
      facility: undefined,
      area: null
    }).row
    expect(again.id).not.toBe(first.id)
    expect([...world.effects.episodes.values()]).toMatchObject([{ ticket: again.id, endedAt: null }])
  })

  it('stops the clocks of one that somebody works on', () => {
    const { world, id } = accepted()
    expect(world.suppress('bin-1', 50, 'parent-ticket')).toBe('paused')
    expect(world.suppress('bin-2', 50)).toBe('none')
    world.passTo(500)
    expect(world.row(id)?.colour).toBeNull()
    world.release('bin-1', 500)
    expect(world.minuteOf(world.row(id)?.dueAt)).toBe(570)
    world.passTo(510)
    expect(world.row(id)?.colour).toBe('white')
  })

  it('is recorded for an episode that never had a ticket', () => {
    const world = ticketWorld()
    world.begin({ at: 0 })
    expect(world.tickets()).toEqual([])
    world.end('bin-1', 20)
    expect([...world.effects.episodes.values()]).toMatchObject([{ ticket: null, endedAt: world.timeOf(20) }])
  })
})

describe('the second look', () => {
  const done = (world: ReturnType<typeof ticketWorld>, bin: string, at: number) => {
    const { id } = world.fire({ at, bin }).row
    world.act(id, 'accept', at + 1, { who: 'crew-li', role: 'crew' })
    world.act(id, 'claim', at + 2, { who: 'crew-li', role: 'crew' })
    world.end(bin, at + 3)
    return id
  }

  it('draws the same share of tickets however often it is asked', () => {
    const ids = Array.from({ length: 4000 }, (_, i) => `26110${i}-ABC`)
    const drawn = ids.filter(id => lot(id) < 0.05).length
    expect(drawn).toBeGreaterThan(150)
    expect(drawn).toBeLessThan(250)
    expect(lot('261101-K3F9QXWBA')).toBe(lot('261101-K3F9QXWBA'))
  })

  it('is due after seven days, answered by an inspector; not good is rework', () => {
    const world = ticketWorld({ policy: { recheck: { share: 1, afterMs: days(7) } } })
    const id = done(world, 'bin-1', 0)
    expect(world.row(id)?.recheck).toBe('planned')
    world.restart()
    world.passTo(7 * 24 * 60 + 2)
    expect(world.row(id)?.recheck).toBe('planned')
    world.passTo(7 * 24 * 60 + 3)
    expect(world.row(id)).toMatchObject({ recheck: 'due', state: 'closed' })
    expect(world.told().at(-1)).toContain('role:inspector recheck')
    const sun = { who: 'sun', role: 'inspector' as const }
    expect(world.act(id, 'recheck-ok', 7 * 24 * 60 + 9)).toContain('you are operator')
    expect(world.act(id, 'recheck-failed', 7 * 24 * 60 + 9, sun)).toBeUndefined()
    expect(world.row(id)?.recheck).toBe('failed')
    expect(world.open()).toMatchObject([{ rework: true, reworkOf: id, state: 'new' }])
    expect(world.act(id, 'recheck-ok', 7 * 24 * 60 + 9, sun)).toBeDefined()
  })

  it('opens what did not hold again: rework inside its window, a new case after it', () => {
    const world = ticketWorld({ policy: { recheck: { share: 0, afterMs: 0 } } })
    const id = done(world, 'bin-1', 0)
    const rule = aRule({ reworkWithinMs: days(1) })
    expect(world.act(id, 'reopen', 30)).toBeUndefined()
    expect(world.open()).toMatchObject([{ rework: false, reworkOf: id }])
    expect(world.act(id, 'reopen', 31)).toContain('is open')
    const { row } = world.fire({ at: 100, bin: 'bin-2', rule })
    world.act(row.id, 'accept', 101, { who: 'crew-li', role: 'crew' })
    world.act(row.id, 'claim', 102, { who: 'crew-li', role: 'crew' })
    world.end('bin-2', 103)
    world.restart()
    expect(world.fire({ at: 200, bin: 'bin-2', rule }).row).toMatchObject({ rework: true, reworkOf: row.id })
  })
})

describe('merging by hand', () => {
  it('closes a duplicate into another and tells that one', () => {
    const world = ticketWorld()
    world.report('r-1', 0, { what: 'other' })
    world.report('r-2', 1, { what: 'dirty' })
    expect(world.act('r-2', 'merge', 2, { into: 'nothing' })).toContain('no other open ticket')
    expect(world.act('r-2', 'merge', 2, { into: 'r-1' })).toBeUndefined()
    expect(world.row('r-2')).toMatchObject({ closeReason: 'merged', mergedInto: 'r-1' })
    expect(world.row('r-1')).toMatchObject({ reporters: 2, state: 'new' })
  })
})
