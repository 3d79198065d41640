import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { InfluxAddress } from '#db/telemetry/influx/requests'
import { AppError } from '#model/errors'
import { isProxyRange } from '#server/trusted-proxies'

export interface Config {
  /** HTTPS when `tls` is set. */
  http: { host: string; port: number }
  /** `port` undefined: only over TLS. */
  mqtt: { host: string; port: number | undefined; tlsPort?: number | undefined }
  tls?: TlsFiles | undefined
  dataDir: string
  /** Undefined: the embedded Postgres. */
  databaseUrl: string | undefined
  /** Undefined: Postgres keeps telemetry. */
  influx: InfluxAddress | undefined
  /** First start only. */
  adminPassword: string | undefined
  /** Undefined: yes. */
  backupBeforeMigration?: boolean
  timeZone: string
  /** People without an account may report; undefined: they may not. */
  publicReports?: boolean
  /** Addresses and networks of reverse proxies on other machines; undefined: none. */
  trustedProxies?: string[]
}

export interface TlsFiles {
  certFile: string
  keyFile: string
  /** Devices on the TLS port must show a certificate of this authority. */
  caFile?: string | undefined
}

/** What may be set, with its default; what each means is in docs/operations.md. */
export const ENVIRONMENT = {
  HTTP_HOST: '127.0.0.1',
  HTTP_PORT: '8080',
  MQTT_HOST: '127.0.0.1',
  MQTT_PORT: '1883',
  MQTT_TLS_PORT: '',
  TLS_CERT_FILE: '',
  TLS_KEY_FILE: '',
  TLS_CA_FILE: '',
  DATA_DIR: './data',
  DATABASE_URL: '',
  DATABASE_URL_FILE: '',
  INFLUX_URL: '',
  INFLUX_TOKEN: '',
  INFLUX_TOKEN_FILE: '',
  INFLUX_ORG: '',
  INFLUX_BUCKET: 'mingjie',
  ADMIN_PASSWORD: '',
  ADMIN_PASSWORD_FILE: '',
  BACKUP_BEFORE_MIGRATION: 'on',
  CITY_TZ: 'Asia/Shanghai',
  PUBLIC_REPORTS: 'off',
  TRUSTED_PROXY: ''
} as const
type Name = keyof typeof ENVIRONMENT

/** Reads the environment; throws `config-invalid` naming everything that is wrong with it and the fix, all at once. */
export function readConfig(given: Env): Config {
  const faults: string[] = []
  const env = withSecretsFromFiles(given, faults)
  const get = (name: Name): string => env[name]?.trim() || ENVIRONMENT[name]
  const port = (name: 'HTTP_PORT' | 'MQTT_PORT' | 'MQTT_TLS_PORT'): number => {
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
  const tls = readTls(env, faults)
  const tlsPort = get('MQTT_TLS_PORT') ? port('MQTT_TLS_PORT') : undefined
  const plainOff = get('MQTT_PORT') === 'off'
  if (plainOff && tlsPort === undefined) {
    faults.push('MQTT_PORT=off leaves devices no door: set MQTT_TLS_PORT, or a port.')
  }
  const adminPassword = get('ADMIN_PASSWORD')
  if (adminPassword && adminPassword.length < 8) {
    faults.push(
      'ADMIN_PASSWORD is too short: use at least 8 characters, or leave it out to get a random one.'
    )
  }
  const backup = get('BACKUP_BEFORE_MIGRATION')
  if (backup !== 'on' && backup !== 'off') {
    faults.push(`BACKUP_BEFORE_MIGRATION="${backup}" is neither on nor off: leave it out to have one.`)
  }
  const publicReports = get('PUBLIC_REPORTS')
  if (publicReports !== 'on' && publicReports !== 'off') {
    faults.push(`PUBLIC_REPORTS="${publicReports}" is neither on nor off: leave it out to keep them off.`)
  }
  const timeZone = get('CITY_TZ')
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    faults.push(`CITY_TZ="${timeZone}" is no time zone: use an IANA name such as Asia/Shanghai.`)
  }
  const trustedProxies = get('TRUSTED_PROXY')
    .split(/[\s,]+/)
    .filter(Boolean)
  const untrue = trustedProxies.filter(one => !isProxyRange(one))
  if (untrue.length > 0) {
    faults.push(
      `TRUSTED_PROXY="${untrue.join(', ')}" is no address and no network of a proxy: use one such as 10.0.0.5 or 172.18.0.0/16, several with commas, or leave it out.`
    )
  }
  const config: Config = {
    http: { host: get('HTTP_HOST'), port: port('HTTP_PORT') },
    mqtt: { host: get('MQTT_HOST'), port: plainOff ? undefined : port('MQTT_PORT'), tlsPort },
    tls,
    dataDir: resolve(get('DATA_DIR')),
    databaseUrl: databaseUrl || undefined,
    influx,
    adminPassword: adminPassword || undefined,
    backupBeforeMigration: backup !== 'off',
    timeZone,
    publicReports: publicReports === 'on',
    trustedProxies
  }
  const ports = { HTTP_PORT: config.http.port, MQTT_PORT: config.mqtt.port, MQTT_TLS_PORT: tlsPort }
  for (const [i, [name, number]] of Object.entries(ports).entries()) {
    const same = number && Object.entries(ports).find(([, other], j) => j > i && other === number)
    if (same) faults.push(`${name} and ${same[0]} are both ${number}: give each its own.`)
  }
  if (faults.length > 0) throw new AppError('config-invalid', faults.join('\n'))
  return config
}

