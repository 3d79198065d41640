import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AppError } from '#model/errors'
import { days } from '#model/time'

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Mingjie 明洁</title>
<h1>The page is not built yet</h1><p>Stop the server, run <code>npm run build</code> in the project's folder, start it again.</p>`

/** Paths that are answered by routes, never by the page. */
const NOT_THE_PAGE = /^\/(api|schemas|healthz|readyz|metrics)(\/|$)/

/** The built page: its files, and for every other address the page itself, which routes in the browser. */
export const pageRoutes: FastifyPluginAsyncTypebox<{ staticDir: string }> = async (app, { staticDir }) => {
  const built = existsSync(join(staticDir, 'index.html'))
  const files = new Set(built ? filesUnder(staticDir) : [])
  // Held from the start, as the hashes of its scripts are: a build while we run changes neither.
  const index = built ? readFileSync(join(staticDir, 'index.html')) : undefined
  if (built) {
    await app.register(fastifyStatic, {
      root: staticDir,
      serve: false,
      preCompressed: true,
      index: false,
      dotfiles: 'ignore'
    })
  }

  app.get('/*', { config: { access: 'public' }, schema: { hide: true } }, async (request, reply) => {
    const path = decodeURI(request.url.split('?')[0] as string)
    if (NOT_THE_PAGE.test(path)) throw new AppError('not-found', `There is no GET ${path}.`)
    if (!index) return reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT)
    const immutable = path.startsWith('/_app/immutable/')
    if (files.has(path)) return reply.sendFile(path, { maxAge: immutable ? days(365) : 0, immutable })
    // An old page asks for files of its own version: say that they are gone, not what is here instead.
    if (path.startsWith('/_app/')) throw new AppError('not-found', `There is no file ${path}.`)
    return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(index)
  })
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
    .filter(entry => entry.isFile())
    .map(entry => `/${relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/')}`)
