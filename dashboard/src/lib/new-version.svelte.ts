import { updated } from '$app/state'
import { minutes, seconds } from '#model/time'

/** Nobody has touched the page for so long: a wall, or a phone that was laid down. */
const IDLE_MS = seconds(30)
/** However wrong a server or a proxy is: the page never reloads itself more often. */
const ONCE_IN_MS = minutes(10)
const NAME = 'mingjie.reloaded'

/**
 * Follows new versions of the page. With a service worker the new version is taken when it is on this device whole, else as
 * soon as the server has it. It is taken at the next step inside the app, or when nobody is at the page and nothing is being
 * filled in.
 */
export class NewVersion {
  /** The next page load is of the new version. */
  ready = $state(false)
  #touchedAt = Date.now()
  #timer: ReturnType<typeof setInterval>
  #hadWorker = Boolean(worker()?.controller)

  constructor() {
    this.#timer = setInterval(this.#look, seconds(5))
    addEventListener('pointerdown', this.#touched)
    addEventListener('keydown', this.#touched)
    document.addEventListener('visibilitychange', this.#look)
    worker()?.addEventListener('controllerchange', this.#taken)
  }

  close() {
    clearInterval(this.#timer)
    removeEventListener('pointerdown', this.#touched)
    removeEventListener('keydown', this.#touched)
    document.removeEventListener('visibilitychange', this.#look)
    worker()?.removeEventListener('controllerchange', this.#taken)
  }

  /** Asks the server whether it has another version; call it when the server may have been replaced. */
  async ask(): Promise<void> {
    try {
      if (!(await updated.check())) return
      if (worker()?.controller) await (await worker()?.getRegistration())?.update()
      else this.ready = true
    } catch {
      // Out of reach again: asked the next time.
    }
  }

  /** The first worker of this device brings nothing new. */
  #taken = () => {
    if (this.#hadWorker) this.ready = true
    this.#hadWorker = true
  }
  #touched = () => (this.#touchedAt = Date.now())
  #look = () => {
    const idle = document.visibilityState === 'hidden' || Date.now() - this.#touchedAt > IDLE_MS
    if (!this.ready || !idle || document.querySelector('main form, dialog[open]')) return
    try {
      if (Date.now() - Number(sessionStorage.getItem(NAME) ?? 0) < ONCE_IN_MS) return
      sessionStorage.setItem(NAME, String(Date.now()))
    } catch {
      // What cannot be counted is not done.
      return
    }
    location.reload()
  }
}

/** Only where the page came over HTTPS, or from this machine. */
function worker(): ServiceWorkerContainer | undefined {
  return 'serviceWorker' in navigator ? navigator.serviceWorker : undefined
}
