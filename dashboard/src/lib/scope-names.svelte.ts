import { getContext, setContext, untrack } from 'svelte'
import type { AreaItem } from '#model/api'
import { Fetched } from './fetched.svelte.ts'

const KEY = Symbol('scope names')

/** What the places of exceptions are called: areas by the tree, others as the server or a picker said it. */
export class ScopeNames {
  #areas = new Fetched<{ items: AreaItem[] }>(() => '/api/areas')
  #known = $state.raw<Record<string, string>>({})

  of = (scope: string): string | undefined =>
    this.#known[scope] ??
    (scope.startsWith('area:')
      ? this.#areas.data?.items.find(({ id }) => id === scope.slice('area:'.length))?.name
      : undefined)

  add(scope: string, name: string): void {
    this.addAll({ [scope]: name })
  }
  addAll(names: Record<string, string>): void {
    // What is added is not looked at: an effect may add.
    this.#known = { ...untrack(() => this.#known), ...names }
  }
}

export const provideScopeNames = (): ScopeNames => setContext(KEY, new ScopeNames())
export const useScopeNames = (): ScopeNames => getContext<ScopeNames>(KEY)
