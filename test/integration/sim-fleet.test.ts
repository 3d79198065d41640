import { afterEach, describe, expect, it } from 'vitest'
import type { JournalRecord } from '#db/journal'
import type { TelemetryEntry } from '#model/telemetry'
import { days, hours, minutes, systemClock } from '#model/time'
import { makeCity } from '#sim/city'
import { drivenClock } from '#sim/driven-clock'
import type { Fault } from '#sim/faults'
import { connectFleet, type Fleet, type FleetOptions } from '#sim/fleet'
import { brokerFixture, type BrokerFixture } from '#test/fixtures/broker'
import { freePort } from '#test/fixtures/free-port'
import { until } from '#test/fixtures/until'

const city = makeCity({ seed: 7, scale: 0.02 })
const speakers = city.devices.filter(({ gateway }) => gateway === null)
const secrets = new Map(speakers.map(({ id }) => [id, 'secret']))
const from = Date.parse('2026-11-20T10:00:00Z')
/** A played day comes in seconds: far over the rate of a real device. */
const limits = { messagesPerSecond: 10_000, bytesPerSecond: 10_000_000 }

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function aBroker(options: Parameters<typeof brokerFixture>[0] = {}): Promise<BrokerFixture> {
  const fixture = await brokerFixture({ limits, ...options })
  open.push(fixture)
  return fixture
}

const urlOf = ({ broker }: BrokerFixture) => `mqtt://127.0.0.1:${broker.address.port}`

async function aFleet(broker: BrokerFixture, options: Partial<FleetOptions> = {}): Promise<Fleet> {
  const fleet = await connectFleet({
    city,
    url: urlOf(broker),
    secrets,
    from,
    faults: [],
    log: () => {},
    ...options
  })
  open.push(fleet)
  return fleet
}

const entriesOf = ({ payload }: JournalRecord): TelemetryEntry[] =>
  [JSON.parse(Buffer.from(payload).toString())].flat() as TelemetryEntry[]

