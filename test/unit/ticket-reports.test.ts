import { describe, expect, it } from 'vitest'
import { countRates, ratesOf, type RatedTicket } from '#model/ticket-rates'
import type { TicketKind } from '#model/ticket-kinds'
import { metresBetween, parsePoint, pointSubject } from '#model/ids'
import { road } from '#test/fixtures/registry-records'
import { EVERYBODY, aRule, ticketWorld } from '#test/fixtures/ticket-world'

const photo = (n: number) => n.toString(16).padStart(64, '0')

describe('what a person reports', () => {
  it('is checked before anybody is sent or takes it', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    expect(world.report('R-1', 0, { subject: 'facility:bin-1', note: 'bags' })).toBeUndefined()
    world.passTo(20)
    expect(world.row('R-1')).toMatchObject({ state: 'new', source: 'patrol', reporters: 1, area: 'grid-1' })
    expect(world.told()).toEqual(['0 role:operator to-check'])
    expect(world.act('R-1', 'dispatch', 21)).toContain('checked first')
    expect(world.act('R-1', 'accept', 21)).toContain('checked first')
    expect(world.act('R-1', 'check', 22)).toBeUndefined()
    expect(world.act('R-1', 'dispatch', 23)).toBeUndefined()
    expect(world.row('R-1')).toMatchObject({ state: 'dispatched', crew: 'crew-1' })
    const sensed = ticketWorld()
    expect(sensed.act(sensed.fire({ at: 0 }).row.id, 'check', 1)).toContain('person reported')
  })

  it('has ten minutes for litter on special and grade 1, by its road, and 24 hours for damage', () => {
    const world = ticketWorld({
      records: [road('r-1', { parent: 'grid-1', attributes: { cleaningGrade: '1' }, lat: 32.1, lon: 118.9 })]
    })
    world.report('R-1', 0, { subject: 'road:r-1' })
    world.report('R-2', 0, { subject: 'road:r-1', what: 'damaged' })
    world.report('R-3', 0, { subject: 'facility:bin-1' })
    const spot = { lat: 32.1003, lon: 118.9 }
    world.report('R-4', 0, { subject: pointSubject(spot), ...spot })
    expect(world.open().map(row => [row.id, world.minuteOf(row.dueAt), row.area])).toEqual([
      ['R-1', 10, 'grid-1'],
      ['R-2', 24 * 60, 'grid-1'],
      ['R-3', 120, 'grid-1'],
      ['R-4', 10, 'grid-1']
    ])
  })

  it('joins an open one of the same kind at the same facility or within 50 m', () => {
    const world = ticketWorld()
    const metres = (m: number) => ({ lat: 32.2 + m / 111_195, lon: 118.8 })
    const at = (m: number) => ({ ...metres(m), subject: pointSubject(metres(m)) })
    world.report('R-1', 0, at(0))
    world.report('R-2', 1, at(49))
    world.report('R-3', 2, at(52))
    world.report('R-4', 3, { ...at(10), what: 'dirty' })
    world.report('R-5', 4, { subject: 'facility:bin-1' })
    world.report('R-6', 5, { subject: 'facility:bin-1' })
    // Nineteen metres beside it: the same litter, but another bin that is damaged.
    world.report('R-7', 6, { subject: 'facility:bin-2' })
    world.report('R-8', 7, { subject: 'facility:bin-1', what: 'damaged' })
    world.report('R-9', 8, { subject: 'facility:bin-2', what: 'damaged' })
    // Of something damaged beside them nobody says which it is: the nearest.
    const beside = { lat: 32.06, lon: 118.78015 }
    world.report('R-10', 9, { ...beside, subject: pointSubject(beside), what: 'damaged' })
    expect(world.effects.reports.map(({ id, ticket }) => `${id} ${ticket}`)).toEqual([
      'R-1 R-1',
      'R-2 R-1',
      'R-3 R-3',
      'R-4 R-4',
      'R-5 R-5',
      'R-6 R-5',
      'R-7 R-5',
      'R-8 R-8',
      'R-9 R-9',
      'R-10 R-9'
    ])
    expect(world.row('R-1')).toMatchObject({ reporters: 2 })
    expect(metresBetween(metres(0), metres(49))).toBeCloseTo(49, 0)
  })

  it.each<[TicketKind, boolean]>([
    ['litter', true],
    ['advert', true],
    ['damaged', false],
    ['overflow', false],
    ['dirty', false],
    ['blocked', false],
    ['other', false]
  ])('of kind %s at a facility beside it is one with that: %s', (what, joins) => {
    const world = ticketWorld()
    world.report('R-1', 0, { subject: 'facility:bin-1', what })
    world.report('R-2', 1, { subject: 'facility:bin-2', what })
    expect(world.effects.reports.map(({ ticket }) => ticket)).toEqual(['R-1', joins ? 'R-1' : 'R-2'])
  })

  it('joins what is open at its own facility before what is nearer', () => {
    const world = ticketWorld()
    const spot = { lat: 32.06, lon: 118.78 }
    world.report('R-1', 0, { ...spot, subject: 'facility:bin-1' })
    const away = { lat: 32.0603, lon: 118.7804 }
    world.report('R-2', 1, { ...away, subject: 'facility:bin-2' })
    world.report('R-3', 2, { ...spot, subject: 'facility:bin-2' })
    expect(world.effects.reports.map(({ ticket }) => ticket)).toEqual(['R-1', 'R-2', 'R-2'])
  })

  it('is the ticket of the sensor that says the same, whoever was first', () => {
    const world = ticketWorld()
    world.report('R-1', 0, { what: 'overflow' })
    const { id } = world.fire({ at: 10 }).row
    expect(world.row('R-1')).toMatchObject({ closeReason: 'merged', mergedInto: id })
    world.report('R-2', 20, { what: 'overflow', source: 'hotline' })
    expect(world.effects.reports.at(-1)?.ticket).toBe(id)
    expect(world.open()).toMatchObject([{ id, reporters: 2 }])
  })

  it('is closed at once when it was put right on the spot, with two photos', () => {
    const world = ticketWorld()
    expect(world.report('R-1', 0, { oneStep: true, photos: [photo(1)] })).toContain('two photos')
    expect(world.report('R-1', 0, { oneStep: true, photos: [photo(1), photo(2)] })).toBeUndefined()
    expect(world.row('R-1')).toMatchObject({ state: 'closed', closeReason: 'one-step', oneStep: true })
    expect(world.effects.notifications).toEqual([])
  })

  it('is refused where there is nothing, and from who is no person', () => {
    const world = ticketWorld()
    expect(world.report('R-1', 0, { subject: 'facility:nothing' })).toContain('there is no')
    expect(world.report('R-1', 0, { source: 'sensor' })).toContain('no person')
  })

  it('can be at a point anywhere', () => {
    expect(pointSubject({ lat: -33.868821, lon: -70.5 })).toBe('point:33.86882S70.50000W')
    expect(parsePoint('33.86882S70.50000W')).toEqual({ lat: -33.86882, lon: -70.5 })
    expect(parsePoint('99.00000N10.00000E')).toBeUndefined()
  })
})

