import { expectedIntervalMs } from '#model/device-models'
import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import type { Device, Facility } from '#model/registry'
import type { Condition, Rule } from '#model/rules'
import { allOf, anyOf, isOpen, metricsOf, truthOf, type Looked, type Reading } from './truth.ts'
import {
  episodesOf,
  SLOT_MS,
  type Episode,
  type Judged,
  type Moment,
  type Slot,
  type Truth
} from './episodes.ts'

/** One facility and its devices: which episodes and tickets follow from all that was ever heard. */

export interface Message {
  device: string
  at: Slot
  received: Slot
  values: Partial<Record<MetricId, RawValue>>
}

export interface Past {
  start: number
  facility: Facility
  devices: readonly Device[]
  rules: readonly Rule[]
  /** In the order of arrival. */
  messages: readonly Message[]
  /** What a device sends in one moment is one message. */
  bundled?: boolean
  services: readonly Slot[]
  /** Nothing begins at the facility from `from` until before `to`, once it was entered. */
  maintenance: readonly { entered: Slot; from: Slot; to: Slot }[]
  /** Ours: nobody was awake from `from` until before `to`. */
  outages: readonly { from: Slot; to: Slot }[]
  end: Slot
}

export interface Follows {
  rule: string
  subject: string
  startedAt: Slot
  firedAt: Slot
  endedAt: Slot | null
  openedAt: Slot
  closed: boolean
}

/** The same past, where each device sends what it sends in one moment as one message, by the time it was measured. */
export function bundled(past: Past): Past {
  const bundles = new Map<string, Message[]>()
  for (const message of past.messages) {
    const key = `${message.received} ${message.device}`
    bundles.set(key, [...(bundles.get(key) ?? []), message])
  }
  const messages = [...bundles.values()].flatMap(bundle => bundle.toSorted((a, b) => a.at - b.at))
  return { ...past, messages, bundled: true }
}

/** The same past without what a device sends after something newer of its own: one that stores sends in the order of its clock. */
export function inOrder(past: Past): Past {
  const messages = past.messages.filter(
    ({ device, at, received }) =>
      !past.messages.some(other => other.device === device && other.received < received && other.at > at)
  )
  return { ...past, messages }
}

/** A rule's subject: the devices that are looked at, one by one. */
export function reference(past: Past): Follows[] {
  const { facility, devices, rules } = past
  return rules
    .flatMap(rule => {
      if (rule.id === 'device-silent')
        return devices.flatMap(device => follows(rule, `device:${device.id}`, silence(past, device)))
      if (rule.subject === 'device')
        return devices.flatMap(device => follows(rule, `device:${device.id}`, single(past, rule, [device])))
      if (rule.subject !== facility.kind) return []
      return follows(rule, `facility:${facility.id}`, single(past, rule, devices))
    })
    .sort(byName)
}

export const byName = (a: Follows, b: Follows): number =>
  a.rule.localeCompare(b.rule) || a.subject.localeCompare(b.subject) || a.startedAt - b.startedAt

const follows = (rule: Rule, subject: string, episodes: Episode[]): Follows[] =>
  episodes.map(({ startedAt, firedAt, endedAt, firedKnownAt }) => ({
    rule: rule.id,
    subject,
    startedAt,
    firedAt,
    endedAt,
    openedAt: firedKnownAt,
    closed: endedAt !== null
  }))

const quietAt =
  ({ maintenance }: Past) =>
  (slot: Slot, changed: boolean): boolean =>
    maintenance.some(
      ({ entered, from, to }) => (changed ? slot >= entered : slot > entered) && slot >= from && slot < to
    )
const asleepAt =
  ({ outages }: Past) =>
  (slot: Slot): boolean =>
    outages.some(({ from, to }) => slot >= from && slot < to)

/** Messages without what is late: not newer than the newest of the same device and metric. */
function notLate(messages: readonly Message[]): { message: Message; readings: Reading[] }[] {
  const newest = new Map<string, Slot>()
  return messages.map(message => {
    const { device, at, values } = message
    const readings = Object.entries(values).flatMap(([name, raw]): Reading[] => {
      const metric = name as MetricId
      const key = `${device} ${metric}`
      if (at <= (newest.get(key) ?? -Infinity)) return []
      newest.set(key, at)
      const encoded = encodeValue(metric, raw)
      if ('expected' in encoded) throw new Error(encoded.expected)
      return [{ device, metric, value: encoded.value, at }]
    })
    return { message, readings }
  })
}

