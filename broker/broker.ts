import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import {
  Aedes,
  type AuthenticateError,
  type AuthErrorCode,
  type Client,
  type ConnectPacket,
  type PublishPacket
} from 'aedes'
import type { Journal } from '#db/journal'
import { isId } from '#model/ids'
import { topicOf, type TopicLeaf } from '#model/topics'
import { mayPublish, maySubscribe, type Identity } from './access.ts'
import type { Credentials } from './credentials.ts'
import { journalGate, type GateClient } from './gate.ts'
import { DEFAULT_LIMITS, type BrokerLimits } from './limits.ts'
import { brokerMetrics, type BrokerMetrics } from './metrics.ts'
import { pubacks, readPublish, type PacketPlace } from './publish-packet.ts'
import { reasonOf, RefusalError, type Refusal } from './refusal.ts'
import { guardSocket, type SocketGuard } from './socket-guard.ts'

export interface BrokerOptions {
  journal: Journal
  credentials: Credentials
  /** Port 0 takes a free one; without `port` only TLS is spoken. */
  listen: { host: string; port?: number | undefined; tls?: TlsIdentity & { port: number } }
  limits?: Partial<BrokerLimits>
  log: Record<'info' | 'warn', (details: object, message: string) => void>
}

export interface TlsIdentity {
  cert: string | Buffer
  key: string | Buffer
  /** Devices must show a certificate of this authority whose common name is their id, beside their password. */
  ca?: string | Buffer
}

export interface Broker {
  /** `port` is 0 when only TLS is spoken. */
  address: { host: string; port: number; tlsPort?: number }
  metrics: BrokerMetrics
  isConnected(deviceId: string): boolean
  /**
   * Sends a command to the device, or to the gateway that subscribed for it, at most once: commands are not kept for
   * who is away, and whether it was heard only its reply tells.
   */
  publishCommand(deviceId: string, payload: string | Uint8Array): void
  /** From now on new connections over TLS see this one. */
  useCertificate(identity: TlsIdentity): void
  /** Takes no more messages, closes connections (their wills still go in the journal) and waits for the gate. */
  close(): Promise<void>
}

interface Session extends GateClient {
  client: Client
  socket: Socket
  guard: SocketGuard
  connect?: ConnectPacket
  identity?: Identity
  /** Messages to be acknowledged when this turn is done, in one write. */
  stored: number[]
  /** It does not read its PUBACKs as fast as they come. */
  deaf: boolean
}

/** What we use of Aedes' client beside its types; look at it when Aedes is upgraded. */
interface AedesInternals {
  _parsingBatch: number
  _keepaliveTimer?: NodeJS.Timeout
  waitForDrain: (drained: () => void) => void
}

/** CONNACK, "server unavailable" (MQTT 3.1.1, 3.2.2.3). */
const CONNACK_UNAVAILABLE = Buffer.from([0x20, 2, 0, 3])
const IDENTIFIER_REJECTED = 2 as AuthErrorCode
const BAD_CREDENTIALS = 4 as AuthErrorCode
const NOT_AUTHORIZED = 5 as AuthErrorCode
const LISTEN_AGAIN_MS = 1000
const DRAIN_MS = 5000

