import { getContext, setContext, untrack } from 'svelte'
import type { FacilitySummary, SystemState, TicketSummary } from '#model/api'
import {
  LINK_DEAD_MS,
  type ClientMessage,
  type LiveTotals,
  type LiveView,
  type ServerMessage
} from '#model/live'
import { seconds } from '#model/time'
import { setZone } from './time.ts'

type Snapshot = Extract<ServerMessage, { type: 'snapshot' }>
type Changes = Extract<ServerMessage, { type: 'changes' }>
export type Picture = Snapshot['picture']
export type Link = 'connecting' | 'live' | 'reconnecting' | 'disconnected'

/** Not live for this long is told as disconnected rather than as about to come back. */
const GIVE_UP_SAYING_SOON_MS = seconds(10)
const CONNECT_TIMEOUT_MS = seconds(8)
const LONGEST_WAIT_MS = seconds(15)
/** The server's close code when the session ends while someone looks. */
const SIGNED_OUT = 4401
const KEY = Symbol('live')

/**
 * The one live picture: what the server says about what this page looks at, and whether it still says it. Whenever
 * `link` is not `live`, everything here is as of `heardAt` and must be shown as such.
 */
export class Live {
  link = $state<Link>('connecting')
  /** How often the link came up: what was fetched before the last time may have missed something. */
  times = $state(0)
  /** The server's time of the newest message; 0 before the first. */
  heardAt = $state(0)
  /** When the link was lost, or first sought, by the server's clock. */
  lostAt = $state(Date.now())
  /** The server's time now, ticking each second: ages and due clocks count from it. */
  now = $state(Date.now())
  system = $state.raw<SystemState>()
  totals = $state.raw<LiveTotals>()
  /** Undefined until the first snapshot of the view arrives. */
  picture = $state.raw<Picture>()
  /** Why the server would not show the view. */
  refused = $state<string>()

  #socket: WebSocket | undefined
  #view: LiveView = { view: 'none' }
  #ask = 0
  #ahead = 0
  #heard = 0
  #dialled = 0
  #failures = 0
  #redial: ReturnType<typeof setTimeout> | undefined
  #tick: ReturnType<typeof setInterval>
  #closed = false
  #rejected: () => Promise<unknown>

