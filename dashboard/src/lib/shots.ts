import type { Millis } from '#model/time'
import { seconds } from '#model/time'
import { ApiError } from './api-error.ts'
import { photoQueue } from './photo-queue.ts'
import { isRefusal } from './wish.ts'

/** A photo of a form, as its draft names it. */
export interface KeptShot {
  name: string
  /** Its id on this phone; none where the phone keeps nothing. */
  local?: string | undefined
  /** Its id at the server, once it has arrived. */
  id?: string | undefined
  /** Until when the server knows `id`; none: always. */
  until?: Millis | undefined
  /** The server has looked at it and will not have it. */
  refused?: ApiError['code'] | undefined
}
export interface Shot extends KeptShot {
  no: number
  /** The address of its picture; none where its bytes are not on this phone. */
  picture?: string | undefined
  /** How far it is on its way, 0 to 1. */
  share: number
  trying: boolean
  error?: unknown
}

/** Where photos lie until they are of no more use. */
export interface PhotoShelf {
  /** Answers its id here. Rejects with an ApiError when no server would take it, else when nothing can be kept. */
  keep: (file: File) => Promise<string>
  find: (local: string) => Promise<File | undefined>
  drop: (locals: readonly string[]) => Promise<void>
}

export interface ShotOptions {
  upload: (file: File, progress: (share: number) => void) => Promise<{ id: string }>
  /** So long the server knows what has arrived; default always. By this phone's clock, which may be wrong. */
  lifeMs?: Millis | undefined
  shelf: PhotoShelf
  /** What they belong to can wait on this phone, so they can too. */
  keepable: boolean
  most: number
  /** Told of every change. */
  changed: (shots: readonly Shot[], gone: number) => void
  /** Makes a photo small enough for a bad signal. */
  smaller?: (file: File) => Promise<File>
  now?: () => Millis
  /** False: the phone is sure that there is no signal. */
  online: () => boolean
  /** Calls back after a while; answers how to call it off. */
  after?: (ms: Millis, call: () => void) => () => void
}

/** Without an answer one is tried again by itself after so long each; then at a touch, or when the phone has signal again. */
export const AGAIN_MS: readonly Millis[] = [2, 4, 8, 15, 30, 60].map(seconds)

const isLost = ({ error }: Shot): boolean => error instanceof ApiError && error.code === 'unreachable'
const later = (ms: Millis, call: () => void) => {
  const timer = setTimeout(call, ms)
  return () => clearTimeout(timer)
}

export const keptOf = ({ name, local, id, until, refused }: Shot): KeptShot => ({
  name,
  local,
  id,
  until,
  refused
})

/** `here`: it goes from this phone with what it belongs to. `failed`: that would be sent without it. */
export function standing(shot: Shot, keepable: boolean): 'arrived' | 'here' | 'sending' | 'failed' {
  if (shot.id !== undefined) return 'arrived'
  if (keepable && shot.local !== undefined && isLost(shot)) return 'here'
  return shot.trying ? 'sending' : 'failed'
}

/**
 * The photos of one form: each is put on this phone first, so that a page that is taken away has not lost it, then sent. What the
 * signal kept is tried again by itself. `close` ends it, and leaves on the phone what is there.
 */
