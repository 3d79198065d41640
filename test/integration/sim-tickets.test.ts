import { describe, expect, it } from 'vitest'
import { noEffects } from '#ingest/effects'
import { normaliseRecord } from '#ingest/normalise'
import { createDecisions } from '#ingest/decisions'
import { DEFAULT_RULES } from '#model/default-rules'
import { days, hours, minutes, type Millis } from '#model/time'
import { makeCity, type City } from '#sim/city'
import { ongoing, ONGOING_MS, plan } from '#sim/plan'
import { payloadOf, reportStream } from '#sim/reports'
import { expectationOf, type MustTicket } from '#sim/truth/expectation'

const STEP_MS = minutes(2)
/** Cleaning is proved by people, who are not here. */
const RULES = DEFAULT_RULES.filter(({ id }) => id !== 'toilet-clean-due')

/** The real rules, fed with what a city sends as it would come out of the journal. */
function rulesOver(city: City, from: Millis) {
  const effects = noEffects()
  const { registry, engine } = createDecisions({ rules: RULES, effects: () => effects })
  for (const record of [...city.areas, ...city.roads, ...city.facilities, ...city.devices]) {
    registry.apply(record, from)
    engine.registered(record)
  }
  let seq = 0
  return {
    receive(kind: 'telemetry' | 'tick', deviceId: string, payload: string, receivedAt: Millis) {
      const record = { seq: ++seq, receivedAt, kind, deviceId, payload: Buffer.from(payload) }
      engine.record(normaliseRecord(record, registry))
    },
    tickets: () => [...effects.tickets.values()]
  }
}

describe.each(['2026-06-21T11:40:00Z', '2026-11-20T21:30:00Z'])('a played day that ends at %s', end => {
  const city = makeCity({ seed: 7, scale: 0.1 })
  const to = Date.parse(end)
  const from = to - days(1)
  const stream = reportStream({ city, from, faults: plan({ city, from, to }) })
  const rules = rulesOver(city, from)
  const playTo = (until: Millis, since: Millis) => {
    for (let at = since + STEP_MS; at <= until; at += STEP_MS) {
      for (const report of stream.until(at)) rules.receive('telemetry', report.device, payloadOf(report), at)
      rules.receive('tick', '', String(STEP_MS), at)
    }
  }
  const nameOf = ({ rule, subject }: { rule: string | null; subject: string }) => `${rule} ${subject}`
  const truth = (until: Millis) =>
    expectationOf({ city, faults: stream.faults(), from, to: until, stepMs: STEP_MS })
  const known = (until: Millis): MustTicket[] => [...truth(until).must, ...truth(until).may]

  it('opens exactly the tickets the simulator expects, each once', () => {
    playTo(to, from)
    const opened = rules.tickets().map(nameOf)
    const expected = known(to).map(nameOf)
    expect(truth(to).must.filter(ticket => !opened.includes(nameOf(ticket)))).toEqual([])
    expect(opened.filter(name => !expected.includes(name))).toEqual([])
    expect(new Set(opened).size).toBe(opened.length)
    const open = rules.tickets().filter(({ closedAt }) => closedAt === null)
    expect(open.length).toBeGreaterThanOrEqual(8)
    expect(open.length).toBeLessThanOrEqual(20)
  })

  it('goes on live: tickets open and close by themselves within minutes', () => {
    const before = rules.tickets().length
    const openBefore = rules.tickets().filter(({ closedAt }) => closedAt === null)
    const end = to + hours(1)
    for (let at = to; at < end; at += ONGOING_MS) {
      stream.add(ongoing({ city, from: at, faults: stream.faults() }))
      playTo(at + ONGOING_MS, at)
    }
    const expected = known(end).map(nameOf)
    const opened = rules.tickets()
    expect(opened.filter(ticket => !expected.includes(nameOf(ticket)))).toEqual([])
    expect(opened.length - before).toBeGreaterThan(10)
    const ids = new Set(openBefore.map(({ id }) => id))
    expect(opened.filter(({ id, closedAt }) => ids.has(id) && closedAt !== null).length).toBeGreaterThan(3)
  })
})
