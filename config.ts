import { resolve } from 'node:path'
import type { InfluxAddress } from '#db/telemetry/influx/server'
import { AppError } from '#model/errors'

export interface Config {
  http: { host: string; port: number }
  mqtt: { host: string; port: number }
  dataDir: string
  /** Undefined: the embedded Postgres. */
  databaseUrl: string | undefined
  /** Undefined: Postgres keeps telemetry. */
  influx: InfluxAddress | undefined
  /** First start only. */
  adminPassword: string | undefined
  timeZone: string
}

/** What may be set, with its default; what each means is in docs/operations.md. */
export const ENVIRONMENT = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '8080',
  MQTT_HOST: '127.0.0.1',
  MQTT_PORT: '1883',
  DATA_DIR: './data',
  DATABASE_URL: '',
  INFLUX_URL: '',
  INFLUX_TOKEN: '',
  INFLUX_ORG: '',
  INFLUX_BUCKET: 'mingjie',
  ADMIN_PASSWORD: '',
  CITY_TZ: 'Asia/Shanghai'
} as const
type Name = keyof typeof ENVIRONMENT

/** Reads the environment; throws `config-invalid` naming everything that is wrong with it and the fix, all at once. */
export function readConfig(env: Partial<Record<string, string>>): Config {
  const faults: string[] = []
  const get = (name: Name): string => env[name]?.trim() || ENVIRONMENT[name]
  const port = (name: 'HTTP_PORT' | 'MQTT_PORT'): number => {
    const number = Number(get(name))
    if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number
    faults.push(`${name}="${get(name)}" is no port: use a whole number from 1 to 65535 (0 takes a free one).`)
    return 0
  }
  const databaseUrl = get('DATABASE_URL')
  if (databaseUrl && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    faults.push(
      'DATABASE_URL must begin with postgres:// or postgresql://; leave it out for the embedded database.'
    )
  }
  const influx = readInflux(env, faults)
  const adminPassword = get('ADMIN_PASSWORD')
  if (adminPassword && adminPassword.length < 8) {
    faults.push(
      'ADMIN_PASSWORD is too short: use at least 8 characters, or leave it out to get a random one.'
    )
  }
  const timeZone = get('CITY_TZ')
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    faults.push(`CITY_TZ="${timeZone}" is no time zone: use an IANA name such as Asia/Shanghai.`)
  }
  const config: Config = {
    http: { host: get('HTTP_HOST'), port: port('HTTP_PORT') },
    mqtt: { host: get('MQTT_HOST'), port: port('MQTT_PORT') },
    dataDir: resolve(get('DATA_DIR')),
    databaseUrl: databaseUrl || undefined,
    influx,
    adminPassword: adminPassword || undefined,
    timeZone
  }
  if (config.http.port !== 0 && config.http.port === config.mqtt.port) {
    faults.push(`HTTP_PORT and MQTT_PORT are both ${config.http.port}: give each its own.`)
  }
  if (faults.length > 0) throw new AppError('config-invalid', faults.join('\n'))
  return config
}

function readInflux(env: Partial<Record<string, string>>, faults: string[]): InfluxAddress | undefined {
  const get = (name: Name): string => env[name]?.trim() || ENVIRONMENT[name]
  const url = get('INFLUX_URL').replace(/\/+$/, '')
  if (!url) {
    const alone = (['INFLUX_TOKEN', 'INFLUX_ORG', 'INFLUX_BUCKET'] as const).filter(name => env[name]?.trim())
    if (alone.length > 0) {
      faults.push(
        `${alone.join(', ')} without INFLUX_URL: set it too, or leave all out to keep telemetry in Postgres.`
      )
    }
    return undefined
  }
  if (!isPlainHttpUrl(url)) {
    faults.push(
      'INFLUX_URL must be like http://127.0.0.1:8086, without user, query or fragment; who we are goes into INFLUX_TOKEN, for InfluxDB 1.x as user:password.'
    )
  }
  return {
    url,
    token: get('INFLUX_TOKEN') || undefined,
    org: get('INFLUX_ORG') || undefined,
    bucket: get('INFLUX_BUCKET')
  }
}

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username + search + hash === ''
}
