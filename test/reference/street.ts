import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import { episodesOf, type Episode, type Slot, type Truth } from './episodes.ts'

/** One street at night: a cabinet, its lamps, a gateway that speaks for some of them. Nothing lags, all is journal time. */

export interface Said {
  device: string
  at: Slot
  /** Of a lamp. */
  lit?: boolean
  /** Of the cabinet. */
  energised?: boolean
}

export interface Street {
  /** Which lamps speak through the gateway. */
  lamps: readonly { id: string; device: string; throughGateway: boolean }[]
  gatewayInCabinet: boolean
  said: readonly Said[]
  end: Slot
}

export interface StreetEpisode extends Episode {
  rule: string
  subject: string
}
export interface StreetTicket {
  rule: string
  subject: string
  openedAt: Slot
  closedAt: Slot | null
  reason: 'merged' | 'self-cleared' | null
}

/** On a street everybody speaks at a moment of their own: slots are finer. */
export const STREET_SLOT_MS = 10_000
const MINUTE: Slot = 60_000 / STREET_SLOT_MS
/** Every device of the street is expected each five minutes. */
const INTERVAL: Slot = 5 * MINUTE
const PARENT_WAIT: Slot = 5 * MINUTE
const TARGET_PCT = 98
const ruleOf = (id: string): Rule => DEFAULT_RULES.find(rule => rule.id === id) as Rule

export function streetEpisodes(street: Street): StreetEpisode[] {
  const { lamps, said, end } = street
  const reports = (device: string, slot: Slot) => said.filter(one => one.device === device && one.at <= slot)
  const unheardFor = (device: string, slot: Slot, intervals: number): boolean => {
    const last = reports(device, slot).at(-1)
    return last !== undefined && slot >= last.at + intervals * INTERVAL
  }
  const lit = (device: string, slot: Slot): Truth => {
    const last = reports(device, slot).at(-1)
    return last?.lit === undefined || slot >= last.at + 3 * INTERVAL ? 'unknown' : last.lit
  }
  const energised = (slot: Slot): Truth => {
    const last = reports('cc-1', slot).at(-1)
    return last?.energised === undefined || slot >= last.at + 3 * INTERVAL ? 'unknown' : last.energised
  }
  const gonePct = (slot: Slot): number => {
    const gone = lamps.filter(({ device, throughGateway }) => {
      const excused = throughGateway && unheardFor('gw-1', slot, 2)
      return lit(device, slot) === false || (unheardFor(device, slot, 2) && !excused)
    })
    return (100 * gone.length) / lamps.length
  }
  /** Lamps that are seen lit have power; one that speaks for itself no more says nothing. */
  const litPct = (slot: Slot): number =>
    (100 * lamps.filter(({ device }) => lit(device, slot) === true && !unheardFor(device, slot, 2)).length) /
    lamps.length
  const find = (
    id: string,
    subject: string,
    judged: { when: (s: Slot) => Truth; clear: (s: Slot) => Truth }
  ) => {
    const rule = ruleOf(id)
    const holds = { forSlots: rule.forMs / STREET_SLOT_MS, clearForSlots: rule.clearForMs / STREET_SLOT_MS }
    const always = { quiet: () => false, asleep: () => false }
    return episodesOf({ ...judged, ...holds, ...always }, [{ at: 0, received: 0, learn: () => {} }], end).map(
      (episode): StreetEpisode => ({ ...episode, rule: id, subject })
    )
  }

  const dead = find('cabinet-dead', 'facility:cab-1', {
    when: slot =>
      energised(slot) === false || gonePct(slot) >= 80
        ? true
        : energised(slot) === true || litPct(slot) > 20
          ? false
          : 'unknown',
    // Not met; while its own word is stale only lamps that are lit can tell.
    clear: slot => {
      if (energised(slot) === false || gonePct(slot) >= 80) return false
      const said = energised(slot) === true || reports('cc-1', slot).length === 0
      return said || litPct(slot) > 20 ? true : 'unknown'
    }
  })
  const isDead = (slot: Slot) =>
    dead.some(({ firedAt, endedAt }) => slot >= firedAt && (endedAt === null || slot < endedAt))
  const lampsOut = lamps.flatMap(({ id, device }) =>
    find('lamp-out', `facility:${id}`, {
      when: slot => (lit(device, slot) === 'unknown' ? 'unknown' : lit(device, slot) === false),
      clear: slot => lit(device, slot)
    })
  )
  const silent = [...lamps.map(({ device }) => device), 'cc-1', 'gw-1'].flatMap(device =>
    find('device-silent', `device:${device}`, {
      when: slot => unheardFor(device, slot, 3),
      clear: slot => !unheardFor(device, slot, 3)
    })
  )
  const rate = {
    when: (slot: Slot): Truth => {
      const counted = isDead(slot) ? [] : lamps.map(({ device }) => lit(device, slot))
      const [most, least] = [counted.filter(one => one !== false), counted.filter(one => one === true)]
      // Where no lamp is counted none is missing.
      if (counted.length === 0) return false
      if (100 * most.length < TARGET_PCT * counted.length) return true
      return 100 * least.length < TARGET_PCT * counted.length ? 'unknown' : false
    }
  }
  const rates = ['area:gulou:main', 'road:r-1'].flatMap(subject =>
    find('lighting-rate', subject, {
      ...rate,
      clear: slot => {
        const under = rate.when(slot)
        return typeof under === 'boolean' ? !under : under
      }
    })
  )
  return [...dead, ...lampsOut, ...silent, ...rates]
}

