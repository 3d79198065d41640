import { untrack } from 'svelte'
import { api } from './api.ts'

/** A list of the server read page by page; starts anew whenever the path changes. */
export class Paged<T> {
  items = $state.raw<T[]>()
  error = $state.raw<unknown>()
  loading = $state(false)
  #next = $state<string | null>(null)
  more = $derived(this.#next !== null)
  #path: () => string
  #question = 0

  constructor(path: () => string) {
    this.#path = path
    $effect(() => {
      path()
      untrack(() => void this.reload())
    })
  }

  reload = () => this.#fetch()
  showMore = () => this.#fetch(this.#next)

  async #fetch(cursor: string | null = null): Promise<void> {
    const question = ++this.#question
    this.loading = true
    const path = this.#path()
    const sep = path.includes('?') ? '&' : '?'
    try {
      const url = cursor === null ? path : `${path}${sep}cursor=${encodeURIComponent(cursor)}`
      const page = await api<{ items: T[]; nextCursor: string | null }>(url)
      if (question !== this.#question) return
      this.items = cursor === null ? page.items : [...(this.items ?? []), ...page.items]
      this.#next = page.nextCursor
      this.error = undefined
    } catch (error) {
      if (question === this.#question) this.error = error
    } finally {
      if (question === this.#question) this.loading = false
    }
  }
}
