import type { CrewItem } from '#model/crews'
import { ROLES, type Role } from '#model/tickets'
import { Fetched } from '$lib/fetched.svelte.ts'
import { useTicketWords } from '$lib/i18n/tickets.ts'
import { useWords } from '$lib/i18n/words.svelte.ts'

/** Crews and addressees by the names people know them by. */
export function useNames() {
  const words = useWords()
  const w = useTicketWords()
  const crews = new Fetched<{ items: CrewItem[] }>(() => '/api/crews')
  // Made whole each time, never changed.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  const byId = $derived(new Map(crews.data?.items.map(crew => [crew.id, crew])))
  const crew = (id: string): string => byId.get(id)?.name ?? id

  return {
    crew,
    get crews(): CrewItem[] | undefined {
      return crews.data?.items
    },
    /** The crews of a person. */
    crewsOf: (username: string): CrewItem[] =>
      (crews.data?.items ?? []).filter(({ active, members }) => active && members.includes(username)),
    /** `role:operator`, `crew:c-1`, `unit:…` or a user name, in words. */
    addressee(who: string): string {
      const colon = who.indexOf(':')
      const [kind, id] = [who.slice(0, colon), who.slice(colon + 1)]
      if (colon < 0) return who
      if (kind === 'role' && id in ROLES) return w.t.page.role(words.of(ROLES[id as Role].label))
      return kind === 'crew' ? crew(id) : id
    }
  }
}
