import { expect, it } from 'vitest'
import { freshDatabase } from '#test/fixtures/database'

it('gives every test an empty database', async () => {
  const t = Date.now()
  const database = await freshDatabase()
  console.log(Date.now() - t)
  expect((await database.pool.query('select current_setting($1) as fsync', ['fsync'])).rows).toEqual([
    { fsync: 'on' }
  ])
  await database.drop()
  console.log(Date.now() - t)
})
