import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { ENVIRONMENT } from '../../config.ts'
import { projectFiles, textOf } from './project-files.ts'

interface Service {
  logging?: { options: Record<string, string> }
  volumes?: string[]
  environment?: Record<string, string>
  ports?: string[]
  secrets?: string[]
  healthcheck?: object
  restart?: string
}
interface Compose {
  services: Record<'app' | 'postgres' | 'influxdb' | 'sim', Service>
  secrets: Record<string, { file: string }>
  volumes: Record<string, unknown>
}
// The parser that @fastify/swagger brings: one package less of our own.
const { parse } = createRequire(createRequire(import.meta.url).resolve('@fastify/swagger'))('yaml') as {
  parse: (text: string) => Compose
}
const text = textOf('docker-compose.yml')
const compose = parse(text)
const services = Object.entries(compose.services)

describe('docker-compose.yml', () => {
  it('names every setting as config.ts does, those left out in a comment', () => {
    const app = text.slice(text.indexOf('\n  app:\n'), text.indexOf('\n  postgres:\n'))
    const written = [...app.matchAll(/^ {6}(?:# )?([A-Z][A-Z_]+):/gm)].map(([, name]) => name as string)
    expect(written.filter(name => !(name in ENVIRONMENT))).toEqual([])
    const needed = Object.keys(ENVIRONMENT).filter(name => !(`${name}_FILE` in ENVIRONMENT))
    expect(needed.filter(name => !written.includes(name))).toEqual([])
  })

  it('holds no secret: each is a file in ./secrets that deploy/make-secrets.sh makes', () => {
    for (const [, { environment = {}, secrets = [] }] of services) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|TOKEN|SECRET|KEY|DATABASE_URL/.test(name))
          expect([name, value]).toEqual([name, expect.stringMatching(/^\/run\/(secrets|tls)\//)])
        const file = /^\/run\/secrets\/(\w+)$/.exec(value)?.[1]
        if (file) expect(secrets).toContain(file)
      }
      for (const name of secrets) expect(compose.secrets).toHaveProperty(name)
    }
    expect(text).not.toMatch(/\/\/[^\s/@]+:[^\s/@]+@/)
    const script = textOf('deploy/make-secrets.sh')
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      expect(file).toBe(`./secrets/${name}`)
      expect(script).toContain(`make ${name} `)
    }
    expect(projectFiles().filter(path => /^secrets\//.test(path))).toEqual([])
  })

  it('publishes nothing beyond this machine unless told, and only the doors of Mingjie', () => {
    const published = services.flatMap(([name, { ports = [] }]) => ports.map(port => [name, port] as const))
    expect(published.length).toBeGreaterThan(0)
    for (const [name, port] of published) {
      expect(name).toBe('app')
      expect(port).toMatch(/^\$\{PUBLISH_HOST:-127\.0\.0\.1\}:\d+:\d+$/)
    }
  })

  it('starts each again, waits until it is healthy and bounds its log', () => {
    for (const [name, { restart, healthcheck, logging }] of services) {
      expect([name, Object.keys(logging?.options ?? {})]).toEqual([name, ['max-size', 'max-file']])
      expect([name, restart]).toEqual([name, 'unless-stopped'])
      expect([name, healthcheck !== undefined || name === 'app']).toEqual([name, true])
    }
    expect(textOf('Dockerfile')).toContain('HEALTHCHECK')
  })
})

describe('the volumes of docker-compose.yml', () => {
  const made = /^ *(?:RUN|&&)? *install -d .*$/gm
  const folders = [...textOf('Dockerfile').matchAll(made)].flatMap(([line]) => line.match(/ \/\S+/g) ?? [])

  it('lie, where our user writes, on folders that the image gives to that user', () => {
    const ours = services
      .filter(([name]) => name === 'app' || name === 'sim')
      .flatMap(([, { volumes = [] }]) => volumes)
      .filter(volume => !volume.endsWith(':ro'))
      .map(volume => volume.slice(volume.lastIndexOf(':') + 1))
    expect(ours).toContain('/backup')
    expect(ours.filter(path => !folders.includes(` ${path}`))).toEqual([])
  })

  it('are each declared', () => {
    const named = services
      .flatMap(([, { volumes = [] }]) => volumes)
      .map(volume => /^(?:\$\{\w+:-)?(\w[\w-]*)\}?:/.exec(volume)?.[1])
      .filter(name => name !== undefined)
    expect(named.filter(name => !(name in compose.volumes))).toEqual([])
    expect(Object.keys(compose.volumes).filter(name => !named.includes(name))).toEqual([])
  })

  it('hold what docs/deployment.md says, by the commands it gives', () => {
    const docs = textOf('docs/deployment.md')
    const commands = [...docs.matchAll(/docker compose (?:exec|run|cp).*/g)].map(([line]) => line)
    expect(commands.length).toBeGreaterThan(5)
    const paths = commands.flatMap(line => line.match(/(?<=[ :])\/(?:backup|var\/lib\/[\w-]+)/g) ?? [])
    expect(paths).toContain('/backup')
    expect(paths.filter(path => !folders.includes(` ${path}`))).toEqual([])
  })
})

describe('the Dockerfile', () => {
  it('has every file of ours that the front door, the simulator and the scripts import', () => {
    const copied = [...textOf('Dockerfile').matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' ')
    )
    const own = projectFiles().filter(path => /^[\w-]+\.ts$/.test(path))
    const imported = [...own, ...projectFiles().filter(path => path.startsWith('scripts/'))].flatMap(path =>
      [...textOf(path).matchAll(/from '\.\.?\/([\w-]+\.ts)'/g)].map(([, name]) => name as string)
    )
    const roots = own.filter(path => imported.includes(path))
    expect(roots).toContain('system.ts')
    expect(roots.filter(path => !copied.includes(path))).toEqual([])
    expect(copied).toContain('main.ts')
  })

  it('runs as a user without rights', () => {
    expect(textOf('Dockerfile')).toMatch(/^USER mingjie$/m)
    const ids = [...textOf('Dockerfile').matchAll(/--[ug]id (\d+)/g)].map(([, id]) => id)
    expect(new Set(ids)).toEqual(new Set(['10001']))
    expect(textOf('docs/deployment.md')).toContain('-o 10001 -g 10001')
  })
})
