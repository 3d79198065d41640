import type { Broker } from '#broker/broker'
import type { Journal } from '#db/journal'
import type { TelemetryStore } from '#db/telemetry/store'
import type { Ingest } from '#ingest/ingest'
import type { SystemState } from '#model/api'
import type { Label } from '#model/label'
import { seconds, type Clock, type Millis } from '#model/time'

/** Behind by more than this many records for a while means a part does not keep up. */
const BEHIND_RECORDS = 100_000
const RATE_OVER_MS = seconds(5)

type Trouble = SystemState['troubles'][number]

/** What is wrong, in words a person can act on. Each row is shown on every page and makes readiness false. */
export const TROUBLES = {
  starting: { en: 'Starting', zh: '正在启动' },
  journal: {
    en: 'Messages are not accepted: the journal cannot be written. Free disk space or repair the disk; devices keep their messages and deliver them then.',
    zh: '暂不接收消息：日志无法写入。请清理磁盘空间或修复磁盘；设备会保留消息并在恢复后补传。'
  },
  rules: {
    en: 'Tickets stand still: the database does not take them. Messages are kept; everything catches up when it does again.',
    zh: '工单暂停更新：数据库不可用。消息已保存，恢复后自动补齐。'
  },
  store: {
    en: 'History stands still: the telemetry store takes no readings. They are kept; tickets go on.',
    zh: '历史数据暂停写入：时序库不可用。数据已保存，工单不受影响。'
  },
  behind: {
    en: 'Behind: more messages come in than are worked off.',
    zh: '处理滞后：消息积压。'
  }
} as const satisfies Record<string, Label>

const trouble = (part: keyof typeof TROUBLES, detail: string): Trouble => ({
  part,
  label: TROUBLES[part],
  detail
})

/** While the start waits for something. */
export const startingTrouble = (reason: string): Trouble => trouble('starting', reason)

/** Puts the state of the whole together from its parts; asked at every page and by readiness. */
export function watchSystem(options: {
  journal: Journal
  telemetry: TelemetryStore
  clock: Clock
  simulated: boolean
  timeZone: string
  version: string
  /** Without secrets. */
  telemetryAddress: string
}) {
  const { journal, telemetry, simulated, timeZone, version, telemetryAddress } = options
  let parts: { ingest: Ingest; broker: Broker } | undefined
  let last = { at: performance.now(), messages: 0, rate: 0 }

  function rate(messages: number): number {
    const elapsedMs = performance.now() - last.at
    if (elapsedMs < RATE_OVER_MS) return last.rate
    last = { at: performance.now(), messages, rate: ((messages - last.messages) * 1000) / elapsedMs }
    return last.rate
  }

  function troubles(behind: { state: number; store: number }): Trouble[] {
    if (!parts) return [trouble('starting', '')]
    const found: Trouble[] = []
    const log = journal.health()
    if (!log.ok) found.push(trouble('journal', log.reason ?? ''))
    const rules = parts.ingest.state.trouble()
    if (rules) found.push(trouble('rules', `${since(rules.since)}: ${rules.reason}`))
    const store = parts.ingest.store.health()
    if (!store.ok) found.push(trouble('store', `${since(store.since)}: ${store.reason ?? ''}`))
    if (behind.state > BEHIND_RECORDS || behind.store > BEHIND_RECORDS) {
      found.push(trouble('behind', `rules ${behind.state}, store ${behind.store} messages`))
    }
    return found
  }

  return {
    ready: (running: { ingest: Ingest; broker: Broker }) => void (parts = running),
    broker: (): Broker | undefined => parts?.broker,
    state(): SystemState {
      const health = journal.health()
      const behind = {
        state: parts ? health.head - parts.ingest.state.committed() : 0,
        store: parts ? health.head - parts.ingest.store.stored() : 0
      }
      const found = troubles(behind)
      return {
        ready: found.length === 0,
        troubles: found,
        simulated,
        timeZone,
        telemetryEngine: telemetry.engine,
        telemetryServer: { version: telemetry.version() ?? null, address: telemetryAddress },
        connections: parts?.broker.metrics.connections ?? 0,
        messagesPerSecond: rate(parts?.broker.metrics.messages.telemetry ?? 0),
        journalAt: parts ? new Date(parts.ingest.live.now()).toISOString() : null,
        behind,
        journal: { bytes: health.bytes, maxBytes: health.maxBytes },
        version
      }
    }
  }
}

const since = (at: Millis | undefined): string =>
  at === undefined ? '' : `since ${new Date(at).toISOString()}`
