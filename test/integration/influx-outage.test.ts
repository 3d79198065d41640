import { expect, it } from 'vitest'
import { minutes, seconds } from '#model/time'
import { outage } from '#test/outage/outage'

it(
  'InfluxDB killed under load and back: nothing lost or doubled, tickets go on, the journal shrinks again',
  { timeout: minutes(4) },
  async () => {
    const found = await outage({ rate: 300, bins: 20, fires: 3, downMs: seconds(8), aroundMs: seconds(2) })
    expect(found).toMatchObject({ lost: 0, doubled: 0, tickets: 3 })
    expect(found.acked).toBe(300 * 12)
    expect(found.storeTrouble).toContain('cannot be reached')
    expect(found.catchUp.records).toBeGreaterThan(300 * 8)
    expect(found.journal.mostBytes).toBeLessThan(found.journal.maxBytes)
  }
)
