import { setImmediate as nextTurn } from 'node:timers/promises'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { WebSocket } from 'ws'
import type { SignedIn } from '#db/people'
import { FacilityQuery, Id, TicketQuery } from '#model/api'
import { ALIVE_EVERY_MS, CONFLATE_MS, type LiveView } from '#model/live'
import { seconds, type Millis } from '#model/time'
import type { Api, ServerDeps } from './deps.ts'
import { openDoor } from './live-door.ts'
import { sightOf } from './crew-sight.ts'
import { changesSince, pictureJson, watchView, type WatchedView } from './live-views.ts'
import { problemOf } from './problems.ts'
import { trustedProxies } from './trusted-proxies.ts'

const MAX_SOCKETS = 500
/** A wall of screens under one name; nobody's program takes the places of all. */
const MAX_OF_ONE = 50
/** Of a list whose reader says no limit. */
const DEFAULT_ITEMS = 100
/** More than this unread and a reader is slow: it gets nothing more until it has caught up, then the newest. */
const SLOW_BYTES = 1024 * 1024
const SLOW_FOR_MS = seconds(60)
const PING_EVERY_MS = seconds(30)
/** A revoked session is known within 20 s more: closed within the minute. */
const SESSION_CHECK_EVERY_MS = seconds(30)
/** A reader that looks about faster waits for the next round. */
const LOOK_EVERY_MS = 100
/** The rounds let others have a turn after this much work. */
const TURN_MS = 10

const Look = Compile(
  Type.Object({
    type: Type.Literal('look'),
    ask: Type.Integer(),
    at: Type.Union([
      Type.Object({ view: Type.Literal('facilities'), query: FacilityQuery }),
      Type.Object({ view: Type.Literal('facility'), id: Id }),
      Type.Object({ view: Type.Literal('tickets'), query: TicketQuery }),
      Type.Object({ view: Type.Literal('none') })
    ])
  })
)

/** `person`: whose sight it is, where not everybody sees the same. */
interface LooksAt {
  key: string
  at: LiveView
  person: SignedIn | undefined
}
interface Reader {
  socket: WebSocket
  token: string
  person: SignedIn
  ask: number
  looksAt: LooksAt | undefined
  /** It asked and has no snapshot yet. */
  waits: boolean
  /** What it was sent is as of this revision. */
  rev: number
  lookedAt: Millis
  slowSince: Millis | undefined
  answersPings: boolean
}