export function createShots(options: ShotOptions) {
  const { upload, lifeMs, shelf, keepable, most, changed, now = Date.now, after = later } = options
  const { smaller = async file => file, online } = options
  const inTurn = photoQueue()
  const files = new Map<number, File>()
  let shots: readonly Shot[] = []
  let gone = 0
  let count = 0
  let tries = 0
  let closed = false
  let callOff = () => {}

  function set(next: readonly Shot[]) {
    if (closed) return
    shots = next
    changed(shots, gone)
  }
  const of = (no: number) => (closed ? undefined : shots.find(shot => shot.no === no))
  const change = (no: number, more: Partial<Shot>) =>
    set(shots.map(shot => (shot.no === no ? { ...shot, ...more } : shot)))
  const drop = ({ local }: KeptShot) => {
    if (local !== undefined) void shelf.drop([local]).catch(() => undefined)
  }

  async function send(no: number) {
    const file = files.get(no)
    if (!file || !of(no)) return
    change(no, { trying: true, share: 0 })
    const sentAt = now()
    try {
      const { id } = await inTurn(() => {
        if (!of(no)) throw new Error('it was removed')
        if (keepable && !online()) throw new ApiError('unreachable')
        return upload(file, share => change(no, { share }))
      })
      tries = 0
      // The same photo twice is one.
      if (shots.some(shot => shot.id === id && shot.no !== no)) return remove(no)
      const until = lifeMs === undefined ? undefined : sentAt + lifeMs
      change(no, { id, until, trying: false, error: undefined })
    } catch (error) {
      change(no, { trying: false, error, refused: isRefusal(error) ? error.code : undefined })
      wait()
    }
  }
  function wait() {
    callOff()
    const ms = AGAIN_MS[tries]
    if (closed || ms === undefined || !shots.some(isLost)) return
    callOff = after(ms, () => {
      tries++
      again()
    })
  }
  function again() {
    for (const shot of shots) if (isLost(shot) && !shot.trying) void send(shot.no)
  }

  function add(shot: KeptShot): number {
    const no = count++
    set([...shots, { ...shot, no, share: 0, trying: true }])
    return no
  }
  async function begin(no: number, picked: File) {
    const file = await smaller(picked)
    try {
      const local = await shelf.keep(file)
      // Nobody waits for it any more, and no draft names it.
      if (!of(no)) return drop({ name: file.name, local })
      change(no, { local })
    } catch (error) {
      if (error instanceof ApiError) return change(no, { trying: false, error })
    }
    if (!of(no)) return
    files.set(no, file)
    await send(no)
  }
  const isOld = ({ until = Infinity }: KeptShot) => until <= now()
  /** What the server has forgotten by now goes anew, if it is still here. */
  async function bringBack(kept: KeptShot) {
    const no = add(isOld(kept) ? { ...kept, id: undefined, until: undefined } : kept)
    const { local } = kept
    const file = local === undefined ? undefined : await shelf.find(local).catch(() => undefined)
    const shot = of(no)
    if (!shot) return
    const known = shot.id !== undefined
    if (!file && !known) {
      gone++
      return set(shots.filter(shot => shot.no !== no))
    }
    if (file) {
      files.set(no, file)
      change(no, { picture: URL.createObjectURL(file) })
    }
    if (known) change(no, { trying: false })
    else if (shot.refused) change(no, { trying: false, error: new ApiError(shot.refused) })
    else await send(no)
  }

  function remove(no: number) {
    const shot = of(no)
    if (!shot) return
    if (shot.picture) URL.revokeObjectURL(shot.picture)
    files.delete(no)
    drop(shot)
    set(shots.filter(one => one.no !== no))
  }

  return {
    take(picked: readonly File[]) {
      for (const file of picked.slice(0, most - shots.length)) {
        const no = add({ name: file.name })
        change(no, { picture: URL.createObjectURL(file) })
        void begin(no, file)
      }
    },
    /** What a draft named. What is neither here nor known at the server is counted as gone. */
    async restore(kept: readonly KeptShot[]) {
      await Promise.all(kept.map(bringBack))
    },
    send(no: number) {
      tries = 0
      void send(no)
    },
    remove,
    /** Sends what the server has forgotten since it arrived; answers whether there was something. */
    renew(): boolean {
      const old = shots.filter(shot => shot.id !== undefined && isOld(shot) && files.has(shot.no))
      for (const { no } of old) {
        change(no, { id: undefined, until: undefined })
        void send(no)
      }
      return old.length > 0
    },
    /** There is signal again, as the phone says; it may be wrong by a few seconds. */
    hurry() {
      tries = 0
      again()
    },
    close() {
      callOff()
      for (const { picture } of shots) if (picture) URL.revokeObjectURL(picture)
      closed = true
    }
  }
}
