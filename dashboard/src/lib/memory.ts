/** What this browser remembers for its reader; storage may be forbidden, then it forgets. */
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`mingjie.${name}`)
  } catch {
    return null
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`mingjie.${name}`, value)
  } catch {
    // Not remembered; nothing else is lost.
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(`mingjie.${name}`)
  } catch {
    // Then there was nothing.
  }
}

const NOTHING = { getItem: () => null, setItem: () => {} }
/** What this browser keeps, as it is; storage may be forbidden, then it holds nothing and takes nothing. */
export function shelf(): Pick<Storage, 'getItem' | 'setItem'> {
  try {
    return localStorage
  } catch {
    return NOTHING
  }
}
