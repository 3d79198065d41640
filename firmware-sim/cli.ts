import { readFile, rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { ImportResult } from '#model/api'
import { asking, signIn, UsageError, type Ask } from './api.ts'
import { cityCsv } from './city-csv.ts'
import { makeCity, type City } from './city.ts'
import { hireOverHttp } from './crews/hire.ts'
import { plannedDays, playAlone, writeExpectation } from './expect.ts'
import { judge } from './judge.ts'
import { playLive } from './live.ts'
import { truthCity, truthStart } from './truth/setting.ts'

const HELP = `Plays a simulated city against a running Mingjie, live, until Ctrl-C.

  npm run sim -- --password <admin's password>
  npm run sim -- --password <…> --facilities 200 --hours 0.3 --crews --expect out.json
  npm run sim -- --password <…> --judge out.json
  npm run sim -- --seed 7 --facilities 500 --hours 48 --speed max --expect out.json

With --expect hard days happen to the city: of everything that can go wrong some, and the file says which tickets must
follow, how they end and what proves a claim, and which must not open. In less than six hours only what can be seen to
be over in a quarter of an hour goes wrong. It ends when the hours are over, or with Ctrl-C: then the file is written
again, with all that was not planned.

With --crews people work the tickets over the API: an operator sends crews, crews travel, repair the city and claim, one in
eight without having been there, one in ten without signal; an inspector looks where no sensor can tell; cleaners scan.
In less than six hours they hurry, up to ten times. What they did is in the last file, and how each ticket ends after it.

The program away: live, the simulator notices by its devices' connections that it went and came back, and writes the file
again with that time counted: no hold and no silence runs through it. Stop it, kill it, start it again, and judge.
With --speed max one stop of forty minutes (in twelve hours or more), announced work and changed rules are part of the file:
what must and must not follow is said as if somebody stopped the program then, entered the work and changed the rules.

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
  --expect <file>     writes what must follow; its shape, version 3, is in firmware-sim/truth/file.ts
  --crews             people work the tickets; --username makes their accounts (sim-desk, sim-inspector, sim-bins, …) and
                      crews, or gives their accounts new passwords
  --people <file>     JSON of user name and password, if those accounts are there already and keep theirs
  --judge <file>      plays nothing: compares the tickets of a Mingjie that holds this city alone with a file of --expect,
                      prints how each rule did, and ends with 1 if a ticket, an end or a claim is wrong
  --secrets <file>    keeps the devices' secrets between runs  (./sim-secrets.json)
  --help

The first run registers the city and writes the secrets file; a secret is shown once, so keep the file.`

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
      crews: { type: 'boolean', default: false },
      people: { type: 'string' },
      judge: { type: 'string' },
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
  if (values.people !== undefined && !values.crews)
    throw new UsageError('--people is of --crews: without, nobody works')
  if (values.speed === 'max') {
    if (values.expect === undefined)
      throw new UsageError('--speed max needs --expect <file>: it sends nothing')
    if (values.crews || values.judge !== undefined)
      throw new UsageError('--speed max asks nobody: leave --crews and --judge out')
    return given
  }
  for (const url of [values.http, values.mqtt])
    if (!URL.canParse(url)) throw new UsageError(`${url} is not a URL`)
  if (!values.token && !values.password) throw new UsageError('--password or --token is needed')
  return given
}
type Settings = NonNullable<ReturnType<typeof settings>>

const asThem = async ({ http, username, password, token }: Settings): Promise<Ask> =>
  asking(
    http,
    token ? { authorization: `Bearer ${token}` } : await signIn(http, username, password as string)
  )

async function importCity(ask: Ask, city: City): Promise<ImportResult> {
  const result = await ask<ImportResult>('/api/import', { method: 'POST', body: cityCsv(city) })
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

async function thinkOut(settings: Settings, file: string): Promise<void> {
  const { seed, hoursLong } = settings
  const city = cityOf(settings)
  const days = plannedDays({ city, from: truthStart(seed), hoursLong, thought: true })
  await writeExpectation(file, { seed, ...days })
  const { must, may, mustNot } = days.expectation
  console.log(
    `${days.played.faults.length} things go wrong with ${city.facilities.length} facilities in ${hoursLong} h: ` +
      `${must.length} tickets must follow, ${may.length} may, ${mustNot.length} must not; written to ${file}`
  )
  const { messages, readings } = playAlone({ played: days.played, say: console.log })
  console.log(`played: ${messages} messages with ${readings} readings`)
}

/** The secrets of the city's devices: of this registration, or of an earlier one. */
async function register(settings: Settings, ask: Ask, city: City): Promise<Map<string, string>> {
  const secrets = await readSecrets(settings.secrets)
  const result = await importCity(ask, city)
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
  return new Map(Object.entries(secrets))
}

async function run(settings: Settings): Promise<boolean> {
  if (settings.speed === 'max') {
    await thinkOut(settings, settings.expect as string)
    return true
  }
  const ask = await asThem(settings)
  if (settings.judge !== undefined) {
    const { lines, right } = await judge(settings.judge, ask)
    for (const line of lines) console.log(line)
    return right
  }
  const city = cityOf(settings)
  const secrets = await register(settings, ask, city)
  const passwords = settings.people === undefined ? undefined : await readSecrets(settings.people)
  const staff = settings.crews ? await hireOverHttp({ url: settings.http, ask, passwords }) : undefined
  try {
    const { seed, hoursLong, expect: file } = settings
    const live = await playLive({
      city,
      url: settings.mqtt,
      secrets,
      expect: file === undefined ? undefined : { file, seed, hoursLong },
      desk: staff?.desk,
      say: console.log
    }).catch((error: Error) => {
      throw error instanceof UsageError ? error : new UsageError(error.message, { cause: error })
    })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => live.close())
    await live.ended
  } finally {
    await staff?.leave()
  }
  return true
}

try {
  const given = settings()
  if (!given) console.log(HELP)
  else if (!(await run(given))) process.exitCode = 1
} catch (error) {
  const theirs =
    error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
  console.error(theirs ? `${(error as Error).message}\nnpm run sim -- --help tells more` : error)
  process.exitCode = 1
}
