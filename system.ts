import { mkdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { startBroker, type Broker } from '#broker/broker'
import type { BrokerLimits } from '#broker/limits'
import { backup } from '#db/backup/dump'
import { writeBackup } from '#db/backup/file'
import { ATTACHMENTS, fileAttachments } from '#db/attachments'
import { databaseOn } from '#db/database'
import { deviceCredentials } from '#db/device-credentials'
import { leveldbJournal } from '#db/journal-leveldb'
import { facilityCodes, reportCodes } from '#db/installation'
import { keepTicking, tick } from '#db/journal-ticks'
import { migrateDatabase } from '#db/migrate'
import { postgresPeople, type People } from '#db/people'
import { patientStart } from '#db/postgres/at-start'
import { connectPostgres } from '#db/postgres/connect'
import { startEmbeddedPostgres } from '#db/postgres/embedded'
import { quarantine } from '#db/schema'
import { postgresStateStore } from '#db/state-store'
import { influxTelemetryStore } from '#db/telemetry/influx'
import { postgresOffsetKeeper } from '#db/telemetry/offset-keeper'
import { postgresTelemetryStore } from '#db/telemetry/postgres'
import { postgresTicketHistory } from '#db/ticket-history'
import { openBacktests } from '#ingest/backtest/open'
import { startIngest, type Ingest } from '#ingest/ingest'
import { tellTimeZone } from '#ingest/time-zone'
import { buildServer } from '#server/server'
import { AppError } from '#model/errors'
import { seconds, systemClock, type Clock, type Millis } from '#model/time'
import type { Journal } from '#db/journal'
import { watchCertificates } from './certificates.ts'
import { openSettings, type Config } from './config.ts'
import { createLog, type Log } from './log.ts'
import { createMetrics } from './metrics.ts'
import { watchSystem } from './system-state.ts'
import { waitingDoor } from './waiting-door.ts'

export interface System {
  httpUrl: string
  /** Port 0 when devices must come over TLS. */
  mqttUrl: string
  /** Undefined when there is no TLS. */
  mqttsUrl: string | undefined
  /** The random password of `admin`, at the very first start and never again. */
  adminSecret: string | undefined
  people: People
  journal: Journal
  broker: Broker
  ingest: Ingest
  /** Says that we were alive until now and will be for another `periodMs`; the clock drives it where time is played. */
  tick(periodMs: Millis): Promise<void>
  /** From here on a tick every second of real time. */
  keepTicking(): void
  close(): Promise<void>
}

export const VERSION = '0.1.0'
/** There while a restore runs: what is half there must not start. */
export const RESTORING = 'restoring'
const PAGE = fileURLToPath(new URL('./dashboard/build', import.meta.url))

/** Builds all parts in the order they need each other, and closes them in the opposite one. */
export async function startSystem(options: {
  config: Config
  clock?: Clock
  log?: Log
  /** The data comes from the simulator: the page says so. */
  simulated?: boolean
  /** How long the first tick holds; longer than a second only where time is played. */
  firstTickMs?: Millis
  /** A part found that it must not go on, e.g. a second process on the same database. */
  onFatal?: (error: Error) => void
  /** Ends a start that waits for its database, with an `AbortError`. */
  signal?: AbortSignal
  /** Only where a day is played in seconds do devices need more than the limits of real time. */
  brokerLimits?: Partial<BrokerLimits>
  /** Stands around every synced journal write; tests let a disk fail here. */
  aroundJournalWrite?: (write: () => Promise<void>) => Promise<void>
}): Promise<System> {
  const { config, clock = systemClock, log = createLog() } = options
  const closers: (() => Promise<unknown> | void)[] = []
  const opened = <T>(part: T, close: (part: T) => Promise<unknown> | void): T => {
    closers.unshift(() => close(part))
    return part
  }
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0)) {
      await Promise.resolve(closer()).catch((error: unknown) => log.error({ err: error }, 'closing'))
    }
  }

  try {
    await mkdir(config.dataDir, { recursive: true })
    if (existsSync(join(config.dataDir, RESTORING))) throw halfRestored(config.dataDir)
    const embedded = config.databaseUrl
      ? undefined
      : opened(await startEmbeddedPostgres({ dataDir: config.dataDir, log }), one => one.close())
    const pool = opened(
      connectPostgres(embedded ? { embedded } : { databaseUrl: config.databaseUrl as string }),
      one => one.end()
    )
    const journal = opened(
      await leveldbJournal({
        dir: join(config.dataDir, 'journal'),
        clock,
        log,
        ...(options.aroundJournalWrite && { aroundWrite: options.aroundJournalWrite })
      }),
      one => one.close()
    )
    const takeBackup = () =>
      backup({
        pool,
        journal,
        dataDir: config.dataDir,
        version: VERSION,
        influx: config.influx,
        settings: openSettings(config)
      })
    const tls = config.tls && opened(await watchCertificates({ files: config.tls, log }), one => one.close())
    const door = opened(waitingDoor({ config, tls }), one => one.close())
    const start = patientStart({
      async onWaiting(reason) {
        await door.say(reason)
        log.warn({}, `the start waits, devices are not let in yet: ${reason}`)
      },
      onBack: () => log.info({}, 'the database is there, the start goes on'),
      signal: options.signal
    })
    const upgrade: Parameters<typeof migrateDatabase>[1] = {
      async beforeUpgrade(migration) {
        if (config.backupBeforeMigration === false) {
          return log.warn(
            { migration },
            'the database is brought to a new schema without a backup: BACKUP_BEFORE_MIGRATION=off'
          )
        }
        const file = join(config.dataDir, 'backups', `before-${migration}.mjb`)
        log.info({ file }, 'the database is brought to a new schema: a backup first')
        await writeBackup({ file, bytes: takeBackup(), replace: true })
      }
    }
    await start.patiently(() => migrateDatabase(pool, upgrade))
    const db = databaseOn(pool)
    const people = postgresPeople({ db, clock: systemClock })
    const telemetry = opened(
      config.influx
        ? influxTelemetryStore({
            ...config.influx,
            offsets: postgresOffsetKeeper(pool),
            log: message => log.warn({}, message)
          })
        : await start.patiently(() => postgresTelemetryStore(pool)),
      one => one.close()
    )
    const credentials = opened(
      await start.patiently(() =>
        deviceCredentials({
          db,
          onError: error => log.warn({ err: error }, 'device credentials are not fresh')
        })
      ),
      one => one.close()
    )

    const watch = watchSystem({
      journal,
      telemetry,
      clock,
      simulated: options.simulated ?? false,
      timeZone: config.timeZone,
      version: VERSION,
      telemetryAddress: config.influx
        ? `${config.influx.url}/${config.influx.bucket}`
        : databaseAddress(config)
    })
    const ingest = opened(
      await startIngest({
        journal,
        stateStore: start.patientReads(postgresStateStore(pool)),
        telemetry,
        quarantine: async row => void (await db.insert(quarantine).values(row).onConflictDoNothing()),
        system: watch.state,
        onFatal: error => (options.onFatal ?? (() => {}))(error),
        clock,
        log: message => log.info({}, message)
      }),
      one => one.close()
    )
    // The first record tells the rules how long we were away, before anything else can come in.
    await journal.append(tick(options.firstTickMs ?? seconds(1)))
    const { timeZone } = config
    await start.patiently(() =>
      tellTimeZone({ db, ingest, timeZone, clock, log: message => log.info({}, message) })
    )
    const codes = await start.patiently(() => facilityCodes(db))
    const codesOfReports = await start.patiently(() => reportCodes(db))

    const attachments = opened(
      await fileAttachments({
        db,
        dir: join(config.dataDir, ATTACHMENTS),
        clock: systemClock,
        onError: error => log.warn({ err: error }, 'photos were not tidied')
      }),
      one => one.close()
    )
    start.over()
    const metrics = createMetrics({ journal, ingest, attachments, broker: () => watch.broker() })
    const backtests = opened(
      openBacktests({
        db,
        telemetry,
        changes: postgresStateStore(pool),
        rules: ingest.rules,
        onError: error => log.error({ err: error }, 'a back-test failed')
      }),
      one => one.close()
    )
    const server = opened(
      await buildServer({
        db,
        people,
        tickets: postgresTicketHistory({ db, describe: row => ingest.live.describeTicket(row) }),
        telemetry,
        live: ingest.live,
        desk: ingest.state,
        crews: ingest.crews,
        rules: ingest.rules,
        lighting: ingest.lighting,
        backtests,
        attachments,
        codes,
        reportCodes: codesOfReports,
        publicReports: config.publicReports ?? false,
        trustedProxies: config.trustedProxies,
        credentials,
        clock,
        metricsText: metrics.text,
        staticDir: PAGE,
        backup: takeBackup,
        secureCookies: tls !== undefined,
        createServer:
          tls &&
          (handle => {
            const { cert, key } = tls.current()
            const server = createHttpsServer({ cert, key }, handle)
            tls.onRenewed(renewed => server.setSecureContext({ cert: renewed.cert, key: renewed.key }))
            return server
          }),
        log
      }),
      one => one.close()
    )
    await door.close()
    await server.listen(config.http)
    const broker = opened(
      await startBroker({
        journal,
        credentials,
        listen: {
          host: config.mqtt.host,
          port: config.mqtt.port,
          ...(tls &&
            config.mqtt.tlsPort !== undefined && { tls: { port: config.mqtt.tlsPort, ...tls.current() } })
        },
        limits: options.brokerLimits ?? {},
        log
      }),
      one => one.close()
    )
    tls?.onRenewed(broker.useCertificate)
    watch.ready({ ingest, broker })
    // Last: its password is told once, and a start that fails before here has not used that up.
    const admin = await people.ensureAdmin({ password: config.adminPassword })
    const http = server.server.address() as AddressInfo
    const { tlsPort } = broker.address

    return {
      httpUrl: `http${tls ? 's' : ''}://${urlHost(http.address)}:${http.port}`,
      mqttUrl: `mqtt://${urlHost(broker.address.host)}:${broker.address.port}`,
      mqttsUrl: tlsPort === undefined ? undefined : `mqtts://${urlHost(broker.address.host)}:${tlsPort}`,
      adminSecret: admin.secret,
      people,
      journal,
      broker,
      ingest,
      tick: async periodMs => void (await journal.append(tick(periodMs))),
      keepTicking: () => void opened(keepTicking({ journal }), one => one.close()),
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Where the database is, for people who may not know its password. */
function databaseAddress({ databaseUrl }: Config): string {
  if (!databaseUrl || !URL.canParse(databaseUrl)) return databaseUrl ? 'DATABASE_URL' : 'embedded'
  const { host, pathname, searchParams } = new URL(databaseUrl)
  return `${host || searchParams.get('host') || 'localhost'}${pathname}`
}

const halfRestored = (dataDir: string): AppError =>
  new AppError('config-invalid', `${dataDir} was restored only in part: run the restore again with --force.`)

/** Where people on this machine reach it; an address for all interfaces is no address to go to. */
export const urlHost = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
