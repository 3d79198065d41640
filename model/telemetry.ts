import { Type, type Static } from 'typebox'
import { ID_PATTERN } from './ids.ts'
import { minutes, days } from './time.ts'

/** A device ahead of us by up to this is shifted back and marked `skewed`; further ahead it is quarantined. */
export const MAX_AHEAD_MS = minutes(15)

/** How long raw readings are kept, and so how old a reading may arrive. */
export const RAW_RETENTION_MS = days(35)

/** Entries one message may carry; more is refused as a whole, so that one device cannot hold up the rest. */
export const MAX_ENTRIES = 5000

/** The device's clock: epoch milliseconds or RFC 3339 with a zone. Absent: the moment we received it. */
const At = Type.Union([
  Type.Integer({ minimum: 0, description: 'epoch milliseconds' }),
  // The format alone would take a zone's name behind it (RFC 9557).
  Type.String({
    format: 'date-time',
    pattern: '([Zz]|[+-][0-9]{2}:[0-9]{2})$',
    description: 'RFC 3339 with a zone'
  })
])

export const TelemetryEntry = Type.Object(
  {
    at: Type.Optional(At),
    seq: Type.Optional(Type.Integer({ minimum: 0, description: 'diagnostic only' })),
    device: Type.Optional(
      Type.String({ pattern: ID_PATTERN, description: 'a device registered under the gateway that sends' })
    ),
    // Any name, also one with a line break, which the default pattern would leave unchecked.
    values: Type.Record(
      Type.String({ pattern: '^[\\s\\S]*$' }),
      Type.Union([Type.Number(), Type.Boolean(), Type.String()]),
      { description: 'metric name → value' }
    )
  },
  { additionalProperties: false }
)

/** What is published to `mj/v1/{deviceId}/telemetry`: one entry or an array of them. */
export const TelemetryMessage = Type.Union([
  TelemetryEntry,
  Type.Array(TelemetryEntry, { minItems: 1, maxItems: MAX_ENTRIES })
])
export type TelemetryEntry = Static<typeof TelemetryEntry>
export type TelemetryMessage = Static<typeof TelemetryMessage>

/** `skewed`: the device's clock was ahead and its message was shifted back to our time. */
export const QUALITIES = ['good', 'skewed'] as const
export type Quality = (typeof QUALITIES)[number]

/** Why something could not be understood. */
export const QUARANTINE_REASONS = {
  'not-json': { en: 'Not valid JSON', zh: '不是有效的 JSON' },
  'wrong-shape': { en: 'Not a telemetry report', zh: '不符合上报格式' },
  'too-many-entries': { en: 'Too many entries in one message', zh: '单条消息条目过多' },
  'unknown-device': { en: 'Device not registered', zh: '设备未登记' },
  'foreign-device': { en: 'Device of another gateway', zh: '设备不属于该网关' },
  'unknown-metric': { en: 'Unknown metric', zh: '未知指标' },
  'metric-not-of-kind': { en: 'Metric this kind of device does not have', zh: '该类设备无此指标' },
  'out-of-range': { en: 'Value out of range', zh: '数值超出范围' },
  'no-geometry': { en: 'Distance without the bin’s geometry', zh: '测距缺少桶体尺寸' },
  'dead-zone': { en: 'Distance in the dead zone or over range', zh: '测距处于盲区或超量程' },
  'time-out-of-range': { en: 'Time out of range', zh: '时间超出范围' },
  'program-failed': { en: 'The program failed on it', zh: '程序处理失败' },
  'store-refused': { en: 'Refused by the store', zh: '存储拒绝' }
} as const
export type QuarantineReason = keyof typeof QUARANTINE_REASONS
