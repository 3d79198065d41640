import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '#db/database'
import type { Journal } from '#db/journal'
import { leveldbJournal } from '#db/journal-leveldb'
import { tick } from '#db/journal-ticks'
import { importRecords } from '#db/registry'
import { checkpoints, episodes, quarantine, ticketEvents, tickets } from '#db/schema'
import { hours, minutes, systemClock } from '#model/time'
import { makeCity } from '#sim/city'
import { drivenClock } from '#sim/driven-clock'
import { plan } from '#sim/plan'
import { payloadOf, reportStream } from '#sim/reports'
import { migratedDatabase } from '#test/fixtures/database'
import { startDeciding } from '#test/fixtures/state-world'

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
  const { pool, db, drop } = await migratedDatabase()
  try {
    const records = [...city.areas, ...city.roads, ...city.facilities, ...city.devices]
    await importRecords(db, { records, who: 'test', at: FROM })
    const head = journal.head()
    for (let run = 0; run <= options.restarts; run++) {
      if (options.forgetCheckpoints) await db.delete(checkpoints)
      await runUntil(pool, Math.ceil((head * (run + 1)) / (options.restarts + 1)), options.batchBytes)
    }
    return await everythingIn(db)
  } finally {
    await drop()
  }
}

async function runUntil(pool: Pool, seq: number, batchBytes: number) {
  const consumer = await startDeciding({
    ...{ journal, pool, clock: systemClock, batchBytes },
    onFatal: error => {
      throw error
    }
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
