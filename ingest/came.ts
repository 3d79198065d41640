/** How much of what a device sent is quoted in a sentence. */
const QUOTED = 80

/**
 * What came, in words: a text as JSON, for that escapes the control characters no database takes, and cut; of a list
 * or an object only that it is one, for it may be nested deeper than a stack reaches.
 */
export function came(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string' || value.length <= QUOTED) return JSON.stringify(value)
  return `${JSON.stringify(value.slice(0, QUOTED))}…`
}

/** A path one member deeper: `values.fillPct`, or `values["a b"]` for a name that is no plain word. */
export const member = (path: string, name: string): string =>
  /^\w{1,64}$/.test(name) ? `${path}${path && '.'}${name}` : `${path}[${came(name)}]`
