import { expect, it } from 'vitest'
import { freshDatabase } from '#test/fixtures/database'
import { startTestSystem } from '#test/fixtures/system'

it('tells the rules the city’s clock before anything comes in, once, and a restart knows it from the changes', async () => {
  const database = await freshDatabase()
  const city = await startTestSystem({ databaseUrl: database.url })
  try {
    const told = async () => {
      const { rows } = await database.pool.query<{ who: string; body: object; refused: string | null }>(
        `select who, body, refused from changes where kind = 'city' and applied_no is not null`
      )
      return rows
    }
    expect(city.system.ingest.rules.timeZone()).toBe('Asia/Shanghai')
    const once = [{ who: 'system', body: { kind: 'city', timeZone: 'Asia/Shanghai' }, refused: null }]
    expect(await told()).toEqual(once)
    await city.restart()
    expect(city.system.ingest.rules.timeZone()).toBe('Asia/Shanghai')
    expect(await told()).toEqual(once)
  } finally {
    await city.close()
    await database.drop()
  }
})
