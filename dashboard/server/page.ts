import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AppError } from '#model/errors'
import { days } from '#model/time'

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Mingjie 明洁</title>
<h1>The page is not built yet</h1><p>Stop the server, run <code>npm run build</code> in the project's folder, start it again.</p>`

/** Paths that are answered by routes, never by the page. */
const NOT_THE_PAGE = /^\/(api|schemas|healthz|readyz|metrics)(\/|$)/

/** Its name says its content. */
const FOR_EVER = `public, max-age=${days(365) / 1000}, immutable`
const PACKINGS = [
  { encoding: 'br', ending: '.br' },
  { encoding: 'gzip', ending: '.gz' }
]
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2'
}

/** The built page: its files, and for every other address the page itself, which routes in the browser. */
export const pageRoutes: FastifyPluginAsyncTypebox<{ staticDir: string }> = async (app, { staticDir }) => {
  const built = existsSync(join(staticDir, 'index.html'))
  // Held from the start, 2 MB: a build while we run changes nothing, and who loads the page gets files of one version.
  const files = new Map(built ? filesUnder(staticDir).map(path => [path, heldFile(staticDir, path)]) : [])
  const index = files.get('/index.html')

  app.get('/*', { config: { access: 'public' }, schema: { hide: true } }, async (request, reply) => {
    const path = decodeURI(request.url.split(/[?#]/)[0] as string)
    if (NOT_THE_PAGE.test(path)) throw new AppError('not-found', `There is no GET ${path}.`)
    if (!index) return reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT)
    // An old page asks for files of its own version: say that they are gone, not what is here instead.
    if (path.startsWith('/_app/') && !files.has(path))
      throw new AppError('not-found', `There is no file ${path}.`)
    const file = files.get(path) ?? index
    const { type, etag, plain, packed } = file
    void reply.type(type).header('vary', 'accept-encoding').header('etag', etag)
    void reply.header('cache-control', path.startsWith('/_app/immutable/') ? FOR_EVER : 'no-cache')
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    const taken = String(request.headers['accept-encoding'] ?? '').split(/[,;]\s*/)
    const pack = packed.find(({ encoding }) => taken.includes(encoding))
    return pack ? reply.header('content-encoding', pack.encoding).send(pack.bytes) : reply.send(plain)
  })
}

interface HeldFile {
  type: string
  etag: string
  plain: Buffer
  /** Smallest first. */
  packed: { encoding: string; bytes: Buffer }[]
}

function heldFile(staticDir: string, path: string): HeldFile {
  const plain = readFileSync(join(staticDir, path))
  const packed = PACKINGS.flatMap(({ encoding, ending }) => {
    const file = join(staticDir, path + ending)
    return existsSync(file) ? [{ encoding, bytes: readFileSync(file) }] : []
  })
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', etag, plain, packed }
}

/** `'sha256-…'` of every inline script of the page, for a content policy that runs nothing else. */
export function inlineScriptHashes(staticDir: string): string[] {
  const file = join(staticDir, 'index.html')
  if (!existsSync(file)) return []
  const scripts = readFileSync(file, 'utf8').matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)
  return [...scripts].map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
}

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !/^\.|\.(br|gz)$/.test(entry.name))
    .map(entry => `/${relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/')}`)
