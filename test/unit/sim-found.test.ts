import { describe, expect, it } from 'vitest'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })

/** What `npm run truth` found, kept as examples. */
describe('a cleaning while a backlog comes in', () => {
  it('ends its ticket when it was done, not when the sensor’s last word was measured', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('wc-1', { kind: 'toilet' }),
        device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1' })
      ]
    })
    const say = (at: number, received = at) => {
      world.tick(received)
      world.say({ device: 'oc-1', at, received, values: { visitsTotal: 7 } })
    }
    for (let minute = 0; minute <= 245; minute++) say(minute)
    // Forty minutes without network; the first of what was kept has come.
    say(246, 286)
    const [ticket] = world.open()
    if (ticket?.rule !== 'toilet-clean-due' || ticket.openedAt > world.timeOf(245)) return
    world.change({ kind: 'service', facility: 'wc-1', by: 'scan' })
    const after = world.tickets().find(({ id }) => id === ticket.id)
    expect(world.minuteOf(after?.clearedAt ?? null)).toBe(286)
  })
})