/**
 * MQTT 3.1.1 for devices. A PUBACK means the message is in the journal; who may do what is `access.ts`, how much of it
 * `limits.ts`. Aedes speaks the protocol and delivers commands; it routes and keeps nothing that a device publishes,
 * since nobody may subscribe to it. Sessions are never kept: each CONNACK says so, and devices subscribe on connect.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { journal, credentials, listen, log } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const metrics = brokerMetrics()
  const gate = journalGate({ journal, limits, metrics, log })
  const sessions = new WeakMap<Client, Session>()
  const sockets = new Map<Socket, Session>()
  let answering: Session[] = []

  const aedes = await Aedes.createBroker({
    // A slow listener of commands holds a slot until it is closed.
    concurrency: 10_000,
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.drainTimeoutMs,
    keepaliveLimit: limits.keepaliveSeconds,
    maxClientsIdLength: 64,
    preConnect(client, packet, done) {
      packet.clean = true
      sessions.get(client)!.connect = packet
      done(null, true)
    },
    authenticate(client, username, password, done) {
      const session = sessions.get(client)!
      authenticate({ session, clientId: client.id, username, password }).then(
        refused => {
          done(refused ?? null, !refused)
        },
        (error: unknown) => {
          log.warn({ err: error }, 'credentials could not be checked')
          done(connackError('wrong-credentials', NOT_AUTHORIZED), false)
        }
      )
    },
    authorizePublish(client, packet, done) {
      const session = client && sessions.get(client)
      if (!session?.identity) return done(new RefusalError('topic'))
      const allowed = mayPublish(session.identity, packet)
      if ('refused' in allowed) return done(new RefusalError(allowed.refused))
      pass(session, allowed, packet.payload as Buffer, () => {
        // Aedes writes this one's PUBACK at once: those before it go first.
        acknowledge(session)
        done()
      })
    },
    authorizeSubscribe(client, subscription, done) {
      const identity = sessions.get(client)?.identity
      if (identity && maySubscribe(identity, subscription.topic)) return done(null, subscription)
      refuse('subscription', identity?.deviceId)
      done(null, null)
    },
    authorizeForward(client, packet) {
      const identity = sessions.get(client)?.identity
      if (client.conn.writableLength > limits.unreadBytes)
        client.conn.destroy(new RefusalError('slow-reader'))
      return identity && maySubscribe(identity, packet.topic) ? packet : null
    }
  })
  routeOnlyOwnPackets(aedes)

  /** A PUBLISH on the short way; what is not plainly allowed is left to Aedes, and refused there. */
  function takePublish(session: Session, bytes: Buffer, place: PacketPlace): boolean {
    const packet = session.identity && readPublish(bytes, place)
    const allowed = packet && mayPublish(session.identity!, packet)
    if (!allowed || 'refused' in allowed) return false
    const { messageId } = packet
    pass(
      session,
      allowed,
      packet.payload,
      messageId === undefined ? () => {} : () => stored(session, messageId)
    )
    ;(session.client as unknown as AedesInternals)._keepaliveTimer?.refresh()
    return true
  }

  function pass(
    session: Session,
    { leaf, deviceId }: { leaf: TopicLeaf; deviceId: string },
    payload: Buffer,
    release: () => void
  ) {
    metrics.messages[leaf]++
    metrics.bytes += payload.length
    // A reply to a command passes in its turn but is no reading.
    const entry = leaf === 'telemetry' || leaf === 'status' ? { kind: leaf, deviceId, payload } : undefined
    gate.submit({ entry, client: session, release })
  }

  function stored(session: Session, messageId: number) {
    if (session.stored.push(messageId) > 1) return
    if (answering.push(session) === 1) process.nextTick(answer)
  }

  function answer() {
    const sessions = answering
    answering = []
    for (const session of sessions) acknowledge(session)
  }

  function acknowledge(session: Session) {
    const { socket, stored: messageIds, client } = session
    if (messageIds.length === 0) return
    session.stored = []
    if (!socket.writable || socket.write(pubacks(messageIds)) || session.deaf) return
    session.deaf = true
    // Within the drain timeout, or it is closed.
    ;(client as unknown as AedesInternals).waitForDrain(() => {
      session.deaf = false
      session.guard.poke()
    })
  }

  async function authenticate(connect: {
    session: Session
    clientId: string
    username: string | undefined
    password: Buffer | undefined
  }): Promise<AuthenticateError | undefined> {
    const { session, clientId, username, password } = connect
    if (username !== clientId || !isId(clientId)) return connackError('client-id', IDENTIFIER_REJECTED)
    if (!showsItsCertificate(session.socket, clientId))
      return connackError('wrong-credentials', BAD_CREDENTIALS)
    const found = password && (await credentials.check(clientId, password.toString()))
    if (!found?.ok) return connackError('wrong-credentials', BAD_CREDENTIALS)
    const identity = { deviceId: clientId, gatewayFor: found.gatewayFor }
    const will = session.connect?.will
    if (
      will &&
      'refused' in
        mayPublish(identity, { topic: will.topic, retain: will.retain ?? false, qos: will.qos ?? 0 })
    ) {
      return connackError('will', NOT_AUTHORIZED)
    }
    session.identity = identity
    return undefined
  }

  /** The authority is checked in the handshake; whose certificate it is, here. */
  function showsItsCertificate(socket: Socket, deviceId: string): boolean {
    if (!listen.tls?.ca || !(socket instanceof TLSSocket)) return true
    // Of two common names it is an array, and nobody's.
    return socket.authorized && socket.getPeerCertificate().subject?.CN === deviceId
  }

  function connackError(reason: Refusal, returnCode: AuthErrorCode): AuthenticateError {
    return Object.assign(new RefusalError(reason), { returnCode })
  }

  function refuse(reason: Refusal, deviceId?: string) {
    metrics.refused[reason]++
    log.info({ reason, deviceId }, 'refused')
  }

  const onError = (client: Client, error: Error) => {
    const reason = reasonOf(error)
    if (reason) refuse(reason, client.id ?? undefined)
  }
  // From here on Aedes has told the client so, and has nothing of its messages in hand.
  aedes.on('clientReady', client => sessions.get(client)!.guard.connected())
  aedes.on('clientError', onError)
  aedes.on('connectionError', onError)

  function accept(socket: Socket) {
    if (sockets.size >= limits.connections) {
      refuse('too-many-connections')
      socket.on('error', () => {})
      socket.end(CONNACK_UNAVAILABLE, () => socket.destroy())
      return
    }
    metrics.connections++
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    const guard = guardSocket({
      socket,
      limits,
      hasRoom: () => !session.deaf && gate.hasRoom(session),
      takePublish: (bytes, place) => takePublish(session, bytes, place),
      refuse: reason => socket.destroy(new RefusalError(reason)),
      onPaced: paused => (metrics.pausedSockets += paused ? 1 : -1)
    })
    const session: Session = {
      client: aedes.handle(socket),
      socket,
      guard,
      inFlightBytes: 0,
      poke: guard.poke,
      stored: [],
      deaf: false
    }
    socket.once('close', () => {
      sockets.delete(socket)
      metrics.connections--
      guard.close()
      gate.forget(session)
    })
    sockets.set(socket, session)
    sessions.set(session.client, session)
  }

  // Aedes reads no further while a client's messages wait. What it may still have in flight is the gate's to say, and a
  // device that pings must be answered however long the journal takes: silence we caused is nobody's keepalive timeout.
  const listening = setInterval(() => {
    if (metrics.gateBytes === 0) return
    for (const { inFlightBytes, client, guard } of sockets.values()) {
      if (inFlightBytes === 0) continue
      const internals = client as unknown as AedesInternals
      internals._keepaliveTimer?.refresh()
      internals._parsingBatch = 0
      guard.poke()
    }
  }, LISTEN_AGAIN_MS)

  const { host, port, tls } = listen
  const tlsServer =
    tls && createTlsServer({ ...secured(tls), handshakeTimeout: limits.connectTimeoutMs }, accept)
  tlsServer?.on('tlsClientError', error => log.info({ err: error }, 'no TLS connection'))
  const plain = port === undefined ? undefined : await listenOn(createServer(accept), { host, port })
  const secure = tlsServer && (await listenOn(tlsServer, { host, port: tls.port }))
  const servers = [plain, secure].filter(server => server !== undefined)

  return {
    address: {
      host,
      port: plain ? portOf(plain) : 0,
      ...(secure && { tlsPort: portOf(secure) })
    },
    metrics,
    isConnected: deviceId => deviceId in clientsOf(aedes),
    publishCommand(deviceId, payload) {
      metrics.messages.command++
      const packet = { cmd: 'publish', topic: topicOf(deviceId, 'command'), payload: Buffer.from(payload) }
      aedes.publish({ ...packet, qos: 0, retain: false, dup: false } as PublishPacket, () => {})
    },
    useCertificate: identity => secure?.setSecureContext(secured(identity)),
    async close() {
      const closed = servers.map(server => new Promise(resolve => server.close(resolve)))
      await new Promise<void>(resolve => aedes.close(resolve))
      for (const socket of sockets.keys()) socket.destroy()
      await Promise.all(closed)
      await gate.drain(DRAIN_MS)
      clearInterval(listening)
    }
  }
}

const secured = ({ cert, key, ca }: TlsIdentity) => ({
  cert,
  key,
  ...(ca && { ca, requestCert: true, rejectUnauthorized: true })
})

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** What devices publish has passed the gate and has no subscriber: all that Aedes would do with it is work. */
function routeOnlyOwnPackets(aedes: Aedes) {
  type Publish = (packet: PublishPacket, client: unknown, done?: () => void) => void
  const broker = aedes as unknown as { publish: Publish }
  const route = broker.publish.bind(aedes)
  broker.publish = (packet, client, done) => {
    if (client && typeof client !== 'function') done?.()
    else route(packet, client, done)
  }
}

const clientsOf = (aedes: Aedes) => (aedes as unknown as { clients: Record<string, Client> }).clients

function listenOn<S extends Server>(server: S, { host, port }: { host: string; port: number }): Promise<S> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1024 }, () => resolve(server))
  })
}
