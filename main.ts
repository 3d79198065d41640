import { AppError } from '#model/errors'
import { buildPageIfStale } from './scripts/build-page.ts'
import { ENVIRONMENT, readConfig, type Config } from './config.ts'
import { startDemo } from './demo.ts'
import { startSystem, type System } from './system.ts'

const HELP = `Mingjie 明洁 — monitors a city's sanitation facilities.

  npm start          the live system
  npm run demo       the same with a simulated district; its first start plays the last day of it, or with
                     npm run demo -- --days 30   so many days, 1 to 30: 10 to 30 seconds for each

Set by the environment:
${wrapped(Object.keys(ENVIRONMENT))}
docs/operations.md says what each means.
Ctrl-C stops everything in order; the data is there at the next start.`

/** Longer than any part takes to end; whoever waits this long has a stuck part, and the data is safe on disk. */
const STOP_WITHIN_MS = 30_000

async function main(): Promise<void> {
  const words = process.argv.slice(2)
  if (words.includes('--help') || words.includes('-h')) return console.log(HELP)
  const demo = words.includes('--demo')
  const { daysLong, unknown } = demoDays(words.filter(word => word !== '--demo'))
  if (unknown.length > 0 || (daysLong !== undefined && !demo))
    throw new AppError(
      'config-invalid',
      `I do not know "${(unknown[0] ? unknown : words).join(' ')}". Try --help.`
    )

  const config = readConfig(process.env)
  const stopping = new AbortController()
  /** Resolves when the parts are built: what stops before then waits for them, or Postgres would be left running. */
  let started: Promise<{ system: System; close(): Promise<void> } | undefined> = Promise.resolve(undefined)
  let code = 0

  const stop = (): void => {
    if (stopping.signal.aborted) return
    stopping.abort()
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
    console.log('\nStopping: taking no more messages, finishing what is here …')
    void started
      .then(running => running?.close())
      .catch((error: unknown) => {
        code = 1
        console.error(String(error))
      })
      .then(() => {
        console.log('Stopped. The data is in', config.dataDir)
        process.exit(code)
      })
  }
  const onFatal = (error: Error): void => {
    console.error(`\nStopping, because going on would do harm: ${error.message}`)
    code = 1
    stop()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)

  await buildPageIfStale()
  if (stopping.signal.aborted) return
  const running = demo
    ? startDemo({
        config,
        onFatal,
        signal: stopping.signal,
        say: line => console.log(line),
        daysLong: daysLong ?? 1
      })
    : startLive({ config, onFatal, signal: stopping.signal })
  started = running.catch(unlessStopped)
  const { system } = (await started) ?? {}
  // Also when stopping already, if there is a password to tell: it is told once.
  if (system && (!stopping.signal.aborted || system.adminSecret)) greet(system)
}

/** Less than raw readings are kept, or the first of them would go at once. */
const MOST_DEMO_DAYS = 30

/** How much of the past the demo is to play, and the words that say something else. */
function demoDays(words: readonly string[]): { daysLong: number | undefined; unknown: string[] } {
  const at = words.findIndex(word => word === '--days' || word.startsWith('--days='))
  if (at < 0) return { daysLong: undefined, unknown: [...words] }
  const inOne = words[at] !== '--days'
  const text = (inOne ? words[at]?.slice('--days='.length) : words[at + 1]) ?? ''
  const daysLong = Number(text)
  if (text === '' || !Number.isInteger(daysLong) || daysLong < 1 || daysLong > MOST_DEMO_DAYS)
    throw new AppError(
      'config-invalid',
      `--days "${text}" is not a whole number from 1 to ${MOST_DEMO_DAYS}.`
    )
  return { daysLong, unknown: words.filter((_, i) => i !== at && (inOne || i !== at + 1)) }
}

/** A start that waited for its database and was told to stop has nothing to close and no fault. */
function unlessStopped(error: Error): undefined {
  if (error.name !== 'AbortError') throw error
}

async function startLive(options: { config: Config; onFatal: (error: Error) => void; signal: AbortSignal }) {
  const system = await startSystem(options)
  system.keepTicking()
  return { system, close: () => system.close() }
}

function greet({ httpUrl, mqttUrl, mqttsUrl, broker, adminSecret }: System): void {
  const devices = [broker.address.port > 0 && mqttUrl, mqttsUrl].filter(Boolean).join('  ')
  const secret = adminSecret ? `\n  Sign in     admin  ${adminSecret}   (shown this once; keep it)` : ''
  console.log(`\nMingjie 明洁 is ready.\n  Page        ${httpUrl}\n  Devices     ${devices}${secret}\n`)
}

function wrapped(names: string[]): string {
  return names
    .join(', ')
    .replace(/(.{1,110})(?: |$)/g, '  $1\n')
    .trimEnd()
}

function portTaken(error: unknown): string | undefined {
  const { code, port } = error as { code?: string; port?: number }
  if (code !== 'EADDRINUSE') return undefined
  return `Port ${port} is taken by another program: stop that one, or set HTTP_PORT, MQTT_PORT or MQTT_TLS_PORT to a free one.`
}

main().catch((error: unknown) => {
  console.error(error instanceof AppError ? error.message : (portTaken(error) ?? error))
  process.exit(1)
})
