import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Attachments } from '#db/attachments'
import type { Broker } from '#broker/broker'
import { LATENCY_BUCKETS_MS, type BrokerMetrics } from '#broker/metrics'
import type { Journal } from '#db/journal'
import type { Ingest } from '#ingest/ingest'

/** Everything `/metrics` says beside Node's own figures: read when asked, so that counting costs the parts nothing. */
export function createMetrics(options: {
  journal: Journal
  ingest: Ingest
  attachments: Attachments
  broker: () => Broker | undefined
}): {
  text(): Promise<string>
} {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'mingjie_' })
  const { journal, ingest } = options
  const broker = (): BrokerMetrics | undefined => options.broker()?.metrics

  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name: `mingjie_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read() ?? 0)
      }
    })
  const counter = (
    name: string,
    help: string,
    label: string,
    read: () => Record<string, number> | undefined
  ) =>
    new Counter({
      name: `mingjie_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset()
        for (const [key, value] of Object.entries(read() ?? {})) this.inc({ [label]: key }, value)
      }
    })

  gauge('mqtt_connections', 'Open MQTT sockets', () => broker()?.connections)
  gauge(
    'mqtt_paused_sockets',
    'Sockets not being read, for want of room or for their rate',
    () => broker()?.pausedSockets
  )
  gauge('gate_bytes', 'Bytes read from devices and not yet in the journal', () => broker()?.gateBytes)
  gauge('gate_stalled', '1 while the journal refuses and everything waits', () => broker()?.gateStalled)
  counter('mqtt_messages_total', 'Messages that passed the gate', 'leaf', () => broker()?.messages)
  counter(
    'mqtt_refused_total',
    'Refused connections, packets and subscriptions',
    'reason',
    () => broker()?.refused
  )
  counter('gate_latency_ms_bucket', 'Messages by time from arrival to release, cumulative', 'le', () => {
    let sum = 0
    const counts = broker()?.gateLatency.counts ?? []
    return Object.fromEntries(counts.map((n, i) => [String(LATENCY_BUCKETS_MS[i] ?? '+Inf'), (sum += n)]))
  })
  gauge('journal_bytes', 'Disk the journal takes', () => journal.health().bytes)
  gauge('journal_max_bytes', 'Disk the journal may take', () => journal.health().maxBytes)
  gauge('journal_ok', '0 while appends are refused', () => Number(journal.health().ok))
  gauge('journal_head', 'Newest durable record', () => journal.head())
  gauge(
    'state_behind_records',
    'Records not yet through the rules',
    () => journal.head() - ingest.state.committed()
  )
  gauge(
    'store_behind_records',
    'Records not yet in the telemetry store',
    () => journal.head() - ingest.store.stored()
  )
  gauge('open_tickets', 'Open tickets', () => ingest.live.totals().openTickets)
  gauge('overdue_tickets', 'Open tickets past their time', () => ingest.live.totals().overdueTickets)
  gauge('quarantine_left_out', 'Rejected readings counted but not kept, since the start', () =>
    ingest.state.quarantineLeftOut()
  )
  gauge('attachments_bytes', 'Disk the photos take', () => options.attachments.usage().bytes)
  gauge('attachments_max_bytes', 'Disk the photos may take', () => options.attachments.usage().maxBytes)
  counter('store_total', 'What the telemetry store took and refused', 'what', () => ({
    ...ingest.store.totals()
  }))
  return { text: () => registry.metrics() }
}
