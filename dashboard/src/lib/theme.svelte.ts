import { getContext, setContext } from 'svelte'
import { recall, remember } from './memory.ts'

const KEY = Symbol('theme')

/** Light or dark: the system's, until the reader chooses. `static/theme.js` sets the same before the first paint. */
export class Theme {
  #chosen = $state(recall('theme'))
  #system = $state(matchMedia('(prefers-color-scheme: dark)').matches)
  dark = $derived(this.#chosen ? this.#chosen === 'dark' : this.#system)

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener(
      'change',
      event => (this.#system = event.matches)
    )
  }

  toggle() {
    this.#chosen = this.dark ? 'light' : 'dark'
    remember('theme', this.#chosen)
  }
}

export const setTheme = () => setContext(KEY, new Theme())
export const useTheme = () => getContext<Theme>(KEY)
