import type { Person } from '#db/people'
import type { Sight } from '#db/ticket-sight'
import type { Crews } from '#ingest/crews'
import type { LiveState } from '#ingest/live-state'

/**
 * What a person may see of tickets; undefined: all of them. A crew member sees those of the crews it is in, and those that no
 * crew has in the areas these serve.
 */
export function sightOf(
  { role, username }: Pick<Person, 'role' | 'username'>,
  { crews, live }: { crews: Pick<Crews, 'crews'>; live: Pick<LiveState, 'areas'> }
): Sight | undefined {
  if (role !== 'crew') return undefined
  const mine = crews.crews().filter(crew => crew.active && crew.members.includes(username))
  const served = new Set(mine.flatMap(({ areas }) => areas))
  const parents = new Map(live.areas().map(({ id, parent }) => [id, parent]))
  const isServed = (area: string): boolean => {
    // No deeper than there are areas, however they were registered.
    let at: string | null | undefined = area
    for (let up = 0; at && up <= parents.size; up++, at = parents.get(at)) if (served.has(at)) return true
    return false
  }
  // An area that nobody registered is still one somebody may serve.
  const areas = new Set([...parents.keys(), ...served].filter(isServed))
  return { crews: mine.map(({ id }) => id), areas: [...areas] }
}