/** Which subjects explain an episode while they fire themselves. */
export function parentsOf(street: Street, { rule, subject }: { rule: string; subject: string }): string[] {
  const cabinet = 'cabinet-dead facility:cab-1'
  if (rule === 'lamp-out') return [cabinet]
  if (rule !== 'device-silent') return []
  const lamp = street.lamps.find(({ device }) => subject === `device:${device}`)
  if (lamp) return [cabinet, ...(lamp.throughGateway ? ['device-silent device:gw-1'] : [])]
  if (subject === 'device:gw-1') return street.gatewayInCabinet ? [cabinet] : []
  return [cabinet]
}

/**
 * A ticket each, where nobody does anything: a child waits, is merged into its parent's once there is one, and waits once
 * more when the parent is over.
 */
export function streetTickets(street: Street, episodes: readonly StreetEpisode[]): StreetTicket[] {
  const done = new Map<StreetEpisode, StreetTicket[]>()
  const ticketsOf = (episode: StreetEpisode): StreetTicket[] => {
    const known = done.get(episode)
    if (known) return known
    const parents = episodes.filter(one => parentsOf(street, episode).includes(`${one.rule} ${one.subject}`))
    const tickets = ticketsBelow(street, episode, {
      isAlone: parentsOf(street, episode).length === 0,
      fires: slot => parents.some(one => one.firedAt <= slot && (one.endedAt === null || slot < one.endedAt)),
      hasTicket: slot =>
        parents.some(one =>
          ticketsOf(one).some(
            ({ openedAt, closedAt }) => openedAt <= slot && (closedAt === null || slot < closedAt)
          )
        )
    })
    done.set(episode, tickets)
    return tickets
  }
  return episodes.flatMap(ticketsOf)
}

function ticketsBelow(
  street: Street,
  { rule, subject, firedAt, endedAt, clearing }: StreetEpisode,
  parent: { isAlone: boolean; fires(slot: Slot): boolean; hasTicket(slot: Slot): boolean }
): StreetTicket[] {
  const over = endedAt ?? Infinity
  // What is due in the moment of a report is decided before it.
  const isClearing = (slot: Slot) => clearing.some(({ from, to }) => from < slot && slot <= to)
  const tickets: StreetTicket[] = []
  let open: StreetTicket | undefined
  let since = firedAt
  for (let slot = firedAt; slot <= Math.min(over, street.end); slot++) {
    if (open && parent.hasTicket(slot)) {
      Object.assign(open, { closedAt: slot, reason: 'merged' })
      open = undefined
    }
    if (parent.fires(slot)) since = slot + 1
    else if (open) continue
    // What is just ending is given time to.
    else if (slot >= since + PARENT_WAIT && isClearing(slot)) since = slot
    else if (parent.isAlone || slot >= since + PARENT_WAIT) {
      open = { rule, subject, openedAt: slot, closedAt: null, reason: null }
      tickets.push(open)
    }
  }
  if (open && endedAt !== null) Object.assign(open, { closedAt: endedAt, reason: 'self-cleared' })
  return tickets
}
