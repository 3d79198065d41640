import { expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

const odour = DEFAULT_RULES.find(({ id }) => id === 'toilet-odour') as Rule

/** A cleaning is claimed; then the rule is edited, and by the new one the smell is gone. */
function verifiedByEdit(crash: boolean) {
  const world = ruleWorld({
    records: [
      area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
      facility('wc', { kind: 'toilet' }),
      device('nose', { kind: 'odour-sensor', facility: 'wc' }),
      device('door', { kind: 'occupancy-sensor', facility: 'wc' })
    ]
  })
  for (let at = 0; at <= 15; at++) {
    world.say({ device: 'nose', at, values: { nh3Ppm: 2 } })
    world.say({ device: 'door', at, values: { visitsTotal: at } })
  }
  const [row] = world.open()
  const act = {
    kind: 'ticket-action',
    note: null,
    claimedAt: null,
    quietUntil: null,
    role: 'operator'
  } as const
  for (const action of ['accept', 'claim'] as const)
    expect(world.change({ ...act, ticket: row?.id ?? '', action })).toBeNull()
  const rule: Rule = {
    ...odour,
    version: odour.version + 1,
    when: { odour: ['nh3Ppm', 'h2sPpm'], aboveShare: 9 },
    clear: { odour: ['nh3Ppm', 'h2sPpm'], atMostShare: 8 },
    clearForMs: 0
  }
  expect(world.change({ kind: 'rule', rule })).toBeNull()
  expect(world.open()).toEqual([])
  if (crash) world.restart()
  world.say({ device: 'door', at: 16, values: { visitsTotal: 16 } })
  return world.minuteOf(world.engine().facilities.get('wc')?.service?.since ?? null)
}

it('counts a cleaning that an edit of its rule verified, also after a crash', () => {
  expect(verifiedByEdit(false)).toBe(15)
  expect(verifiedByEdit(true)).toBe(15)
})
