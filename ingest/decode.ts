import { isId } from '#model/ids'
import type { RawValue } from '#model/metrics'
import { MAX_ENTRIES, type QuarantineReason } from '#model/telemetry'
import type { Millis } from '#model/time'
import { came, member } from './came.ts'
import { parseRfc3339 } from './rfc3339.ts'

/** One entry of a message, its shape checked; `at` is the device's clock, absent when it gave none. */
export interface DecodedEntry {
  at?: Millis
  device?: string
  values: Record<string, RawValue>
}

/** Why a message is refused as a whole. */
export interface DecodeReject {
  reason: QuarantineReason
  path: string
  detail: string
}

export type Decoded = { entries: DecodedEntry[] } | { reject: DecodeReject }

const UTF_8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the bytes of a telemetry message. Accepts exactly what the schema `TelemetryMessage` accepts; written by hand
 * because every message passes here. A single entry is an array of one.
 */
export function decodeMessage(payload: Uint8Array): Decoded {
  let message: unknown
  try {
    message = JSON.parse(UTF_8.decode(payload))
  } catch (error) {
    return refused('not-json', '', `expected JSON in UTF-8: ${came((error as Error).message)}`)
  }
  if (!Array.isArray(message)) {
    const wrong = checkEntry(message)
    return wrong ? refused('wrong-shape', wrong.path, wrong.detail) : { entries: [message as DecodedEntry] }
  }
  if (message.length === 0) return refused('wrong-shape', '', 'expected at least one entry, came none')
  if (message.length > MAX_ENTRIES) {
    return refused('too-many-entries', '', `expected at most ${MAX_ENTRIES} entries, came ${message.length}`)
  }
  for (let i = 0; i < message.length; i++) {
    const wrong = checkEntry(message[i])
    if (wrong) return refused('wrong-shape', `[${i}]${wrong.path && `.${wrong.path}`}`, wrong.detail)
  }
  return { entries: message as DecodedEntry[] }
}

interface Wrong {
  path: string
  detail: string
}

/** Says what is wrong with an entry; one that is right has its `at` turned into milliseconds. */
function checkEntry(entry: unknown): Wrong | undefined {
  if (!isObject(entry)) return wrong('', 'an entry {at?, seq?, device?, values}', entry)
  for (const key in entry) {
    const value = entry[key]
    switch (key) {
      case 'values':
        break
      case 'at': {
        const at = typeof value === 'string' ? parseRfc3339(value) : isCount(value) ? value : undefined
        if (at === undefined) return wrong('at', 'epoch milliseconds or RFC 3339 with a zone', value)
        entry.at = at
        break
      }
      case 'seq':
        if (!isCount(value)) return wrong('seq', 'a whole number from 0', value)
        break
      case 'device':
        if (typeof value !== 'string' || !isId(value)) return wrong('device', 'a device id', value)
        break
      default:
        return { path: member('', key), detail: 'expected only at, seq, device and values' }
    }
  }
  const { values } = entry
  if (!isObject(values)) return wrong('values', 'an object of metric name and value', values)
  for (const name in values) {
    const value = values[name]
    // JSON may spell a number too big to be one.
    if (!Number.isFinite(value) && typeof value !== 'boolean' && typeof value !== 'string') {
      return wrong(member('values', name), 'a number, true, false or a text', value)
    }
  }
  return undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0

const wrong = (path: string, expected: string, value: unknown): Wrong => ({
  path,
  detail: `expected ${expected}, came ${came(value)}`
})

const refused = (reason: QuarantineReason, path: string, detail: string): Decoded => ({
  reject: { reason, path, detail }
})
