import { getContext, setContext } from 'svelte'
import type { Session, TicketActionRequest, TicketDetail, TicketSummary } from '#model/api'
import type { TicketAction } from '#model/tickets'
import { seconds } from '#model/time'
import { ApiError, api } from '$lib/api.ts'
import { drop, keep, kept, sendAll, waitMs, type Answer, type Waiting } from './outbox.ts'

/** What a crew does where there is no signal; everything else needs the server's answer at once. */
const MAY_WAIT: readonly TicketAction[] = [
  'accept',
  'start',
  'claim',
  'refuse',
  'defer',
  'extend',
  'resume',
  'comment'
]
export const mayWait = (action: TicketAction): boolean => MAY_WAIT.includes(action)

/** The server has looked at it and will not have it; asking again says the same. */
const REFUSALS: readonly ApiError['code'][] = [
  'bad-request',
  'forbidden',
  'not-found',
  'conflict',
  'move-not-allowed',
  'reason-required',
  'too-large'
]
/** A bad signal keeps one waiting: then it is saved and tried again. */
const ANSWER_WITHIN_MS = seconds(12)
const KEY = Symbol('outbox')
const LOCK = 'mingjie-outbox'

/** Actions saved on this phone, and the sending of them: at once, when the network is back, and ever so often. */
export class Outbox {
  items = $state.raw<Waiting[]>([])
  sending = $state(false)
  /** How many were answered since the page was opened: whoever shows a ticket asks for it anew. */
  answered = $state(0)
  #session: Session
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(session: Session) {
    this.#session = session
    this.#read()
    addEventListener('online', this.#hurry)
    addEventListener('storage', this.#read)
    document.addEventListener('visibilitychange', this.#hurry)
    if (this.waiting.length > 0) void this.flush()
  }

  close() {
    this.#closed = true
    clearTimeout(this.#timer)
    removeEventListener('online', this.#hurry)
    removeEventListener('storage', this.#read)
    document.removeEventListener('visibilitychange', this.#hurry)
  }

  get waiting(): Waiting[] {
    return this.items.filter(({ refused }) => refused === undefined)
  }
  get refused(): Waiting[] {
    return this.items.filter(({ refused }) => refused !== undefined)
  }
  of(ticket: string): Waiting[] {
    return this.waiting.filter(one => one.ticket === ticket)
  }

  /**
   * Does it now, or keeps it for later. `saved`: it is on this phone and goes by itself.
   * @throws ApiError when the server refuses it, or when the phone cannot keep it either
   */
  async act(
    ticket: TicketSummary | TicketDetail,
    request: TicketActionRequest,
    { key, at }: { key: string; at: number }
  ): Promise<'done' | 'saved'> {
    const { id, title, subjectName: place } = ticket
    const one: Waiting = {
      ...{ key, ticket: id, title, place, request },
      who: this.#session.username,
      savedAt: at
    }
    if (!mayWait(request.action)) {
      await post(one)
      return 'done'
    }
    // Kept before it is sent: a phone that dies on the way still has it.
    const isKept = this.#keep(one)
    if (isKept && this.waiting.length > 1) {
      await this.flush()
    } else {
      try {
        await post(one)
        if (isKept) drop(localStorage, key)
        this.#read()
        return 'done'
      } catch (error) {
        if (isRefusal(error)) {
          if (isKept) drop(localStorage, key)
          this.#read()
          throw error
        }
        if (!isKept) throw error
      }
      this.#later()
    }
    const left = this.items.find(item => item.key === key)
    if (!left) return 'done'
    if (left.refused === undefined) return 'saved'
    this.dismiss(key)
    throw new ApiError('move-not-allowed', left.refused)
  }

  dismiss(key: string) {
    drop(localStorage, key)
    this.#read()
  }

  /** Tries to send everything now. */
  flush = async (): Promise<void> => {
    clearTimeout(this.#timer)
    if (this.sending || this.#closed) return
    this.sending = true
    try {
      const all = () => sendAll(localStorage, this.#session.username, this.#send)
      // Two tabs would ask twice; the key makes it once all the same.
      const empty = await (navigator.locks ? navigator.locks.request(LOCK, all) : all())
      this.#tries = empty ? 0 : this.#tries + 1
    } catch {
      this.#tries++
    } finally {
      this.sending = false
      this.#read()
    }
    if (this.waiting.length > 0) this.#later()
  }

  #send = async (one: Waiting): Promise<Answer> => {
    try {
      await post(one)
      this.answered++
      return 'done'
    } catch (error) {
      if (!isRefusal(error)) return 'again'
      this.answered++
      return { refused: error.detail ?? error.code }
    } finally {
      queueMicrotask(this.#read)
    }
  }

  #keep(one: Waiting): boolean {
    try {
      keep(localStorage, one)
      this.#read()
      return true
    } catch {
      return false
    }
  }

  #read = () => {
    let all: Waiting[] = []
    try {
      all = kept(localStorage)
    } catch {
      // No storage here: nothing is kept, and nothing is said to be.
    }
    this.items = all.filter(({ who }) => who === this.#session.username)
  }
  #later() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), waitMs(this.#tries, Math.random()))
  }
  #hurry = () => {
    if (document.visibilityState !== 'visible' || this.waiting.length === 0) return
    this.#tries = 0
    void this.flush()
  }
}

const post = ({ ticket, request, key }: Waiting): Promise<TicketDetail> =>
  api<TicketDetail>(`/api/tickets/${encodeURIComponent(ticket)}/actions`, {
    method: 'POST',
    json: request,
    headers: { 'idempotency-key': key },
    withinMs: ANSWER_WITHIN_MS
  })

const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && REFUSALS.includes(error.code)

export const setOutbox = (session: Session): Outbox => setContext(KEY, new Outbox(session))
export const useOutbox = () => getContext<Outbox>(KEY)
