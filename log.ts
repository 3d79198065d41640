type Details = object

export interface Log {
  info(details: Details, text: string): void
  warn(details: Details, text: string): void
  error(details: Details, text: string): void
}

/** One line a message: time, level, text, then what `details` adds. Errors show their message and code, no stack. */
export function createLog(write: (line: string) => void = line => process.stderr.write(`${line}\n`)): Log {
  const at = (level: string) => (details: Details, text: string) =>
    write(`${new Date().toISOString()} ${level} ${text}${wordsOf(details)}`)
  return { info: at('info '), warn: at('warn '), error: at('error') }
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} }

function wordsOf(details: Details): string {
  const words = Object.entries(details).map(([key, value]) => `${key}=${wordOf(value)}`)
  return words.length > 0 ? ` · ${words.join(' ')}` : ''
}

function wordOf(value: unknown): string {
  if (value instanceof Error) {
    const cause = value.cause === undefined ? '' : ` ← ${wordOf(value.cause)}`
    return `${'code' in value ? `${String(value.code)}: ` : ''}${value.message}${cause}`
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}