describe('a fleet on the real broker', () => {
  it('plays time step by step: everything acknowledged is in the journal, in the order of each device', async () => {
    const broker = await aBroker()
    const fleet = await aFleet(broker)
    const clock = drivenClock(from, systemClock)
    const steps: number[] = []
    await fleet.play({ clock, to: from + hours(2), stepMs: minutes(7), onStep: at => void steps.push(at) })

    expect(steps.at(-1)).toBe(from + hours(2))
    expect(clock.now()).toBe(from + hours(2))
    const telemetry = (await broker.recorded()).filter(({ kind }) => kind === 'telemetry')
    expect(fleet.counts()).toEqual({
      connected: speakers.length,
      acknowledged: telemetry.length,
      waiting: 0,
      dropped: 0
    })
    expect(new Set(telemetry.map(({ deviceId }) => deviceId)).size).toBe(speakers.length)
    const newest = new Map<string, number>()
    for (const record of telemetry) {
      for (const { at, device = record.deviceId } of entriesOf(record)) {
        expect(Number(at)).toBeGreaterThan(newest.get(device) ?? 0)
        newest.set(device, Number(at))
      }
    }
  })

  it('tells its presence: online when connected, offline when it says good-bye', async () => {
    const broker = await aBroker()
    const fleet = await aFleet(broker)
    await fleet.close()
    const said = (await broker.recorded()).filter(({ kind }) => kind === 'status')
    const words = (id: string) =>
      said.filter(({ deviceId }) => deviceId === id).map(({ payload }) => Buffer.from(payload).toString())
    for (const { id } of speakers) expect(words(id)).toEqual(['online', 'offline'])
  })

  it('cuts off a device without network, whose last will speaks, and delivers its backlog when it is back', async () => {
    const device = city.devices.find(({ kind }) => kind === 'occupancy-sensor')!.id
    const offline: Fault = { kind: 'offline', device, from: from + minutes(30), to: from + minutes(90) }
    const broker = await aBroker()
    const fleet = await aFleet(broker, { faults: [offline] })
    await fleet.play({ clock: drivenClock(from, systemClock), to: from + hours(2), stepMs: minutes(2) })

    const mine = (await broker.recorded()).filter(({ deviceId }) => deviceId === device)
    const words = mine
      .filter(({ kind }) => kind === 'status')
      .map(({ payload }) => Buffer.from(payload).toString())
    expect(words).toEqual(['online', 'offline', 'online'])
    const messages = mine.filter(({ kind }) => kind === 'telemetry').map(entriesOf)
    const backlog = messages.filter(entries => entries.length > 1)
    expect(backlog).toHaveLength(1)
    expect(backlog[0]).toHaveLength(60)
    expect(messages.flat()).toHaveLength(120)
  })

  it('restarts in a storm: presence flaps each time, and the first word after it comes twice', async () => {
    const device = city.devices.find(({ kind }) => kind === 'occupancy-sensor')!.id
    const storm: Fault = { kind: 'reboot-storm', device, from: from + minutes(4), to: from + minutes(17) }
    const broker = await aBroker()
    const fleet = await aFleet(broker, { faults: [storm] })
    await fleet.play({ clock: drivenClock(from, systemClock), to: from + minutes(30), stepMs: minutes(2) })

    const mine = (await broker.recorded()).filter(({ deviceId }) => deviceId === device)
    const words = mine
      .filter(({ kind }) => kind === 'status')
      .map(({ payload }) => Buffer.from(payload).toString())
    expect(words).toEqual(['online', ...Array.from({ length: 4 }, () => ['offline', 'online']).flat()])
    const entries = mine.filter(({ kind }) => kind === 'telemetry').flatMap(entriesOf)
    const booted = entries.filter(({ seq }) => seq === 0)
    expect(booted).toHaveLength(8)
    expect(new Set(booted.map(({ at }) => at)).size).toBe(4)
    expect(booted.map(({ values }) => values.visitsTotal)).toEqual(Array.from({ length: 8 }, () => 0))
  })

  it('counts what waits for its acknowledgement while connections stand, and no more once they are gone', async () => {
    const broker = await aBroker()
    const fleet = await aFleet(broker)
    const clock = drivenClock(from, systemClock)
    broker.disk.hold()
    fleet.live(clock)
    clock.set(from + minutes(30))
    await until('reports wait', () => fleet.counts().waiting > 0)
    expect(fleet.counts()).toMatchObject({ connected: speakers.length, acknowledged: 0 })
    broker.disk.heal()
    await until('all are answered', () => fleet.counts().waiting === 0)
    expect(fleet.counts().acknowledged).toBeGreaterThan(0)
    broker.disk.hold()
    clock.set(from + minutes(60))
    await until('reports wait again', () => fleet.counts().waiting > 0)
    broker.disk.fail()
    await broker.close()
    open.splice(open.indexOf(broker), 1)
    await until('all are cut off', () => fleet.counts().connected === 0)
    expect(fleet.counts().waiting).toBe(0)
  })

  it('goes on where it stood when the broker comes back, with what was measured meanwhile', async () => {
    const port = await freePort()
    const first = await aBroker({ listen: { host: '127.0.0.1', port } })
    const fleet = await aFleet(first)
    const clock = drivenClock(from, systemClock)
    fleet.live(clock)
    await first.close()
    open.splice(open.indexOf(first), 1)
    await until('all are cut off', () => fleet.counts().connected === 0)
    clock.set(from + minutes(30))
    await new Promise(resolve => setTimeout(resolve, 1200))
    expect(fleet.counts().acknowledged).toBe(0)

    const second = await aBroker({ listen: { host: '127.0.0.1', port } })
    await until('all are back', () => fleet.counts().connected === speakers.length)
    const toilet = speakers.find(({ kind }) => kind === 'occupancy-sensor')!.id
    await until('what was measured meanwhile is there', async () => {
      const mine = (await second.recorded()).filter(r => r.deviceId === toilet && r.kind === 'telemetry')
      return mine.flatMap(entriesOf).length === 30
    })
  })

  it('refuses to start without a secret, or with a wrong one, and leaves no connection behind', async () => {
    const broker = await aBroker()
    await expect(aFleet(broker, { secrets: new Map() })).rejects.toThrow(/no secret for .* devices/)
    const wrong = new Map([...secrets, [speakers[3]!.id, 'wrong']])
    await expect(aFleet(broker, { secrets: wrong })).rejects.toThrow(
      `device ${speakers[3]!.id} cannot connect to ${urlOf(broker)}`
    )
    await until('none is connected', () => speakers.every(({ id }) => !broker.broker.isConnected(id)))
  })

  it('says so when nobody listens', async () => {
    const url = 'mqtt://127.0.0.1:1'
    await expect(connectFleet({ city, url, secrets, from, faults: [], log: () => {} })).rejects.toThrow(
      /cannot connect to mqtt:\/\/127.0.0.1:1: .*ECONNREFUSED/
    )
  })
})

describe('a driven clock', () => {
  it('stands, goes forward only, and follows the real one once released', () => {
    let real = from
    const clock = drivenClock(from, { now: () => real })
    clock.set(from + hours(1))
    clock.set(from)
    expect(clock.now()).toBe(from + hours(1))
    clock.release()
    expect(clock.now()).toBe(from + hours(1))
    real = from + days(1)
    expect(clock.now()).toBe(real)
    real = from
    expect(clock.now()).toBe(from + days(1))
  })
})
