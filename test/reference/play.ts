import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import type { RegistryRecord } from '#model/registry'
import { area } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'
import { SLOT_MS, type Slot } from './episodes.ts'
import { byName, type Follows, type Message, type Past } from './facility.ts'

/** The same past, played to the rules themselves. */

export const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
export type World = ReturnType<typeof ruleWorld>
const MINUTE = 60_000 / SLOT_MS
export const minuteOf = (slot: Slot): number => slot / MINUTE

export interface Playing {
  /** Slots between two ticks. */
  tickEvery: Slot
  /** Before these steps the program crashes. */
  crashes?: ReadonlySet<number>
}

export interface Step {
  slot: Slot
  run(world: World): void
}

/** What happens beside messages: changes, and the ticks that promise the next one; none in an outage of ours. */
export function stepsOf(past: Past, { tickEvery }: Playing): Step[] {
  const steps: Step[] = []
  const awake = [
    ...past.outages.map(({ from }, i) => ({ from: past.outages[i - 1]?.to ?? 0, to: from })),
    { from: past.outages.at(-1)?.to ?? 0, to: past.end + 1 }
  ]
  for (const { from, to } of awake) {
    for (let slot = from; slot < to; slot += tickEvery) {
      const next = Math.min(slot + tickEvery, to)
      steps.push({ slot, run: world => void world.tick(minuteOf(slot), minuteOf(next - slot)) })
    }
  }
  for (const slot of past.services)
    steps.push({
      slot,
      run: world => void world.change({ kind: 'service', facility: past.facility.id, by: 'scan' })
    })
  past.maintenance.forEach(({ entered, from, to }, i) =>
    steps.push({
      slot: entered,
      run: world =>
        void world.change({
          kind: 'maintenance',
          window: {
            id: `window-${i}`,
            subject: `facility:${past.facility.id}`,
            from: world.timeOf(minuteOf(from)),
            to: world.timeOf(minuteOf(to)),
            note: ''
          }
        })
    })
  )
  // A change is applied when a record comes: there is one at its slot.
  for (const slot of new Set([...past.services, ...past.maintenance.map(({ entered }) => entered)])) {
    const outage = past.outages.find(({ from }) => from > slot)?.from ?? Infinity
    const next = Math.min(slot + tickEvery, outage)
    steps.push({ slot: slot - 0.01, run: world => void world.tick(minuteOf(slot), minuteOf(next - slot)) })
  }
  return steps
}

function saySteps(past: Past): Step[] {
  return past.messages.map(({ device, at, received, values }) => ({
    slot: received,
    run: world => void world.say({ device, at: minuteOf(at), received: minuteOf(received), values })
  }))
}

/** What a device sends in one moment as one message of several reports, by the time they were measured. */
export function bundleSteps(past: Past): Step[] {
  const bundles = new Map<string, Message[]>()
  for (const message of past.messages) {
    const key = `${message.received} ${message.device}`
    bundles.set(key, [...(bundles.get(key) ?? []), message])
  }
  return [...bundles.values()].map(messages => {
    const { received: slot, device } = messages[0] as Message
    const run = (world: World) =>
      world.engine().record({
        seq: 0,
        kind: 'telemetry',
        receivedAt: world.timeOf(minuteOf(slot)),
        deviceId: device,
        rejects: [],
        reports: messages
          .toSorted((a, b) => a.at - b.at)
          .map(({ at, values }) => {
            const metrics = Object.keys(values) as MetricId[]
            return {
              device,
              measuredAt: world.timeOf(minuteOf(at)),
              quality: 'good',
              metrics,
              values: metrics.map(metric => encoded(metric, values[metric] as RawValue))
            }
          })
      })
    return { slot, run }
  })
}

export function play(past: Past, playing: Playing, say: (past: Past) => Step[] = saySteps): World {
  const records: RegistryRecord[] = [CITY, past.facility, ...past.devices]
  const world = ruleWorld({ records, start: past.start, rules: past.rules })
  const steps = [...stepsOf(past, playing), ...say(past)].sort((a, b) => a.slot - b.slot)
  steps.forEach(({ run }, i) => {
    if (playing.crashes?.has(i)) world.restart()
    run(world)
  })
  world.tick(minuteOf(past.end))
  return world
}

/** What the rules wrote, in the words of the reference. */
export function written(world: World): Follows[] {
  const slot = (at: number): Slot => (world.minuteOf(at) as number) * MINUTE
  const { tickets } = world.effects.current
  return world
    .episodes()
    .map(({ rule, subject, startedAt, firedAt, endedAt, ticket }) => {
      const row = ticket === null ? undefined : tickets.get(ticket)
      return {
        rule,
        subject,
        startedAt: slot(startedAt),
        firedAt: slot(firedAt),
        endedAt: endedAt === null ? null : slot(endedAt),
        openedAt: row ? slot(row.openedAt) : NaN,
        closed: row?.state === 'closed'
      }
    })
    .sort(byName)
}

export const encoded = (metric: MetricId, raw: RawValue): number => {
  const found = encodeValue(metric, raw)
  if ('expected' in found) throw new Error(found.expected)
  return found.value
}
