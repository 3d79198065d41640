import { untrack } from 'svelte'
import { api } from './api.ts'

/**
 * What a path of the server answers, fetched anew whenever the path changes and every `everyMs` while someone looks.
 * An answer that comes after a newer question is dropped; the last good answer stays while the next is on its way.
 */
export class Fetched<T> {
  data = $state.raw<T>()
  error = $state.raw<unknown>()
  loading = $state(false)
  #path: () => string | undefined
  #question = 0

  constructor(path: () => string | undefined, everyMs?: number) {
    this.#path = path
    $effect(() => {
      path()
      untrack(() => void this.reload())
    })
    $effect(() => {
      if (!everyMs) return
      const timer = setInterval(() => document.visibilityState === 'visible' && void this.reload(), everyMs)
      return () => clearInterval(timer)
    })
  }

  async reload(): Promise<void> {
    const path = this.#path()
    if (path === undefined) return
    const question = ++this.#question
    this.loading = true
    try {
      const data = await api<T>(path)
      if (question !== this.#question) return
      this.data = data
      this.error = undefined
    } catch (error) {
      if (question === this.#question) this.error = error
    } finally {
      if (question === this.#question) this.loading = false
    }
  }
}
