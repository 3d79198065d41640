import { build, files, version } from '$service-worker'

/**
 * Opens the page where there is no signal. A version of it is kept whole, its page and all its files in one cache, or not at
 * all; what the API says is never kept here.
 */
const worker = globalThis as unknown as ServiceWorkerGlobalScope
const KEPT = 'mingjie-page-'
const MINE = KEPT + version
const PAGE = '/'
const OURS = new Set([...build, ...files])
/** As the server has it: these are no addresses of the page. */
const NOT_THE_PAGE = /^\/(api|schemas|healthz|readyz|metrics)(\/|$)/

worker.addEventListener('install', event => event.waitUntil(keepAll()))
worker.addEventListener('activate', event => event.waitUntil(takeOver()))
worker.addEventListener('fetch', event => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin || NOT_THE_PAGE.test(pathname)) return
  if (request.mode === 'navigate') event.respondWith(pageOf(request))
  else if (OURS.has(pathname) || pathname.startsWith('/_app/immutable/')) event.respondWith(fileOf(request))
})

/** Rejects, and is tried again later, when one file is missing: a server that is just being replaced sends of two versions. */
async function keepAll(): Promise<void> {
  const page = await fetch(PAGE, { cache: 'no-cache' })
  const text = await page.clone().text()
  if (!page.ok || !build.some(file => file.includes('/entry/') && text.includes(file)))
    throw new Error('this page is of another version')
  const cache = await caches.open(MINE)
  try {
    await cache.addAll([...OURS])
    await cache.put(PAGE, page)
  } catch (error) {
    // Half a version would count as the one before the next.
    if (!(await cache.match(PAGE))) await caches.delete(MINE)
    throw error
  }
  await worker.skipWaiting()
}

/** Open pages of the version before still ask for its files: it stays until the next one. */
async function takeOver(): Promise<void> {
  const names = (await caches.keys()).filter(name => name.startsWith(KEPT) && name !== MINE)
  await Promise.all(names.slice(0, -1).map(name => caches.delete(name)))
  await worker.clients.claim()
}

const pageOf = async (request: Request): Promise<Response> =>
  (await (await caches.open(MINE)).match(PAGE)) ?? fetch(request)

/** Of any version that is kept: what is named by its content is the same in all; the rest is of this one. */
async function fileOf(request: Request): Promise<Response> {
  const mine = await (await caches.open(MINE)).match(request)
  return mine ?? (await caches.match(request)) ?? fetch(request)
}