describe('planned work', () => {
  // Monday noon is minute 0: the windows are 14:00 to 16:00.
  const plan = {
    id: 'p-1',
    title: 'Noon cleaning',
    kind: 'dirty',
    facility: 'wc-1',
    from: '14:00',
    to: '16:00'
  } as const
  const planned = () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    const days = [1, 2, 3, 4, 5]
    world.desk().act({ kind: 'plan', plan: { ...plan, days, active: true } }, 'chen', world.timeOf(0))
    return world
  }

  it('is done by a scan in its window', () => {
    const world = planned()
    world.scan('wc-1', 60)
    world.scan('wc-1', 130)
    world.restart()
    world.passTo(240)
    expect(world.effects.planRuns).toMatchObject([
      { plan: 'p-1', doneAt: world.timeOf(130), doneBy: 'li', ticket: null }
    ])
    expect(world.tickets()).toEqual([])
    expect(world.desk().takeFacts()).toEqual([])
  })

  it('opens a ticket when it was missed, one however often, and a scan makes it good', () => {
    const world = planned()
    world.scan('wc-1', 60)
    world.passTo(241)
    const [ticket] = world.open()
    expect(ticket).toMatchObject({ source: 'planned', kind: 'dirty', plan: 'p-1', state: 'dispatched' })
    expect(world.minuteOf(ticket?.openedAt)).toBe(240)
    world.passTo(24 * 60 + 241)
    expect(world.effects.planRuns.map(run => run.ticket)).toEqual([ticket?.id, ticket?.id])
    world.scan('wc-1', 24 * 60 + 300)
    expect(world.row(ticket?.id ?? '')).toMatchObject({ state: 'closed', closeReason: 'self-cleared' })
    expect(world.desk().takeFacts()).toContainEqual({
      kind: 'service',
      facility: 'wc-1',
      at: world.timeOf(24 * 60 + 300)
    })
  })

  it('that is made while its window runs is due from the next one on', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    world.passTo(130)
    const days = [1, 2, 3, 4, 5]
    world.desk().act({ kind: 'plan', plan: { ...plan, days, active: true } }, 'chen', world.timeOf(130))
    const [state] = world.desk().plans()
    expect(world.minuteOf(state?.from)).toBe(24 * 60 + 120)
    world.passTo(241)
    expect(world.effects.planRuns).toEqual([])
    expect(world.tickets()).toEqual([])
  })

  const edited = (part: object, minute: number) => {
    const world = planned()
    world.scan('wc-1', 130)
    world.passTo(minute)
    const body = { ...plan, days: [1, 2, 3, 4, 5], active: true, ...part }
    world.desk().act({ kind: 'plan', plan: body }, 'chen', world.timeOf(minute))
    world.restart()
    world.passTo(241)
    return world.effects.planRuns
  }

  it('keeps the window that runs, and its scan, over an edit that leaves it where it was', () => {
    const done = { plan: 'p-1', doneBy: 'li', ticket: null }
    expect(edited({ title: 'Cleaning at two', days: [1, 3] }, 200)).toMatchObject([done])
  })

  it.each([{ to: '17:00' }, { from: '13:00' }, { facility: 'bin-1' }, { days: [2] }, { active: false }])(
    'begins anew with the next window where an edit says %j',
    part => expect(edited(part, 200)).toEqual([])
  )

  it('waits over the weekend', () => {
    const world = planned()
    world.passTo(5 * 24 * 60)
    expect(world.effects.planRuns).toHaveLength(5)
    world.passTo(7 * 24 * 60)
    expect(world.effects.planRuns).toHaveLength(5)
  })
})

