import { goto } from '$app/navigation'
import { page } from '$app/state'

/** A filter as the address says it, if it is one of those there are. */
export function filterOf<T extends string>(name: string, known: readonly T[]): T | undefined {
  const value = page.url.searchParams.get(name)
  return known.find(one => one === value)
}

/** Puts filters into the address, where they outlive a reload and can be sent to someone; undefined takes one away. */
export function setFilters(filters: Record<string, string | undefined>): Promise<void> {
  const url = new URL(page.url)
  for (const [name, value] of Object.entries(filters)) {
    if (value) url.searchParams.set(name, value)
    else url.searchParams.delete(name)
  }
  return goto(url, { replaceState: true, keepFocus: true, noScroll: true })
}
