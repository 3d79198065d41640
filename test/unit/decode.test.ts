import fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '#ingest/decode'
import { parseRfc3339 } from '#ingest/rfc3339'
import { MAX_ENTRIES, TelemetryMessage } from '#model/telemetry'

const decode = (text: string) => decodeMessage(Buffer.from(text))
const schema = Compile(TelemetryMessage)

describe('a telemetry message', () => {
  it('is one entry or an array of them', () => {
    expect(decode('{"at": 5, "values": {"fillPct": 93.5}}')).toEqual({
      entries: [{ at: 5, values: { fillPct: 93.5 } }]
    })
    expect(decode('[{"values": {}}, {"device": "S-1", "seq": 3, "values": {"lidOpen": true}}]')).toEqual({
      entries: [{ values: {} }, { device: 'S-1', seq: 3, values: { lidOpen: true } }]
    })
  })

  it('may carry its time as RFC 3339 with a zone', () => {
    expect(decode('{"at": "2026-10-01T08:00:00.250+08:00", "values": {}}')).toEqual({
      entries: [{ at: Date.UTC(2026, 9, 1, 0, 0, 0, 250), values: {} }]
    })
  })

  it.each([
    '',
    'fill=93',
    '{"values": {"fillPct": NaN}}',
    '{"values": {"fillPct": Infinity}}',
    '{"values": {}'
  ])('that is %j is not JSON', text => {
    expect(decode(text)).toMatchObject({ reject: { reason: 'not-json', path: '' } })
  })

  it('in broken UTF-8 is not JSON, also where a reader could guess', () => {
    const bytes = Buffer.from('{"values": {"state": "x"}}')
    bytes[bytes.indexOf('x')] = 0xff
    expect(decodeMessage(bytes)).toMatchObject({ reject: { reason: 'not-json' } })
  })

  it.each([
    ['93', '', 'an entry'],
    ['null', '', 'an entry'],
    ['[]', '', 'at least one entry'],
    ['[{"values": {}}, 7]', '[1]', 'an entry'],
    ['{"at": 1}', 'values', 'came nothing'],
    ['{"at": "yesterday", "values": {}}', 'at', 'came "yesterday"'],
    ['{"at": "2026-10-01T08:00:00", "values": {}}', 'at', 'with a zone'],
    ['{"at": -1, "values": {}}', 'at', 'came -1'],
    ['{"seq": 1.5, "values": {}}', 'seq', 'a whole number'],
    ['{"device": "a b", "values": {}}', 'device', 'a device id'],
    ['{"values": {}, "extra": 1}', 'extra', 'expected only'],
    ['{"__proto__": {}, "values": {}}', '__proto__', 'expected only'],
    ['[{"values": {}}, {"values": {"fillPct": null}}]', '[1].values.fillPct', 'came null'],
    ['{"values": {"__proto__": {"a": 1}}}', 'values.__proto__', 'a number'],
    ['{"values": {"fillPct": 1e400}}', 'values.fillPct', 'a number'],
    ['{"values": {"a\\u0000b": []}}', 'values["a\\u0000b"]', 'a number']
  ])('%j has the wrong shape at %j', (text, path, detail) => {
    const decoded = decode(text)
    expect(decoded).toMatchObject({ reject: { reason: 'wrong-shape', path } })
    expect(decoded).toHaveProperty('reject.detail', expect.stringContaining(detail))
  })

  it('of more entries than one device may send is refused as a whole', () => {
    const entries = Array.from({ length: MAX_ENTRIES + 1 }, () => ({ values: {} }))
    expect(decode(JSON.stringify(entries))).toMatchObject({ reject: { reason: 'too-many-entries' } })
    expect(decode(JSON.stringify(entries.slice(1)))).toHaveProperty('entries.length', MAX_ENTRIES)
  })

  it('takes the last of two members of one name, and its depth hurts nobody', () => {
    expect(decode('{"values": {"fillPct": 1, "fillPct": 2}}')).toEqual({
      entries: [{ values: { fillPct: 2 } }]
    })
    const depth = 100_000
    expect(decode('['.repeat(depth) + ']'.repeat(depth))).toMatchObject({ reject: { reason: 'wrong-shape' } })
  })
})

