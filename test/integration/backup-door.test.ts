import { execFile, execFileSync } from 'node:child_process'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { minutes } from '#model/time'
import { certificateAuthority } from '#test/fixtures/certificates'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { freePort } from '#test/fixtures/free-port'
import { until } from '#test/fixtures/until'
import { readConfig } from '../../config.ts'
import { silentLog } from '../../log.ts'
import { startSystem, type System } from '../../system.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const authority = certificateAuthority()
const folder = mkdtempSync(join(tmpdir(), 'mingjie-backup-door-'))
afterAll(() => {
  authority.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** `npm run backup` or `restore` as a process of its own, with this environment and no other. */
const run = (script: string, words: string[], env: Record<string, string>) =>
  new Promise<{ code: number; said: string }>(resolve => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', join('scripts', `${script}.ts`), ...words],
      {
        cwd: ROOT,
        env: { PATH: process.env['PATH'] as string, HOME: process.env['HOME'] as string, ...env }
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, said: stdout + stderr })
    )
  })

describe('a backup of a running Mingjie with TLS', () => {
  const certFile = join(folder, 'city.pem')
  let database: TestDatabase
  let system: System
  let env: Record<string, string>

  beforeAll(async () => {
    selfSigned('city')
    database = await freshDatabase()
    env = {
      HTTP_PORT: String(await freePort()),
      MQTT_PORT: 'off',
      MQTT_TLS_PORT: '0',
      TLS_CERT_FILE: certFile,
      TLS_KEY_FILE: join(folder, 'city.key'),
      DATA_DIR: join(folder, 'data'),
      DATABASE_URL: database.url,
      ADMIN_PASSWORD: 'correct horse'
    }
    system = await startSystem({ config: readConfig(env), log: silentLog })
  })
  afterAll(async () => {
    await system.close()
    await database.drop()
  })

  it('asks 127.0.0.1 although the certificate is for the name of the city, and signed by nobody we know', async () => {
    const file = join(folder, 'tls.mjb')
    expect(await run('backup', ['--out', file], env)).toEqual({
      code: 0,
      said: expect.stringContaining('checked')
    })
    expect(existsSync(file)).toBe(true)
  })

  it('gives the password to no one who shows another certificate', async () => {
    selfSigned('other')
    const other = {
      ...env,
      TLS_CERT_FILE: join(folder, 'other.pem'),
      TLS_KEY_FILE: join(folder, 'other.key')
    }
    const { code, said } = await run('backup', ['--out', join(folder, 'other.mjb')], other)
    expect(code).toBe(1)
    expect(said).toMatch(/does not answer: .*certificate.* Name another by --url/)
  })

  it('takes one that an authority signed, without the authority', async () => {
    const { certFile: signed, keyFile } = authority.sign('signed')
    copyFileSync(keyFile, join(folder, 'city.key'))
    copyFileSync(signed, certFile)
    const file = join(folder, 'signed.mjb')
    // The new pair is taken over within seconds.
    await until(
      'it is shown and trusted',
      async () => (await run('backup', ['--out', file], env)).code === 0,
      { withinMs: minutes(1) }
    )
  })
})

describe.skipIf(process.getuid?.() !== 0)('root, where the data is another user’s', () => {
  it('opens nothing, which that user could not open again, and says who can', async () => {
    const dataDir = mkdtempSync(join(folder, 'theirs-'))
    mkdirSync(join(dataDir, 'journal'))
    chownSync(dataDir, 12345, 12345)
    const env = { DATA_DIR: dataDir, HTTP_PORT: String(await freePort()), ADMIN_PASSWORD: 'correct horse' }
    const file = join(folder, 'theirs.mjb')
    expect(await run('backup', ['--out', file], env)).toEqual({
      code: 1,
      said: expect.stringMatching(/does not answer: .*--reuid 12345/)
    })
    writeFileSync(file, 'x')
    expect(await run('restore', ['--from', file, '--force'], env)).toEqual({
      code: 1,
      said: expect.stringMatching(/another user’s.*--reuid 12345/)
    })
    expect(readdirSync(join(dataDir, 'journal'))).toEqual([])
    expect(readdirSync(dataDir)).toEqual(['journal'])
  })
})

function selfSigned(name: string): void {
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}.key`
  ]
  const subject = ['-subj', '/CN=city.example', '-addext', 'subjectAltName=DNS:city.example']
  execFileSync('openssl', ['req', '-x509', ...key, '-out', `${name}.pem`, '-days', '2', ...subject], {
    cwd: folder,
    stdio: 'pipe'
  })
}
