import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { ENVIRONMENT } from '../../config.ts'
import { projectFiles, textOf } from './project-files.ts'

interface Service {
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

  it('starts each again and waits until it is healthy', () => {
    for (const [name, { restart, healthcheck }] of services) {
      expect([name, restart]).toEqual([name, 'unless-stopped'])
      expect([name, healthcheck !== undefined || name === 'app']).toEqual([name, true])
    }
    expect(textOf('Dockerfile')).toContain('HEALTHCHECK')
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
  })
})