/** What a backup tells of the settings: nothing secret. */
export const openSettings = ({ http, mqtt, tls, databaseUrl, influx, timeZone }: Config) => ({
  http,
  mqtt,
  tls,
  database: databaseUrl ? 'DATABASE_URL' : 'embedded',
  influx: influx && { url: influx.url, org: influx.org, bucket: influx.bucket },
  timeZone
})

/** Where a secret may lie in a file instead, as container and service managers hand them over. */
const SECRETS = ['DATABASE_URL', 'INFLUX_TOKEN', 'ADMIN_PASSWORD'] as const

type Env = Partial<Record<string, string>>

function withSecretsFromFiles(given: Env, faults: string[]): Env {
  const env = { ...given }
  for (const name of SECRETS) {
    const file = given[`${name}_FILE`]?.trim()
    if (!file) continue
    if (given[name]?.trim()) {
      faults.push(`${name} and ${name}_FILE are both set: leave one out.`)
      continue
    }
    env[name] = textOf(`${name}_FILE`, file, faults)?.trim() ?? ''
    if (env[name] === '') faults.push(`${name}_FILE="${file}" has no secret in it: write it there.`)
  }
  return env
}

function textOf(name: string, file: string, faults: string[]): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    faults.push(
      `${name}="${file}" cannot be read (${(error as NodeJS.ErrnoException).code}): name a file that Mingjie's user may read.`
    )
    return undefined
  }
}

function readTls(env: Env, faults: string[]): TlsFiles | undefined {
  const get = (name: Name): string => env[name]?.trim() || ENVIRONMENT[name]
  const [certFile, keyFile, caFile] = [get('TLS_CERT_FILE'), get('TLS_KEY_FILE'), get('TLS_CA_FILE')]
  if (!certFile && !keyFile) {
    for (const name of ['MQTT_TLS_PORT', 'TLS_CA_FILE'] as const)
      if (get(name)) faults.push(`${name} needs TLS_CERT_FILE and TLS_KEY_FILE: set them too.`)
    return undefined
  }
  if (!certFile || !keyFile) {
    faults.push('TLS_CERT_FILE and TLS_KEY_FILE go together: set both or neither.')
    return undefined
  }
  if (caFile && !get('MQTT_TLS_PORT')) {
    faults.push('TLS_CA_FILE is for devices on MQTT_TLS_PORT: set that too, or leave it out.')
  }
  const cert = textOf('TLS_CERT_FILE', certFile, faults)
  const key = textOf('TLS_KEY_FILE', keyFile, faults)
  const ca = caFile ? textOf('TLS_CA_FILE', caFile, faults) : undefined
  if (cert !== undefined && key !== undefined) {
    try {
      createSecureContext({ cert, key, ...(ca !== undefined && { ca }) })
    } catch (error) {
      faults.push(
        `TLS_CERT_FILE, TLS_KEY_FILE or TLS_CA_FILE is no PEM, or the key is not the certificate's: ${(error as Error).message}.`
      )
    }
  }
  return { certFile, keyFile, caFile: caFile || undefined }
}

function readInflux(env: Env, faults: string[]): InfluxAddress | undefined {
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
