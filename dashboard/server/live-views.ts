import type { TicketHistory } from '#db/ticket-history'
import type { Sight } from '#db/ticket-sight'
import type { Episode, FacilitySummary, TicketSummary } from '#model/api'
import type { LiveView } from '#model/live'
import { seconds, type Millis } from '#model/time'
import type { LiveState } from '#ingest/live-state'
import { areasUnder } from './areas.ts'
import { asksForOpen } from './ticket-routes.ts'

/** The database is asked for one view at most this often, however much changes. */
const FACILITY_HISTORY_EVERY_MS = seconds(1)
const ENDED_TICKETS_EVERY_MS = seconds(2)
const SHOWN_HISTORY = 100

/** A part of a picture as it is sent, and the revision it last changed with. */
interface Part {
  json: string
  rev: number
}

/** A view as JSON, in parts that change on their own. */
export interface Picture {
  /** Items of a list by id. */
  items: Map<string, Part>
  /** Ids in order. */
  order: Part
  total: Part
  /** A facility's picture, whole. */
  whole: Part
}

/** A view somebody looks at, computed once for all who look at the same. */
export interface WatchedView {
  at: LiveView
  picture: Picture
  /** False until it was computed once. */
  known: boolean
  /** Brings the picture up to date. Undefined when that is done; a promise where the database has to answer. */
  refresh(nowMs: Millis): Promise<void> | undefined
}

/** Gives every change of any picture a number, so that each reader gets what is newer than what it has. */
export interface Revisions {
  next(): number
}

const UNKNOWN: Part = { json: '', rev: 0 }

export function watchView(
  at: LiveView,
  {
    live,
    tickets,
    revisions,
    sight,
    sightVersion
  }: {
    live: LiveState
    tickets: TicketHistory
    revisions: Revisions
    /** What its readers may see of tickets now; undefined: all. */
    sight: () => Sight | undefined
    /** Grows when that may be something else. */
    sightVersion: () => number
  }
): WatchedView {
  const picture: Picture = { items: new Map(), order: UNKNOWN, total: UNKNOWN, whole: UNKNOWN }
  const view: WatchedView = { at, picture, known: false, refresh: () => undefined }
  const seen = (of: Versioned): Versioned => ({ version: () => of.version() + sightVersion() })
  const put = (list: { items: (FacilitySummary | TicketSummary)[]; total: number }) => {
    putList(picture, list, revisions.next())
    view.known = true
  }

  if (at.view === 'none') view.known = true
  if (at.view === 'facilities') {
    view.refresh = whenNewer(live, () => put(live.facilities(at.query)))
  }
  if (at.view === 'tickets' && asksForOpen(at.query)) {
    view.refresh = whenNewer(seen(live), () => put(live.openTickets(at.query, sight())))
  }
  if (at.view === 'tickets' && !asksForOpen(at.query)) {
    const { area, cursor: _, ...query } = at.query
    view.refresh = whenNewerSlowly(seen(live), async () => {
      const asked = { ...query, sight: sight() }
      const filter = area === undefined ? asked : { ...asked, areas: areasUnder(live.areas(), area) }
      const [{ items }, total] = await Promise.all([tickets.tickets(filter), tickets.count(filter)])
      put({ items, total })
    })
  }
  if (at.view === 'facility') {
    let history: { episodes: Episode[]; tickets: TicketSummary[] } | undefined
    const draw = () => {
      if (!history) return
      const json = JSON.stringify({ facility: live.facility(at.id) ?? null, ...history })
      picture.whole = changed(picture.whole, json, revisions.next())
      view.known = true
    }
    const version = seen({ version: () => live.facilityVersion(at.id) })
    const redraw = whenNewer(version, draw)
    const reread = whenNewerSlowly(
      version,
      async () => {
        const [episodes, its] = await Promise.all([
          tickets.episodes({ facility: at.id, limit: SHOWN_HISTORY }),
          tickets.tickets({ facility: at.id, status: 'all', limit: SHOWN_HISTORY, sight: sight() })
        ])
        history = { episodes: episodes.items, tickets: its.items }
        draw()
      },
      FACILITY_HISTORY_EVERY_MS
    )
    view.refresh = nowMs => {
      void redraw()
      return reread(nowMs)
    }
  }
  return view
}

function putList(
  picture: Picture,
  { items, total }: { items: (FacilitySummary | TicketSummary)[]; total: number },
  rev: number
): void {
  const before = picture.items
  picture.items = new Map(
    items.map(item => [item.id, changed(before.get(item.id) ?? UNKNOWN, JSON.stringify(item), rev)])
  )
  picture.order = changed(picture.order, JSON.stringify(items.map(item => item.id)), rev)
  picture.total = changed(picture.total, String(total), rev)
}

const changed = (part: Part, json: string, rev: number): Part => (part.json === json ? part : { json, rev })

interface Versioned {
  version(): number
}

/** Does it when the version differs from the last time. */
function whenNewer(of: Versioned, work: () => void): () => undefined {
  let done: number | undefined
  return () => {
    const version = of.version()
    if (version === done) return
    work()
    done = version
  }
}

/**
 * The same for what the database tells: one at a time, at most every `everyMs`, again after a failure. What is live is
 * ahead of what is committed, so a version is done with once it was read twice.
 */
function whenNewerSlowly(
  of: Versioned,
  work: () => Promise<void>,
  everyMs = ENDED_TICKETS_EVERY_MS
): (nowMs: Millis) => Promise<void> | undefined {
  let once: number | undefined
  let done: number | undefined
  let notBefore = -Infinity
  let running: Promise<void> | undefined
  return nowMs => {
    const version = of.version()
    if (running || version === done || nowMs < notBefore) return running
    notBefore = nowMs + everyMs
    running = work()
      .then(() => {
        if (once === version) done = version
        once = version
      })
      .finally(() => (running = undefined))
    return running
  }
}

/** What of a picture is newer than `rev`, as members of a `changes` message. */
export function changesSince(picture: Picture, rev: number): string[] {
  const parts: string[] = []
  const { items, order, total, whole } = picture
  if (total.rev > rev) parts.push(`"total":${total.json}`)
  const newer = [...items.values()].filter(item => item.rev > rev)
  if (newer.length > 0) parts.push(`"upsert":[${newer.map(item => item.json).join(',')}]`)
  if (order.rev > rev) parts.push(`"order":${order.json}`)
  if (whole.rev > rev) parts.push(`"facility":${whole.json}`)
  return parts
}

/** The whole picture, as `model/live` names its parts. */
export function pictureJson({ at, picture }: WatchedView): string {
  const view = `"view":${JSON.stringify(at.view)}`
  if (at.view === 'none') return `{${view}}`
  if (at.view === 'facility') return `{${view},${picture.whole.json.slice(1)}`
  const items = [...picture.items.values()].map(item => item.json).join(',')
  return `{${view},"total":${picture.total.json},"items":[${items}]}`
}