const slotsOfDay = (time: string): Slot => {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return ((hour * 60 + minute) * 60_000) / SLOT_MS
}

/**
 * While one device has said something of what the rule reads: by that device's own time. From the first word of a second one on: by
 * the journal's time, over what is fresh then. Of several devices those that can tell are asked, as long as there is one: one that
 * meets the condition is enough, all of them must clear.
 */
function single(past: Past, rule: Rule, devices: readonly Device[]): Episode[] {
  const known: Reading[] = []
  const openHours = rule.windows.map(({ from, to }) => [slotsOfDay(from), slotsOfDay(to)] as const)
  const looked = (device: Device): Looked => ({
    device,
    facility: past.facility,
    readings: known,
    services: past.services,
    start: past.start,
    openHours
  })
  const says = (condition: Condition, device: Device, slot: Slot): Truth =>
    truthOf(condition, looked(device), slot, condition === rule.when)
  const asked = (slot: Slot): readonly Device[] => {
    const telling = devices.filter(device => typeof says(rule.when, device, slot) === 'boolean')
    return telling.length > 0 ? telling : devices
  }
  const each = (condition: Condition, slot: Slot): Truth[] =>
    asked(slot).map(device => says(condition, device, slot))
  const quiet = quietAt(past)
  const judged: Judged = {
    when: slot => anyOf(each(rule.when, slot)),
    // What still meets the condition does not clear: a bin that warmed by ten degrees in a minute and is at 44 °C.
    clear: slot => (anyOf(each(rule.when, slot)) === true ? false : allOf(each(rule.clear, slot), false)),
    forSlots: rule.forMs / SLOT_MS,
    clearForSlots: rule.clearForMs / SLOT_MS,
    quiet: (slot, changed) => quiet(slot, changed) || !isOpen({ openHours, start: past.start }, slot),
    asleep: asleepAt(past)
  }
  // A report that says nothing of what the rule reads does not move its time on.
  const read = [...metricsOf(rule.when), ...metricsOf(rule.clear)]
  const speaking = new Set<string>()
  const news = notLate(past.messages)
  /** By the journal's time only the newest word of a message is true at its moment. */
  const isOvertaken = ({ message, readings }: (typeof news)[number]): boolean =>
    past.bundled === true &&
    speaking.size > 1 &&
    news.some(
      other =>
        other.message.device === message.device &&
        other.message.received === message.received &&
        other.message.at > message.at &&
        other.readings.some(
          ({ metric }) => read.includes(metric) && readings.some(mine => mine.metric === metric)
        )
    )
  const moments = news
    .filter(
      ({ message, readings }) =>
        devices.some(({ id }) => id === message.device) &&
        readings.some(({ metric }) => read.includes(metric))
    )
    .map((one): Moment => {
      const { readings } = one
      const { device, at, received } = one.message
      speaking.add(device)
      return {
        overtaken: isOvertaken(one),
        at: speaking.size > 1 ? received : at,
        received,
        learn: () => void known.push(...readings)
      }
    })
  return episodesOf(judged, moments, past.end)
}

/** By arrival, whatever was said; after an outage of ours all of it anew. After that and after announced work it has an interval of grace. */
function silence(past: Past, device: Device): Episode[] {
  const interval = expectedIntervalMs(device) / SLOT_MS
  const arrivals = past.messages
    .filter(message => message.device === device.id)
    .map(({ received }) => received)
  const heard = { count: 0 }
  const silentFrom = (slot: Slot): Slot | undefined => {
    const last = arrivals[heard.count - 1]
    if (last === undefined) return undefined
    let from = last + 3 * interval
    for (const outage of past.outages)
      if (outage.to <= slot && outage.from <= from) from = Math.max(from, outage.to + 4 * interval)
    return from
  }
  const moments = arrivals.map((at): Moment => ({ at, received: at, learn: () => void heard.count++ }))
  return episodesOf(
    {
      when: slot => slot >= (silentFrom(slot) ?? Infinity),
      clear: slot => arrivals[heard.count - 1] === slot,
      forSlots: 0,
      clearForSlots: 0,
      quiet: quietAt({ ...past, maintenance: past.maintenance.map(one => longer(one, interval)) }),
      asleep: asleepAt(past)
    },
    moments,
    past.end
  )
}

/** One that was over when it was entered was none. */
const longer = (work: Past['maintenance'][number], slots: number) =>
  work.entered < work.to ? { ...work, to: work.to + slots } : work