describe('a service', () => {
  it('is told to the rules when a ticket that is one was done', () => {
    const world = ticketWorld()
    const rule = aRule({ id: 'toilet-odour', ticket: { title: { en: '', zh: '' }, service: true } })
    const { id } = world.fire({ rule, bin: 'wc-1', at: 0 }).row
    world.act(id, 'accept', 1)
    world.act(id, 'claim', 2, { who: 'crew-li', role: 'crew' })
    world.end('wc-1', 3, { rule: 'toilet-odour' })
    expect(world.desk().takeFacts()).toContainEqual({
      kind: 'service',
      facility: 'wc-1',
      at: world.timeOf(3)
    })
  })
})

describe('rates', () => {
  const ticket = (part: Partial<RatedTicket> = {}): RatedTicket => ({
    firstDueAt: 100,
    dueAt: 100,
    deferred: false,
    closedAt: 90,
    resolvedAt: 80,
    closeReason: 'verified',
    returns: 0,
    rework: false,
    bornCleared: false,
    oneStep: false,
    ...part
  })
  const many = (n: number, part?: Partial<RatedTicket>) => Array.from({ length: n }, () => ticket(part))

  it('are 93.72 % and 75.82 % of 972 due, 911 closed and 737 on time', () => {
    const tickets = [
      ...many(737),
      ...many(911 - 737, { resolvedAt: 120, closedAt: 130 }),
      ...many(972 - 911, { resolvedAt: null, closedAt: null, closeReason: null })
    ]
    expect(countRates(tickets, 1000)).toMatchObject({
      due: 972,
      closed: 911,
      onTime: 737,
      closingPct: 93.72,
      onTimePct: 75.82,
      reworkPct: 0
    })
  })

  it('take what is deferred beyond the period off the on-time rate only', () => {
    const open = { closedAt: null, resolvedAt: null, closeReason: null }
    const counted = countRates([...many(8), ...many(2, { ...open, deferred: true, dueAt: 1500 })], 1000)
    expect(counted).toMatchObject({ due: 10, deferred: 2, closingPct: 80, onTimePct: 100 })
    expect(countRates(many(1, { ...open, deferred: true, dueAt: 900 }), 1000)).toMatchObject({ deferred: 0 })
  })

  it('leave out what is no case, count one-step cases apart and returned ones once', () => {
    const counted = countRates(
      [
        ...many(3),
        ticket({ bornCleared: true }),
        ticket({ closeReason: 'void' }),
        ticket({ closeReason: 'merged' }),
        ticket({ oneStep: true, closeReason: 'one-step' }),
        ticket({ returns: 3 })
      ],
      1000
    )
    expect(counted).toMatchObject({ due: 4, closed: 4, oneStep: 1, returned: 1, reworkPct: 25 })
  })

  it('do not change when something is closed after the period', () => {
    expect(countRates([ticket({ closedAt: 1000, resolvedAt: 95 })], 1000)).toMatchObject({
      due: 1,
      closed: 0
    })
  })

  it('are nothing of nothing', () => {
    const none = { due: 0, deferred: 0, closed: 0, onTime: 0, returned: 0, oneStep: 0 }
    expect(ratesOf(none)).toMatchObject({ closingPct: null, onTimePct: null, reworkPct: null })
  })
})
