import { afterAll, beforeAll, expect, it } from 'vitest'
import { databaseOn } from '#db/database'
import { migrateDatabase } from '#db/migrate'
import { notifications } from '#db/schema'
import { postgresStateStore } from '#db/state-store'
import { days, type Millis } from '#model/time'
import { freshDatabase } from '#test/fixtures/database'

const NOW = Date.parse('2026-11-02T04:00:00Z')
let database: Awaited<ReturnType<typeof freshDatabase>>

beforeAll(async () => {
  database = await freshDatabase()
  await migrateDatabase(database.pool)
})
afterAll(() => database.drop())

it('forgets who was told what long ago, read or not', async () => {
  const db = databaseOn(database.pool)
  const told = (id: string, at: Millis, readAt: Millis | null) => ({
    id,
    addressee: 'role:operator',
    kind: 'colour',
    ticket: 't-1',
    at,
    readAt
  })
  await db
    .insert(notifications)
    .values([
      told('old', NOW - days(36), null),
      told('old-read', NOW - days(36), NOW),
      told('new', NOW - days(34), null)
    ])
  await postgresStateStore(database.pool).tidy(NOW - days(35))
  expect(await db.select({ id: notifications.id }).from(notifications)).toEqual([{ id: 'new' }])
})