/** `/api/live` on the app's own HTTP server, closed with it: the messages of `model/live`, to everyone signed in. */
export function liveSocket(app: Api, deps: ServerDeps): void {
  const { live, tickets, people, crews, log, trustedProxies: proxies } = deps
  const readers = new Set<Reader>()
  const views = new Map<string, WatchedView>()
  let rev = 0
  const revisions = { next: () => ++rev }
  const head = { version: -1, system: { json: '', rev: 0 }, totals: { json: '', rev: 0 } }

  // Durations, not the time of day.
  const elapsed = (): Millis => performance.now()
  const at = (): string => `"at":${JSON.stringify(new Date(live.now()).toISOString())}`

  function join(socket: WebSocket, token: string, person: SignedIn): void {
    const reader: Reader = {
      socket,
      token,
      person,
      ask: 0,
      looksAt: undefined,
      waits: false,
      rev: 0,
      lookedAt: -Infinity,
      slowSince: undefined,
      answersPings: true
    }
    readers.add(reader)
    socket.on('error', () => {})
    socket.on('pong', () => (reader.answersPings = true))
    socket.on('close', () => readers.delete(reader))
    socket.on('message', (data: Buffer) => hear(reader, data))
  }

  function hear(reader: Reader, data: Buffer): void {
    const message = parse(data.toString('utf8'))
    if (!Look.Check(message)) {
      const ask = (message as { ask?: unknown } | undefined)?.ask
      const [error] = message === undefined ? [] : Look.Errors(message)
      const reason = error ? `${error.instancePath || 'message'} ${error.message}` : 'not JSON'
      say(reader, JSON.stringify({ type: 'refused', ask: Number.isInteger(ask) ? ask : 0, reason }))
      return
    }
    const sinceLook = elapsed() - reader.lookedAt
    Object.assign(reader, {
      ask: message.ask,
      looksAt: lookOf(message.at, reader.person),
      waits: true,
      lookedAt: elapsed()
    })
    if (sinceLook < LOOK_EVERY_MS) return
    refresh(reader.looksAt)
    tell(reader)
  }

  function refresh(looksAt: Reader['looksAt']): void {
    if (!looksAt) return
    const { key, at, person } = looksAt
    const sight = () => person && sightOf(person, { crews, live })
    const sightVersion = () => (person ? crews.version() : 0)
    let view = views.get(key)
    if (!view) views.set(key, (view = watchView(at, { live, tickets, revisions, sight, sightVersion })))
    try {
      view
        .refresh(elapsed())
        ?.then(() => waitingFor(key).forEach(tell))
        .catch((error: unknown) => notDrawn(key, error))
    } catch (error) {
      notDrawn(key, error)
    }
  }

  const waitingFor = (key: string): Reader[] =>
    [...readers].filter(reader => reader.waits && reader.looksAt?.key === key)

  /** The next round tries again; who has a picture keeps it. */
  function notDrawn(key: string, error: unknown): void {
    const { code, status, detail } = problemOf(error as Error)
    if (status === 500) log.error({ err: error, view: key }, 'a live view could not be drawn')
    for (const reader of waitingFor(key)) {
      say(reader, JSON.stringify({ type: 'refused', ask: reader.ask, reason: `${code}: ${detail}` }))
    }
  }

  function refreshHead(): void {
    const version = live.version()
    if (version === head.version) return
    head.version = version
    const totals = JSON.stringify(live.totals())
    if (totals !== head.totals.json) head.totals = { json: totals, rev: revisions.next() }
  }

  /** Has no version: when the rules stand still, just that must be told. */
  function refreshSystem(): void {
    const system = JSON.stringify(live.system())
    if (system !== head.system.json) head.system = { json: system, rev: revisions.next() }
  }

  /** Sends a reader what it has not: the snapshot it waits for, else what changed since the last time. */
  function tell(reader: Reader): void {
    const view = reader.looksAt && views.get(reader.looksAt.key)
    if (!view?.known || isSlow(reader)) return
    refreshHead()
    const parts = reader.waits
      ? [`"system":${head.system.json}`, `"totals":${head.totals.json}`, `"picture":${pictureJson(view)}`]
      : [
          ...(head.system.rev > reader.rev ? [`"system":${head.system.json}`] : []),
          ...(head.totals.rev > reader.rev ? [`"totals":${head.totals.json}`] : []),
          ...changesSince(view.picture, reader.rev)
        ]
    const type = reader.waits ? 'snapshot' : 'changes'
    reader.waits = false
    reader.rev = rev
    if (parts.length > 0) say(reader, `{"type":"${type}","ask":${reader.ask},${at()},${parts.join(',')}}`)
  }

  function say(reader: Reader, text: string): void {
    if (reader.socket.readyState === reader.socket.OPEN && !isSlow(reader)) reader.socket.send(text)
  }

  function isSlow(reader: Reader): boolean {
    if (reader.socket.bufferedAmount <= SLOW_BYTES) {
      reader.slowSince = undefined
      return false
    }
    reader.slowSince ??= elapsed()
    if (elapsed() - reader.slowSince > SLOW_FOR_MS) reader.socket.terminate()
    return true
  }

  async function round(): Promise<void> {
    const looked = new Map([...readers].map(({ looksAt }) => [looksAt?.key, looksAt]))
    for (const key of views.keys()) if (!looked.has(key)) views.delete(key)
    let turn = elapsed()
    for (const looksAt of looked.values()) {
      refresh(looksAt)
      if (elapsed() - turn < TURN_MS) continue
      await nextTurn()
      turn = elapsed()
    }
    refreshSystem()
    for (const reader of readers) tell(reader)
  }

  async function checkSessions(): Promise<void> {
    for (const reader of readers) {
      // While the database is away nobody is thrown out.
      const person = await people.personOf(reader.token).catch(() => reader.person)
      // Whose role is another now looks anew.
      if (person?.role !== reader.person.role) reader.socket.close(4401, 'signed out')
    }
  }

  function ping(): void {
    for (const reader of readers) {
      if (!reader.answersPings) reader.socket.terminate()
      reader.answersPings = false
      reader.socket.ping()
    }
  }

  function alive(): void {
    const text = `{"type":"alive",${at()}}`
    for (const reader of readers) say(reader, text)
  }

  let closed = false
  let nextRound: NodeJS.Timeout
  // One after the other: rounds that take long make pauses between pictures longer, not pictures overlap.
  const plan = (): void => {
    nextRound = setTimeout(() => {
      round()
        .catch((error: unknown) => log.error({ err: error }, 'a live round failed'))
        .finally(() => closed || plan())
    }, CONFLATE_MS)
  }
  plan()
  const timers = [
    setInterval(alive, ALIVE_EVERY_MS),
    setInterval(ping, PING_EVERY_MS),
    setInterval(() => void checkSessions(), SESSION_CHECK_EVERY_MS)
  ]
  const stopListening = people.onSessionsEnded(() => void checkSessions())
  const door = openDoor(app, {
    people,
    isFull: username =>
      readers.size >= MAX_SOCKETS ||
      [...readers].filter(({ person }) => person.username === username).length >= MAX_OF_ONE,
    isTrusted: trustedProxies(proxies),
    join
  })

  app.addHook('preClose', async () => {
    closed = true
    clearTimeout(nextRound)
    timers.forEach(clearInterval)
    stopListening()
    door.close()
    for (const { socket } of readers) socket.terminate()
  })
}

/** One key for one question, however it was written; of tickets a crew member's is its own. */
function lookOf(at: LiveView, { role, ...rest }: SignedIn): LooksAt {
  const person = role === 'crew' && at.view !== 'facilities' ? { role, ...rest } : undefined
  const whose = person ? `${person.username} ` : ''
  if (!('query' in at)) return { key: whose + JSON.stringify(at), at, person }
  const query = { limit: DEFAULT_ITEMS, ...at.query }
  const sorted = Object.fromEntries(Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1)))
  const key = whose + JSON.stringify({ view: at.view, query: sorted })
  return { key, at: { ...at, query } as LiveView, person }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
