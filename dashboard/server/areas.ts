import type { AreaItem } from '#model/api'

/** The ids of an area and of all below it; the area itself also when nobody registered it. */
export function areasUnder(areas: readonly Pick<AreaItem, 'id' | 'parent'>[], root: string): string[] {
  const under = new Set([root])
  // A set can grow while it is walked: each area found looks for its own children.
  for (const parent of under) {
    for (const area of areas) if (area.parent === parent) under.add(area.id)
  }
  return [...under]
}

/** The id of an area and of all above it. */
export function areasOver(areas: readonly Pick<AreaItem, 'id' | 'parent'>[], area: string): string[] {
  const parents = new Map(areas.map(({ id, parent }) => [id, parent]))
  const over = new Set<string>()
  for (let at: string | null | undefined = area; at && !over.has(at); at = parents.get(at)) over.add(at)
  return [...over]
}
