import type { Attachment } from 'svelte/attachments'

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')

/** `/` puts the cursor into the page's search box. */
export function focusSearch(event: KeyboardEvent) {
  if (event.key !== '/' || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
  const search = document.querySelector<HTMLInputElement>('input[type=search]')
  if (!search) return
  event.preventDefault()
  search.focus()
  search.select()
}

const STEPS: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }

/** j and k, or the arrows, move between the links of a list marked `data-row`; Enter opens one as ever. */
export const rowKeys: Attachment<HTMLElement> = list => {
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (!step || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
    if (document.querySelector('dialog[open]')) return
    const rows = [...list.querySelectorAll<HTMLElement>('[data-row]')]
    const at = rows.indexOf(document.activeElement as HTMLElement)
    // The arrows scroll the page until a row has the focus.
    if (at < 0 && event.key.startsWith('Arrow')) return
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step]
    if (!next) return
    event.preventDefault()
    next.focus()
  }
  addEventListener('keydown', move)
  return () => removeEventListener('keydown', move)
}

/** The letter of a shortcut, unless somebody types, a dialog is open, or it belongs to the browser. */
export function letterOf(event: KeyboardEvent): string | undefined {
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return undefined
  return document.querySelector('dialog[open]') ? undefined : event.key
}
