import { readFile, rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { ImportResult, Problem } from '#model/api'
import { seconds, systemClock, type Millis } from '#model/time'
import { cityCsv } from './city-csv.ts'
import { makeCity, type City } from './city.ts'
import { plannedDays, playAlone, writeExpectation } from './expect.ts'
import { connectFleet } from './fleet.ts'
import { truthCity, truthStart } from './truth/setting.ts'

const HELP = `Plays a simulated city against a running Mingjie, live, until Ctrl-C.

  npm run sim -- --password <admin's password>
  npm run sim -- --seed 7 --facilities 500 --hours 48 --speed max --expect out.json

With --expect hard days happen to the city: of everything that can go wrong some, and the file says which tickets must
follow, how they end and what proves a claim, and which must not open. With --speed max announced work and changed rules
belong to it; without they begin now and are sent as they happen.

  --http <url>        where Mingjie answers       (http://127.0.0.1:8080)
  --mqtt <url>        its broker, mqtt or mqtts   (mqtt://127.0.0.1:1883)
  --username <name>   who imports the city        (admin)
  --password <text>   that account's password, or
  --token <text>      a bearer token instead
  --seed <integer>    which city                  (7)
  --scale <number>    1 is a whole district       (0.1)
  --facilities <n>    instead of the scale: about so many, with the large cabinets of a main road
  --hours <n>         so long the hard days last  (48)
  --speed <live|max>  live: in real time, the only time a running Mingjie knows  (live)
                      max: nothing is sent, only thought out, as fast as it goes
                      (60 times faster or so: npm run truth plays a system of its own on a played clock)
  --expect <file>     writes what must follow; its shape, version 2, is in firmware-sim/truth/file.ts
  --secrets <file>    keeps the devices' secrets between runs  (./sim-secrets.json)
  --help

The first run registers the city and writes the secrets file; a secret is shown once, so keep the file.`

/** What the person who called it can mend; everything else is a fault of ours and keeps its stack. */
class UsageError extends Error {}

function settings() {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const
  const { values } = parseArgs({
    options: {
      http: text('http://127.0.0.1:8080'),
      mqtt: text('mqtt://127.0.0.1:1883'),
      username: text('admin'),
      password: { type: 'string' },
      token: { type: 'string' },
      seed: text('7'),
      scale: text('0.1'),
      secrets: text('./sim-secrets.json'),
      facilities: { type: 'string' },
      hours: text('48'),
      speed: text('live'),
      expect: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  const seed = Number(values.seed)
  const scale = Number(values.scale)
  if (values.help) return undefined
  if (!Number.isInteger(seed)) throw new UsageError(`--seed ${values.seed} is not an integer`)
  if (!(scale > 0 && scale <= 1))
    throw new UsageError(`--scale ${values.scale} is not a number above 0 and up to 1`)
  const facilities = values.facilities === undefined ? undefined : Number(values.facilities)
  if (facilities !== undefined && !(facilities >= 50 && facilities <= 7400))
    throw new UsageError(`--facilities ${values.facilities} is not a number from 50 to 7400`)
  const hoursLong = Number(values.hours)
  if (!(hoursLong > 0 && hoursLong <= 240))
    throw new UsageError(`--hours ${values.hours} is not a number above 0 and up to 240`)
  if (values.speed !== 'live' && values.speed !== 'max')
    throw new UsageError(
      `--speed ${values.speed} is neither live nor max. A running Mingjie lives in real time, and refuses devices whose clocks run ` +
        'ahead: nothing can be sent faster. For a time that is played fast, on a system of its own: npm run truth'
    )
  const given = { ...values, seed, scale, facilities, hoursLong }
  if (values.speed === 'max') {
    if (values.expect === undefined)
      throw new UsageError('--speed max needs --expect <file>: it sends nothing')
    return given
  }
  for (const url of [values.http, values.mqtt])
    if (!URL.canParse(url)) throw new UsageError(`${url} is not a URL`)
  if (!values.token && !values.password)
    throw new UsageError('--password or --token is needed to import the city')
  return given
}
type Settings = NonNullable<ReturnType<typeof settings>>

async function ask(url: URL, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((cause: Error) => {
    throw new UsageError(`${url.origin} does not answer: is Mingjie running there?`, { cause })
  })
  if (response.ok) return response
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined
  const words = problem ? [problem.title, problem.detail].filter(Boolean).join(': ') : response.statusText
  throw new UsageError(`${init.method} ${url.pathname} was refused (${response.status}): ${words}`)
}

async function credentials({ http, username, password, token }: Settings): Promise<Record<string, string>> {
  if (token) return { authorization: `Bearer ${token}` }
  const response = await ask(new URL('/api/session', http), {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: new URL(http).origin },
    body: JSON.stringify({ username, password })
  })
  const cookies = response.headers.getSetCookie().map(cookie => cookie.split(';')[0])
  return { cookie: cookies.join('; '), origin: new URL(http).origin }
}

async function importCity(settings: Settings, city: City): Promise<ImportResult> {
  const response = await ask(new URL('/api/import', settings.http), {
    method: 'POST',
    headers: { 'content-type': 'text/csv', ...(await credentials(settings)) },
    body: cityCsv(city)
  })
  const result = (await response.json()) as ImportResult
  const bad = result.rows.find(row => !row.ok)
  if (bad)
    throw new UsageError(
      `${result.failed} rows were not imported; line ${bad.line} (${bad.id}): ${bad.error}`
    )
  return result
}

async function readSecrets(file: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, string>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new UsageError(`${file} cannot be read as a secrets file: ${(error as Error).message}`)
  }
}

/** Readable by its owner only, and never half written: secrets cannot be asked for again. */
async function writeSecrets(file: string, secrets: Record<string, string>): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

const cityOf = ({ seed, scale, facilities }: Settings): City =>
  facilities === undefined ? makeCity({ seed, scale }) : truthCity({ seed, facilities })

/** Writes what must follow from the hard days that begin at `from`. */
async function expect(settings: Settings & { expect: string }, city: City, from: Millis) {
  const { seed, hoursLong, expect: file } = settings
  const days = plannedDays({ city, from, hoursLong, office: settings.speed === 'max' })
  await writeExpectation(file, seed, days).catch((error: Error) => {
    throw new UsageError(`${file} cannot be written: ${error.message}`)
  })
  const { must, may, mustNot } = days.expectation
  console.log(
    `${days.played.faults.length} things go wrong with ${city.facilities.length} facilities in ${hoursLong} h: ` +
      `${must.length} tickets must follow, ${may.length} may, ${mustNot.length} must not; written to ${file}`
  )
  return days.played
}

async function run(settings: Settings): Promise<void> {
  const city = cityOf(settings)
  if (settings.speed === 'max') {
    const played = await expect(
      { ...settings, expect: settings.expect as string },
      city,
      truthStart(settings.seed)
    )
    const { messages, readings } = playAlone({ played, say: console.log })
    return console.log(`played: ${messages} messages with ${readings} readings`)
  }
  const secrets = await readSecrets(settings.secrets)
  const result = await importCity(settings, city)
  const told = result.rows.filter(row => row.secret !== undefined)
  for (const { id, secret } of told) secrets[id] = secret as string
  if (told.length > 0) await writeSecrets(settings.secrets, secrets)
  console.log(`city imported: ${result.created} created, ${result.updated} updated`)

  const lost = city.devices.filter(({ id, gateway }) => gateway === null && !secrets[id]).length
  if (lost > 0) {
    throw new UsageError(
      `${lost} devices were registered before and their secrets are not in ${settings.secrets}: ` +
        'pass the --secrets file of the run that registered them'
    )
  }
  const from = systemClock.now()
  const { expect: file } = settings
  const hard = file === undefined ? undefined : await expect({ ...settings, expect: file }, city, from)
  const fleet = await connectFleet({
    city,
    url: settings.mqtt,
    secrets: new Map(Object.entries(secrets)),
    from,
    faults: hard?.faults ?? [],
    log: console.log
  }).catch((error: Error) => {
    throw new UsageError(error.message, { cause: error })
  })
  console.log(`${fleet.counts().connected} devices connected to ${settings.mqtt}; Ctrl-C ends`)
  fleet.live(systemClock, { troubles: !hard })
  const report = setInterval(() => {
    const { connected, acknowledged, dropped } = fleet.counts()
    console.log(`${connected} connected, ${acknowledged} reports acknowledged, ${dropped} given up`)
  }, seconds(60))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      clearInterval(report)
      void fleet.close()
    })
  }
}

try {
  const given = settings()
  if (given) await run(given)
  else console.log(HELP)
} catch (error) {
  const theirs =
    error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
  console.error(theirs ? `${(error as Error).message}\nnpm run sim -- --help tells more` : error)
  process.exitCode = 1
}
