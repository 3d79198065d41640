import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Attachments } from '#db/attachments'
import type { Database } from '#db/database'
import type { FacilityCodes, ReportCodes } from '#db/installation'
import type { People } from '#db/people'
import type { TelemetryStore } from '#db/telemetry/store'
import type { TicketHistory } from '#db/ticket-history'
import type { BacktestJobs } from '#ingest/backtest/jobs'
import type { Crews } from '#ingest/crews'
import type { ChangeDesk, LiveState } from '#ingest/live-state'
import type { Lighting } from '#ingest/lighting'
import type { RuleState } from '#ingest/rule-state'
import type { Clock } from '#model/time'

export interface ServerLog {
  warn(details: object, text: string): void
  error(details: object, text: string): void
}

/** All the server needs, built by main and by tests. */
export interface ServerDeps {
  db: Database
  people: People
  tickets: TicketHistory
  telemetry: TelemetryStore
  live: LiveState
  desk: ChangeDesk
  crews: Crews
  rules: RuleState
  lighting: Lighting
  backtests: BacktestJobs
  attachments: Attachments
  codes: FacilityCodes
  reportCodes: ReportCodes
  /** People without an account may report. */
  publicReports: boolean
  /** Told after an import, so that new devices can connect at once. */
  credentials: { refresh(): Promise<void> }
  /** The whole system as one file, while it runs. */
  backup(): AsyncIterable<Buffer>
  clock: Clock
  /** All metrics in Prometheus' text format. */
  metricsText(): Promise<string>
  /** The built page; may be missing. */
  staticDir: string
  /** True when people reach us by https, also through a proxy that ends it. */
  secureCookies: boolean
  /** Addresses and networks of proxies on other machines, believed about who asks; none by default. */
  trustedProxies?: readonly string[] | undefined
  /** Makes the server that listens, for HTTPS; plain HTTP without it. */
  createServer?: ((handle: RequestListener) => RawServerDefault) | undefined
  log: ServerLog
}

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
