import { getContext, setContext } from 'svelte'
import type {
  ReportedTicket,
  Session,
  TicketActionRequest,
  TicketDetail,
  TicketReportRequest,
  TicketSummary
} from '#model/api'
import type { AttachmentItem } from '#model/attachment-shapes'
import type { ServiceAnswer } from '#model/crews'
import type { Label } from '#model/label'
import type { TicketAction } from '#model/tickets'
import { minutes, seconds } from '#model/time'
import { ApiError, api } from '$lib/api.ts'
import {
  drop,
  isAction,
  keep,
  kept,
  sendAll,
  waitMs,
  type Answer,
  type Waiting,
  type WaitingAction
} from './outbox.ts'
import { isRefusal } from '$lib/wish.ts'
import { dropDraft, photosOf, tidyDrafts } from './drafts.ts'
import { localPhotos } from './photo-names.ts'
import { dropPhotos, sendPhotos, tidyPhotos } from './photos.ts'

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

/** A bad signal keeps one waiting: then it is saved and tried again. */
const ANSWER_WITHIN_MS = seconds(12)
/** A photo of half a megabyte at 5 KB a second. */
const PHOTO_WITHIN_MS = minutes(2)
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
  /** What was answered to what was sent with others, for whoever still looks. */
  // Read when it is waited for, never shown.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  #answers = new Map<string, unknown>()

  constructor(session: Session) {
    this.#session = session
    this.#read()
    addEventListener('online', this.#hurry)
    addEventListener('storage', this.#read)
    document.addEventListener('visibilitychange', this.#hurry)
    if (this.waiting.length > 0) void this.flush()
    void this.#tidy().catch(() => undefined)
  }

  close() {
    this.#closed = true
    clearTimeout(this.#timer)
    removeEventListener('online', this.#hurry)
    removeEventListener('storage', this.#read)
    document.removeEventListener('visibilitychange', this.#hurry)
  }

  get who(): string {
    return this.#session.username
  }
  get waiting(): Waiting[] {
    return this.items.filter(({ refused }) => refused === undefined)
  }
  get refused(): Waiting[] {
    return this.items.filter(({ refused }) => refused !== undefined)
  }
  of(ticket: string): WaitingAction[] {
    return this.waiting.filter(isAction).filter(one => one.ticket === ticket)
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
    const who = this.#session.username
    const one: WaitingAction = { key, ticket: id, title, place, request, who, savedAt: at }
    if (!mayWait(request.action)) {
      await post(one)
      return 'done'
    }
    return (await this.#take(one)) === 'saved' ? 'saved' : 'done'
  }

  /** The same for a report; answers its ticket when the server has it. */
  report(
    report: TicketReportRequest,
    about: { key: string; at: number; title: Label; place: string }
  ): Promise<'saved' | ReportedTicket> {
    const { key, at: savedAt, title, place } = about
    return this.#take({ key, report, title, place, who: this.#session.username, savedAt })
  }

  /** The same for the code on a wall. */
  scan(
    { facility, token }: { facility: string; token: string },
    about: { key: string; at: number; title: Label; place: string }
  ): Promise<'saved' | ServiceAnswer> {
    const { key, at: savedAt, title, place } = about
    return this.#take({ key, facility, scan: { token }, title, place, who: this.#session.username, savedAt })
  }

  async #take<T>(one: Waiting): Promise<'saved' | T> {
    const { key } = one
    // Kept before it is sent: a phone that dies on the way still has it.
    const isKept = this.#keep(one)
    // From here on it is this that goes, photos and all.
    if (isKept && isAction(one)) this.#dropDraft(one)
    if (!isKept) one = await this.#withPhotos(one)
    if (isKept && localPhotos(saidIn(one)).length > 0) {
      // They are here because the signal is bad: nobody waits for them.
      void this.flush()
      return 'saved'
    }
    if (isKept && this.waiting.length > 1) {
      await this.flush()
    } else {
      try {
        const answer = await post<T>(one)
        if (isKept) drop(localStorage, key)
        this.#read()
        return answer
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
    const answer = this.#answers.get(key) as T | undefined
    this.#answers.clear()
    if (!left && answer) return answer
    if (left?.refused === undefined) return 'saved'
    this.dismiss(key)
    throw new ApiError('move-not-allowed', left.refused)
  }

  dismiss(key: string) {
    const one = this.items.find(item => item.key === key)
    if (one) void dropPhotos(localPhotos(saidIn(one))).catch(() => undefined)
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
      const ready = await this.#withPhotos(one)
      this.#answers.set(ready.key, await post(ready))
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

  /** What it says with its photos sent: from then on it is kept so, and says the same however often it goes. */
  async #withPhotos(one: Waiting): Promise<Waiting> {
    const local = localPhotos(saidIn(one))
    if (local.length === 0) return one
    const headers = { 'mingjie-as': one.who }
    const said = await sendPhotos(saidIn(one), file =>
      api<AttachmentItem>('/api/attachments', {
        method: 'POST',
        file,
        headers,
        withinMs: PHOTO_WITHIN_MS
      }).catch(withoutIfFull)
    )
    const ready = { ...one, ...(isAction(one) ? { request: said } : { report: said }) } as Waiting
    if (this.#keep(ready)) await dropPhotos(local)
    return ready
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

  #dropDraft({ who, ticket, request }: WaitingAction) {
    dropDraft(localStorage, { who, ticket, action: request.action }, Date.now())
  }

  async #tidy() {
    const now = Date.now()
    const named = [
      ...kept(localStorage).flatMap(one => localPhotos(saidIn(one))),
      ...tidyDrafts(localStorage, now).flatMap(photosOf)
    ]
    await tidyPhotos(named, now)
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

/** A server with no room for photos still takes the deed. */
function withoutIfFull(error: unknown): undefined {
  if (!(error instanceof ApiError && error.code === 'attachments-full')) throw error
}

/** What of it can name photos. */
const saidIn = (one: Waiting): TicketActionRequest | TicketReportRequest =>
  isAction(one) ? one.request : 'report' in one ? one.report : ({} as TicketReportRequest)

function post<T>(one: Waiting): Promise<T> {
  const [path, json] = isAction(one)
    ? [`/api/tickets/${encodeURIComponent(one.ticket)}/actions`, one.request]
    : 'report' in one
      ? ['/api/tickets', one.report]
      : [`/api/facilities/${encodeURIComponent(one.facility)}/service`, one.scan]
  // Another may have signed in with this browser since.
  const headers = { 'idempotency-key': one.key, 'mingjie-as': one.who }
  return api<T>(path, { method: 'POST', json, headers, withinMs: ANSWER_WITHIN_MS })
}

export const setOutbox = (session: Session): Outbox => setContext(KEY, new Outbox(session))
export const useOutbox = () => getContext<Outbox>(KEY)
