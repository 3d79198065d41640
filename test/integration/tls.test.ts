import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { brokerFixture } from '#test/fixtures/broker'
import { certificateAuthority } from '#test/fixtures/certificates'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { until } from '#test/fixtures/until'
import { watchCertificates } from '../../certificates.ts'
import { readConfig } from '../../config.ts'
import { silentLog } from '../../log.ts'
import { startSystem, type System } from '../../system.ts'

const authority = certificateAuthority()
afterAll(() => authority.remove())

const commonNameOn = (port: number): Promise<string | string[] | undefined> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca: authority.ca }, () => {
      resolve(socket.getPeerCertificate().subject.CN)
      socket.destroy()
    })
    socket.on('error', reject)
  })

describe('the settings', () => {
  const { certFile, keyFile } = authority.sign('settings')
  const faults = (env: Record<string, string>): string => {
    try {
      readConfig(env)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  const pair = { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }

  it('take a certificate with its key, and only together', () => {
    expect(readConfig({ ...pair, MQTT_TLS_PORT: '8883', MQTT_PORT: 'off' })).toMatchObject({
      tls: { certFile, keyFile },
      mqtt: { port: undefined, tlsPort: 8883 }
    })
    expect(faults({ TLS_CERT_FILE: certFile })).toContain('go together')
    expect(faults({ MQTT_TLS_PORT: '8883' })).toContain('MQTT_TLS_PORT needs')
    expect(faults({ ...pair, TLS_CA_FILE: authority.caFile })).toContain('MQTT_TLS_PORT')
    expect(faults({ MQTT_PORT: 'off' })).toContain('no door')
    const other = authority.sign('other')
    expect(faults({ ...pair, TLS_KEY_FILE: other.keyFile })).toContain("not the certificate's")
  })

  it('name all faults at once, a missing file and a doubled secret among them', () => {
    const all = faults({
      TLS_CERT_FILE: '/nowhere.pem',
      TLS_KEY_FILE: keyFile,
      MQTT_TLS_PORT: '8080',
      ADMIN_PASSWORD: 'correct horse',
      ADMIN_PASSWORD_FILE: keyFile,
      INFLUX_TOKEN_FILE: '/nowhere'
    })
    for (const words of [
      '"/nowhere.pem" cannot be read',
      'HTTP_PORT and MQTT_TLS_PORT',
      'both set',
      '"/nowhere"'
    ])
      expect(all).toContain(words)
  })
})

describe('devices whose certificate is asked for', () => {
  let fixture: Awaited<ReturnType<typeof brokerFixture>>
  const own = authority.sign('fill-1')
  const foreign = certificateAuthority()

  beforeAll(async () => {
    const { cert, key } = authority.sign('broker')
    fixture = await brokerFixture({
      listen: { host: '127.0.0.1', port: 0, tls: { port: 0, cert, key, ca: authority.ca } }
    })
  })
  afterAll(async () => {
    await fixture.close()
    foreign.remove()
  })
  const connect = (id: string, more: IClientOptions): Promise<MqttClient> =>
    fixture.device(id, {
      protocol: 'mqtts',
      port: fixture.broker.address.tlsPort as number,
      ca: authority.ca,
      ...more
    })

  it('come in with a certificate in their name and their password', async () => {
    const client = await connect('fill-1', own)
    await client.publishAsync('mj/v1/fill-1/telemetry', '{"values":{"fillPct":50}}', { qos: 1 })
    expect(fixture.journal.head()).toBe(1)
  })

  it("stay out without one, with another device's, with one of another authority, and without the password", async () => {
    await expect(connect('fill-1', {})).rejects.toThrow()
    await expect(connect('fill-2', own)).rejects.toThrow(/refused/i)
    const { cert, key } = foreign.sign('fill-1')
    await expect(connect('fill-1', { cert, key })).rejects.toThrow()
    await expect(connect('fill-1', { ...own, password: 'guess' })).rejects.toThrow(/refused/i)
  })
})

describe('a certificate that is renewed', () => {
  it('is not used while the key does not fit, and then at once, without ending a connection', async () => {
    const first = authority.sign('city', 'first')
    const watched = await watchCertificates({ files: first, log: silentLog, everyMs: 20 })
    const fixture = await brokerFixture({
      listen: { host: '127.0.0.1', tls: { port: 0, ...watched.current() } }
    })
    watched.onRenewed(fixture.broker.useCertificate)
    const port = fixture.broker.address.tlsPort as number
    expect(fixture.broker.address.port).toBe(0)
    const client = await fixture.device('fill-1', { protocol: 'mqtts', port, ca: authority.ca })
    expect(await commonNameOn(port)).toBe('first')

    authority.sign('city', 'second')
    await until('the new one is shown', async () => (await commonNameOn(port)) === 'second')
    await client.publishAsync('mj/v1/fill-1/telemetry', '{"values":{"fillPct":50}}', { qos: 1 })
    watched.close()
    await fixture.close()
  })
})

describe('the whole system with a certificate', () => {
  let database: TestDatabase
  let system: System
  const dataDir = mkdtempSync(join(tmpdir(), 'mingjie-tls-system-'))
  const files = authority.sign('page', 'first')

  beforeAll(async () => {
    database = await freshDatabase()
    system = await startSystem({
      config: readConfig({
        HTTP_PORT: '0',
        MQTT_PORT: 'off',
        MQTT_TLS_PORT: '0',
        TLS_CERT_FILE: files.certFile,
        TLS_KEY_FILE: files.keyFile,
        DATA_DIR: dataDir,
        DATABASE_URL: database.url,
        ADMIN_PASSWORD: 'correct horse'
      }),
      log: silentLog
    })
  })
  afterAll(async () => {
    await system.close()
    await database.drop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('speaks HTTPS with secure cookies and MQTT over TLS, and shows a renewed certificate on both', async () => {
    expect(system.httpUrl).toMatch(/^https:/)
    const { status, headers } = await signIn(`${system.httpUrl}/api/session`)
    expect(status).toBe(200)
    expect(String(headers['set-cookie'])).toMatch(/; Secure/)
    expect(headers['strict-transport-security']).toContain('max-age')

    const refused = await mqtt
      .connectAsync(
        system.mqttsUrl as string,
        { ca: authority.ca, clientId: 'x', username: 'x', password: 'y' },
        false
      )
      .catch((error: Error) => error.message)
    expect(refused).toMatch(/refused/i)

    const ports = [system.httpUrl, system.mqttsUrl as string].map(url => Number(new URL(url).port))
    authority.sign('page', 'second')
    for (const port of ports)
      await until('the new one is shown', async () => (await commonNameOn(port)) === 'second')
  })
})

function signIn(url: string) {
  return new Promise<{ status: number | undefined; headers: Record<string, unknown> }>((resolve, reject) => {
    const asked = request(
      url,
      { method: 'POST', ca: authority.ca, headers: { 'content-type': 'application/json' } },
      answer => {
        answer.resume()
        resolve({ status: answer.statusCode, headers: answer.headers })
      }
    )
    asked.on('error', reject)
    asked.end(JSON.stringify({ username: 'admin', password: 'correct horse' }))
  })
}
