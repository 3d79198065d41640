import { expect, it } from 'vitest'
import { EVERYBODY, ticketWorld } from '#test/fixtures/ticket-world'
import { days } from '#model/time'

const WEEK = 7 * 24 * 60
const inspector = { who: 'sun', role: 'inspector' } as const

/** A ticket whose repair a sensor confirmed, and whose second look is due. */
function looked() {
  const policy = { recheck: { share: 1, afterMs: days(7) } }
  const world = ticketWorld({ addressees: EVERYBODY, policy })
  const { id } = world.fire({ at: 0 }).row
  world.passTo(1)
  world.act(id, 'accept', 2)
  world.act(id, 'claim', 3)
  world.hear('bin-1', 'cleared', 4)
  world.passTo(WEEK + 10)
  expect(world.row(id)).toMatchObject({ closeReason: 'verified', recheck: 'due' })
  return { world, id }
}

it('says with a second look that failed that the ticket which is open for the same is rework', () => {
  const { world, id } = looked()
  const { id: open } = world.fire({ at: WEEK + 20 }).row
  const photos = ['0'.repeat(64)]
  expect(
    world.act(id, 'recheck-failed', WEEK + 30, { ...inspector, note: 'full again', photos })
  ).toBeUndefined()
  expect(world.row(id)).toMatchObject({ state: 'closed', recheck: 'failed' })
  expect(world.row(open)).toMatchObject({ rework: true, reworkOf: id, closedAt: null })
  expect(world.effects.events.filter(({ ticket }) => ticket === open).at(-1)).toMatchObject({
    who: 'sun',
    action: 'joined',
    note: 'full again',
    data: { ticket: id, photos }
  })
  expect(world.open()).toHaveLength(1)
  expect(world.act(id, 'reopen', WEEK + 31)).toContain('open for the same')
})

it('opens one of its own where none is open', () => {
  const { world, id } = looked()
  expect(world.act(id, 'recheck-failed', WEEK + 30, inspector)).toBeUndefined()
  expect(world.open()).toMatchObject([{ rework: true, reworkOf: id, crew: 'crew-1' }])
})
