import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CsvError, parse } from 'csv-parse'
import { AppError } from '#model/errors'

export const COLUMNS = ['type', 'id', 'parent', 'name', 'kind', 'lat', 'lon', 'attributes'] as const
export type Cells = Record<(typeof COLUMNS)[number], string>

export interface CsvRow {
  /** Of the file, the header being line 1. */
  line: number
  cells: Cells
  /** The row does not fit the header. */
  error?: string
}

const MAX_ROW_BYTES = 64 * 1024
const SLICE_LENGTH = 64 * 1024

/**
 * The rows of an import file, as UTF-8 or, what Excel writes in China, GB 18030. Others have their turn between slices, so that
 * a large file does not hold up the process. Rejects with `invalid-csv` and the line where it cannot be read on.
 */
export async function* readCsv(body: Buffer): AsyncGenerator<CsvRow> {
  const parser = Readable.from(slicesOf(textOf(body))).pipe(
    parse({
      bom: true,
      info: true,
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: MAX_ROW_BYTES
    })
  )
  let header: (keyof Cells | '')[] | undefined
  try {
    for await (const entry of parser) {
      const { record: cells, info } = entry as { record: string[]; info: { lines: number } }
      // Not left to the parser: it would take a space before a quote in unquoted JSON for the start of a quoted cell.
      const record = cells.map(cell => cell.trim())
      if (!header) header = headerOf(record)
      else if (record.some(cell => cell !== '')) yield rowOf(header, record, info.lines)
    }
  } catch (error) {
    if (error instanceof CsvError) throw new AppError('invalid-csv', error.message, { cause: error })
    throw error
  }
  if (!header) throw new AppError('invalid-csv', `The file is empty. Its first line is ${COLUMNS.join(',')}.`)
}

function headerOf(names: string[]): (keyof Cells | '')[] {
  const header = names.map(name => name.toLowerCase() as keyof Cells | '')
  const unknown = header.filter(name => name !== '' && !COLUMNS.includes(name))
  const missing = (['type', 'id'] as const).filter(name => !header.includes(name))
  const twice = header.filter((name, i) => name !== '' && header.indexOf(name) !== i)
  const faults = [
    ...unknown.map(name => `unknown column "${name}"`),
    ...missing.map(name => `no column "${name}"`),
    ...twice.map(name => `column "${name}" twice`)
  ]
  if (faults.length === 0) return header
  throw new AppError('invalid-csv', `Line 1: ${faults.join(', ')}. The columns are ${COLUMNS.join(',')}.`)
}

function rowOf(header: (keyof Cells | '')[], record: string[], line: number): CsvRow {
  const cells = Object.fromEntries(COLUMNS.map(name => [name, record[header.indexOf(name)] ?? ''])) as Cells
  if (!record.slice(header.length).some(cell => cell !== '')) return { line, cells }
  return {
    line,
    cells,
    error: `${record.length} cells under ${header.length} columns: quote attributes as "{""name"": …}"`
  }
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return new TextDecoder('gb18030').decode(body)
  }
}

async function* slicesOf(text: string): AsyncGenerator<string> {
  for (let i = 0; i < text.length; i += SLICE_LENGTH) {
    yield text.slice(i, i + SLICE_LENGTH)
    await nextTurn()
  }
}