const twoDigits = (max: number) => fc.integer({ min: 0, max }).map(n => String(n).padStart(2, '0'))
const timeLike = fc
  .tuple(
    fc.constantFrom('2026', '2000', '1900', '0000', '0099', '9999', '202'),
    twoDigits(13),
    twoDigits(32),
    fc.constantFrom('T', 't', ' '),
    twoDigits(24),
    twoDigits(60),
    twoDigits(61),
    fc.constantFrom('', '.5', '.123456789', '.', ',5'),
    fc.constantFrom('Z', 'z', '', '+08:00', '-23:59', '+24:00', '+00:60', '+0800', 'Z[Asia/Shanghai]', '\n')
  )
  .map(([y, mo, d, t, h, mi, s, fraction, zone]) => `${y}-${mo}-${d}${t}${h}:${mi}:${s}${fraction}${zone}`)
const leapSecond = fc.constantFrom(
  '2016-12-31T23:59:60Z',
  '2017-01-01T07:59:60+08:00',
  '2017-01-01T08:59:60+08:00'
)
const anyValue = fc.oneof(
  fc.double(),
  fc.boolean(),
  fc.string(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 1 })
)
const anyName = fc.oneof(fc.constantFrom('fillPct', '__proto__', 'constructor', '', 'a\nb', '1'), fc.string())
const anyEntry = fc.record(
  {
    at: fc.oneof(fc.integer(), fc.double(), timeLike, leapSecond, fc.string(), fc.constant(null)),
    seq: fc.oneof(fc.nat(), fc.double(), fc.string()),
    device: fc.oneof(fc.stringMatching(/^[A-Za-z0-9._:-]{0,66}$/), fc.string(), fc.nat()),
    values: fc.oneof(
      fc.dictionary(
        anyName,
        fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string())
      ),
      fc.dictionary(anyName, anyValue, { maxKeys: 3 }),
      fc.jsonValue({ maxDepth: 1 })
    ),
    extra: fc.constant(1)
  },
  { requiredKeys: ['values'] }
)
const anyPlainEntry = fc.record({ values: fc.dictionary(fc.string(), fc.nat()) })
const anyMessage = fc.oneof(
  { weight: 6, arbitrary: anyEntry },
  { weight: 2, arbitrary: fc.array(fc.oneof(anyEntry, anyPlainEntry), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.jsonValue() }
)

describe('the check written by hand', () => {
  it('accepts and refuses exactly what the published schema does', () => {
    fc.assert(
      fc.property(anyMessage, message => {
        const text = JSON.stringify(message)
        expect('entries' in decode(text), text).toBe(schema.Check(JSON.parse(text)))
      }),
      { numRuns: 3000 }
    )
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), bytes => void decodeMessage(bytes)))
  })
})

describe('RFC 3339', () => {
  it('is read as JavaScript reads it where both can', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31'), noInvalidDate: true }),
        date => {
          expect(parseRfc3339(date.toISOString())).toBe(date.getTime())
        }
      )
    )
    expect(parseRfc3339('2026-10-01T08:00:00.9999-03:30')).toBe(Date.parse('2026-10-01T08:00:00.999-03:30'))
  })

  it('may hold a leap second, only at the end of a UTC day', () => {
    expect(parseRfc3339('2016-12-31T23:59:60Z')).toBe(Date.UTC(2017, 0, 1))
    expect(parseRfc3339('2017-01-01T07:59:60+08:00')).toBe(Date.UTC(2017, 0, 1))
    expect(parseRfc3339('2016-12-31T22:59:60Z')).toBeUndefined()
  })
})