  /**
   * `rejected` is called when the session may have ended: the server says so, or closes before it says anything. It resolves,
   * never rejects, once that is known and who is signed out was led away.
   */
  constructor(rejected: () => Promise<unknown>) {
    this.#rejected = rejected
    this.#tick = setInterval(this.#check, seconds(1))
    addEventListener('online', this.#hurry)
    addEventListener('offline', this.#cut)
    document.addEventListener('visibilitychange', this.#hurry)
    this.#dial()
  }

  /** Looks at something else; the picture is kept until the new one comes if it is of the same thing. */
  look(view: LiveView) {
    if (JSON.stringify(view) === JSON.stringify(this.#view)) return
    const same = view.view === this.#view.view && (view.view !== 'facility' || view.id === idOf(this.#view))
    this.#view = view
    this.#ask += 1
    if (!same) this.picture = undefined
    this.refused = undefined
    this.#sendLook()
  }

  close() {
    this.#closed = true
    // Nothing here is new from now on.
    this.link = 'disconnected'
    clearInterval(this.#tick)
    clearTimeout(this.#redial)
    removeEventListener('online', this.#hurry)
    removeEventListener('offline', this.#cut)
    document.removeEventListener('visibilitychange', this.#hurry)
    this.#socket?.close()
  }

  #dial() {
    clearTimeout(this.#redial)
    if (this.#closed) return
    this.#dialled = Date.now()
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/live`)
    this.#socket = socket
    let spoke = false
    socket.onopen = () => this.#sendLook()
    socket.onmessage = event => {
      if (this.#socket !== socket) return
      spoke = true
      this.#receive(JSON.parse(String(event.data)) as ServerMessage)
    }
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket || this.#closed) return
      this.#hangUp()
      if (spoke && code !== SIGNED_OUT) return
      const known = this.#rejected()
      if (code !== SIGNED_OUT) return
      // Before that is known another call would only be refused.
      clearTimeout(this.#redial)
      void known.then(() => this.#dialLater())
    }
  }

  /** Drops the socket and dials again later: longer each time, never all clients at once. */
  #hangUp() {
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
    if (this.link === 'live') {
      this.lostAt = this.now
      this.link = 'reconnecting'
    }
    this.#dialLater()
  }

  #dialLater() {
    clearTimeout(this.#redial)
    if (this.#socket) return
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#failures++)
    this.#redial = setTimeout(() => this.#dial(), wait * (0.5 + Math.random() / 2))
  }

  #check = () => {
    this.now = Date.now() + this.#ahead
    const silentMs = Date.now() - Math.max(this.#heard, this.#dialled)
    if (this.#socket && silentMs > (this.link === 'live' ? LINK_DEAD_MS : CONNECT_TIMEOUT_MS)) this.#hangUp()
    const lost = this.now - this.lostAt > GIVE_UP_SAYING_SOON_MS || !navigator.onLine
    if (this.link !== 'live' && lost) this.link = 'disconnected'
  }

  /** The device itself says that it has no network: nobody waits to find out. */
  #cut = () => {
    if (this.#socket) this.#hangUp()
    this.#check()
  }

  /** The network is back, or someone looks again: do not wait for the timer. */
  #hurry = () => {
    this.#check()
    if (document.visibilityState === 'visible' && !this.#socket) {
      this.#failures = 0
      this.#dial()
    }
  }

  #sendLook() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return
    const message: ClientMessage = { type: 'look', ask: this.#ask, at: this.#view }
    this.#socket.send(JSON.stringify(message))
  }

  #receive(message: ServerMessage) {
    this.#heard = Date.now()
    if (message.type === 'refused') {
      if (message.ask === this.#ask) this.refused = message.reason
    } else {
      this.heardAt = Date.parse(message.at)
      this.#ahead = this.heardAt - Date.now()
      // A phone whose clock is wrong must not show wrong ages until the next tick.
      this.now = this.heardAt
      if (message.type === 'snapshot') this.#paint(message)
      if (message.type === 'changes') this.#retouch(message)
    }
    // Live only once the picture itself is new: `alive` on a fresh socket comes before the snapshot of the old view.
    if (message.type === 'snapshot' || this.link === 'live') {
      if (this.link !== 'live') this.times += 1
      this.link = 'live'
      this.#failures = 0
    }
  }

  #paint(snapshot: Snapshot) {
    this.system = snapshot.system
    setZone(snapshot.system.timeZone)
    this.totals = snapshot.totals
    if (snapshot.ask === this.#ask) this.picture = snapshot.picture
  }

  #retouch(changes: Changes) {
    if (changes.system) this.system = changes.system
    if (changes.totals) this.totals = changes.totals
    if (changes.ask === this.#ask && this.picture) this.picture = retouched(this.picture, changes)
  }
}

const idOf = (view: LiveView) => (view.view === 'facility' ? view.id : undefined)

/** The picture after a change. */
function retouched(picture: Picture, changes: Changes): Picture {
  switch (picture.view) {
    case 'facilities':
      return { ...picture, ...listAfter(picture, changes as Changes & { upsert?: FacilitySummary[] }) }
    case 'tickets':
      return { ...picture, ...listAfter(picture, changes as Changes & { upsert?: TicketSummary[] }) }
    case 'facility':
      return changes.facility ? { view: 'facility', ...changes.facility } : picture
    case 'none':
      return picture
  }
}

function listAfter<T extends { id: string }>(
  { items, total }: { items: T[]; total: number },
  changes: { total?: number; upsert?: T[]; order?: string[] }
): { items: T[]; total: number } {
  // A plain map, gone when this function returns.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  const byId = new Map(items.map(item => [item.id, item]))
  for (const item of changes.upsert ?? []) byId.set(item.id, item)
  const order = changes.order ?? [...byId.keys()]
  return { items: order.flatMap(id => byId.get(id) ?? []), total: changes.total ?? total }
}

export function setLive(rejected: () => Promise<unknown>): Live {
  return setContext(KEY, new Live(rejected))
}
export const useLive = () => getContext<Live>(KEY)

/** Keeps the live picture on what `view` says, following its changes. Call it while a page is set up. */
export function lookAt(view: () => LiveView): Live {
  const live = useLive()
  $effect(() => {
    const wanted = view()
    untrack(() => live.look(wanted))
  })
  return live
}
