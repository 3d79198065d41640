import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOn, type Database } from '#db/database'
import type { Journal } from '#db/journal'
import { leveldbJournal } from '#db/journal-leveldb'
import { tick } from '#db/journal-ticks'
import { migrateDatabase } from '#db/migrate'
import { importRecords } from '#db/registry'
import { checkpoints, episodes, quarantine, ticketEvents, tickets } from '#db/schema'
import { postgresStateStore } from '#db/state-store'
import { noEffects } from '#ingest/effects'
import { normaliseBatch } from '#ingest/normalise'
import { createDecisions } from '#ingest/decisions'
import { startStateConsumer } from '#ingest/state-consumer'
import { DEFAULT_RULES } from '#model/default-rules'
import { hours, minutes, systemClock } from '#model/time'
import { makeCity } from '#sim/city'
import { drivenClock } from '#sim/driven-clock'
import { plan } from '#sim/plan'
import { payloadOf, reportStream } from '#sim/reports'
import { freshDatabase } from '#test/fixtures/database'

/** Ends in the night, so that lamps are judged too. */
const TO = Date.parse('2026-03-10T15:00:00Z')
const FROM = TO - hours(24)
const city = makeCity({ seed: 3, scale: 0.05 })

let folder: string
let journal: Journal

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mingjie-replay-'))
  const clock = drivenClock(FROM, systemClock)
  journal = await leveldbJournal({ dir: folder, clock })
  await journal.append(tick(minutes(2)))
  const stream = reportStream({ city, from: FROM, faults: plan({ city, from: FROM, to: TO }) })
  for (let at = FROM + minutes(2); at <= TO; at += minutes(2)) {
    clock.set(at)
    const entries = stream.until(at).map(report => ({
      kind: 'telemetry' as const,
      deviceId: report.device,
      payload: Buffer.from(payloadOf(report))
    }))
    await Promise.all([...entries, tick(minutes(2))].map(entry => journal.append(entry)))
  }
})
afterAll(async () => {
  await journal.close()
  await rm(folder, { recursive: true })
})

/** Takes the whole journal through the rules on a database of its own, stopping and starting on the way. */
async function decide(options: { batchBytes: number; restarts: number; forgetCheckpoints?: boolean }) {
  const { pool, drop } = await freshDatabase()
  try {
    await migrateDatabase(pool)
    const db = databaseOn(pool)
    const records = [...city.areas, ...city.roads, ...city.facilities, ...city.devices]
    await importRecords(db, { records, who: 'test', at: FROM })
    const head = journal.head()
    for (let run = 0; run <= options.restarts; run++) {
      if (options.forgetCheckpoints) await db.delete(checkpoints)
      await runUntil(db, pool, Math.ceil((head * (run + 1)) / (options.restarts + 1)), options.batchBytes)
    }
    return await everythingIn(db)
  } finally {
    await drop()
  }
}

async function runUntil(
  db: Database,
  pool: Parameters<typeof postgresStateStore>[0],
  seq: number,
  batchBytes: number
) {
  const effects = { current: noEffects() }
  const { registry, crews, desk, engine } = createDecisions({
    rules: DEFAULT_RULES,
    effects: () => effects.current
  })
  const consumer = await startStateConsumer({
    journal,
    store: postgresStateStore(pool),
    engine,
    desk,
    registry,
    crews,
    effects,
    normalise: records => normaliseBatch(records, registry),
    onBatch: () => {},
    onFatal: error => {
      throw error
    },
    clock: systemClock,
    log: () => {},
    batchBytes
  })
  while (consumer.committed() < seq) await new Promise(resolve => setTimeout(resolve, 5))
  await consumer.close()
}

async function everythingIn(db: Database) {
  return {
    tickets: await db.select().from(tickets).orderBy(tickets.id),
    events: await db.select().from(ticketEvents).orderBy(ticketEvents.ticket, ticketEvents.no),
    episodes: await db.select().from(episodes).orderBy(episodes.id),
    quarantine: await db.select().from(quarantine).orderBy(quarantine.seq, quarantine.no)
  }
}

describe('one journal', () => {
  it('gives identical episodes, tickets and quarantine in three batchings, with restarts between', async () => {
    const whole = await decide({ batchBytes: 8_000_000, restarts: 0 })
    expect(whole.tickets.length).toBeGreaterThan(10)
    expect(new Set(whole.tickets.map(ticket => ticket.rule)).size).toBeGreaterThan(4)

    const small = await decide({ batchBytes: 30_000, restarts: 6 })
    expect(small).toEqual(whole)

    const withoutCheckpoints = await decide({ batchBytes: 400_000, restarts: 3, forgetCheckpoints: true })
    expect(withoutCheckpoints).toEqual(whole)
  })
})
