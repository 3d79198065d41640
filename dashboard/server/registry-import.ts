import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '#db/database'
import { IMPORT_CHUNK, findRecords, importRecords, type Imported, type RecordKey } from '#db/registry'
import type { ImportResult } from '#model/api'
import { isId } from '#model/ids'
import type { RegistryRecord } from '#model/registry'
import type { Millis } from '#model/time'
import { readCsv, type CsvRow } from './registry-csv.ts'
import { REGISTRY_TYPES, rankOf, recordOf, referencesOf } from './registry-row.ts'

type RowResult = ImportResult['rows'][number]

/**
 * Takes over every good row of a file; a broken one, and what refers to it, answers with its reason. Rows may come in
 * any order. Rejects with `invalid-csv` when the file as a whole cannot be read, then nothing is taken over; with
 * `database-away` when nothing could be stored.
 */
export async function importCsv({
  db,
  body,
  who,
  at
}: {
  db: Database
  body: Buffer
  who: string
  at: Millis
}): Promise<{ result: ImportResult; lastChange: number | undefined }> {
  const rows: CsvRow[] = []
  for await (const row of readCsv(body)) rows.push(row)

  const results = new Map<CsvRow, RowResult>()
  const fail = (row: CsvRow, error: string) =>
    results.set(row, { line: row.line, ok: false, id: row.cells.id, error })

  const good = await goodRecords(db, rows, fail)
  const counts = { created: 0, updated: 0, unchanged: 0 }
  let lastChange: number | undefined

  for (let i = 0; i < good.length; i += IMPORT_CHUNK) {
    const chunk = good.slice(i, i + IMPORT_CHUNK)
    let outcomes: Imported[]
    try {
      outcomes = await importRecords(db, { records: chunk.map(({ record }) => record), who, at })
    } catch (error) {
      if (i === 0) throw error
      // What is in stays in, and its secrets must be told: the rest says that it is not.
      for (const { row } of good.slice(i)) fail(row, 'not stored, the database failed: import this row again')
      break
    }
    chunk.forEach(({ row }, n) => {
      const { outcome, changeId, secret } = outcomes[n] as Imported
      counts[outcome]++
      lastChange = changeId ?? lastChange
      const told = { line: row.line, ok: true, id: row.cells.id }
      results.set(row, secret === undefined ? told : { ...told, secret })
    })
  }

  const { created, updated } = counts
  const answers = rows.map(row => results.get(row) as RowResult)
  const failed = answers.filter(answer => !answer.ok).length
  return { result: { created, updated, failed, rows: answers }, lastChange }
}

/** The records of the rows that are right, those that are referred to first. */
async function goodRecords(
  db: Database,
  rows: CsvRow[],
  fail: (row: CsvRow, error: string) => void
): Promise<{ row: CsvRow; record: RegistryRecord }[]> {
  const registered = await findRecords(db, rows.flatMap(keysIn))
  const lines = new Map<string, number>()
  const good: { row: CsvRow; record: RegistryRecord }[] = []
  let checked = 0
  for (const row of rows.toSorted((a, b) => rankOf(a.cells) - rankOf(b.cells))) {
    // A large file is a second of work: the broker next door has its turn meanwhile.
    if (++checked % 500 === 0) await nextTurn()
    const key = `${row.cells.type}:${row.cells.id}`
    const first = lines.get(key)
    const record =
      row.error !== undefined
        ? { error: row.error }
        : first !== undefined
          ? { error: `id: already in line ${first}` }
          : recordOf(row.cells, registered)
    if ('error' in record) {
      fail(row, record.error)
      continue
    }
    lines.set(key, row.line)
    registered.set(key, record)
    good.push({ row, record })
  }
  return good
}

/** Everything a row may be or refer to. */
function keysIn({ cells }: CsvRow): RecordKey[] {
  const own = REGISTRY_TYPES.filter(type => type === cells.type).map(type => ({ type, id: cells.id }))
  return [...own, ...referencesOf(cells)].filter(key => isId(key.id))
}
