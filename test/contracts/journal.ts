import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONSUMERS, type Journal, type JournalEntry, type JournalRecord } from '#db/journal'
import type { Clock } from '#model/time'
import { faultyDisk, type FaultyDisk } from '#test/fixtures/faulty-disk'

export interface JournalSetup {
  dir: string
  clock: Clock
  maxBytes?: number
  maxPendingBytes?: number
  aroundWrite: FaultyDisk['aroundWrite']
}

export interface JournalHarness {
  freshDir: () => Promise<string>
  open: (setup: JournalSetup) => Promise<Journal>
}

const entry = (text: string | Uint8Array, deviceId = 'bin-1'): JournalEntry => ({
  kind: 'telemetry',
  deviceId,
  payload: typeof text === 'string' ? Buffer.from(text) : text
})
const texts = (records: JournalRecord[]) => records.map(record => Buffer.from(record.payload).toString())

/** Every implementation of the port passes this suite. */
export function journalContract({ freshDir, open }: JournalHarness) {
  let dir: string
  let disk: FaultyDisk
  let now: number
  let journal: Journal
  const clock: Clock = { now: () => now }
  const start = async (limits: Partial<JournalSetup> = {}) => {
    journal = await open({ dir, clock, aroundWrite: disk.aroundWrite, ...limits })
  }
  const restart = async (limits: Partial<JournalSetup> = {}) => {
    await journal.close()
    await start(limits)
  }
  const appendAll = (...payloads: string[]) => Promise.all(payloads.map(p => journal.append(entry(p))))

  /** Reads until `count` records are there. */
  async function take(after: number, count: number, maxBytes = 1024 * 1024): Promise<JournalRecord[]> {
    const stop = new AbortController()
    const records: JournalRecord[] = []
    for await (const batch of journal.read(after, { maxBytes, signal: stop.signal })) {
      records.push(...batch)
      if (records.length >= count) break
    }
    return records
  }

  beforeEach(async () => {
    dir = await freshDir()
    disk = faultyDisk()
    now = Date.UTC(2026, 9, 1)
    await start()
  })
  afterEach(async () => {
    disk.heal()
    await journal.close()
  })

  describe('appending', () => {
    it('numbers records from 1 without gaps, in the order of the calls', async () => {
      expect(journal.head()).toBe(0)
      expect(await appendAll('a', 'b', 'c')).toEqual([1, 2, 3])
      expect(await journal.append(entry('d'))).toBe(4)
      expect(journal.head()).toBe(4)
    })

    it('acknowledges nothing before the write is on disk', async () => {
      disk.hold()
      const acked: number[] = []
      for (const text of ['a', 'b']) journal.appendThen(entry(text), (_, seq) => acked.push(seq))
      await new Promise(resolve => setTimeout(resolve, 50))
      expect(acked).toEqual([])
      expect(journal.head()).toBe(0)
      disk.heal()
      await expect.poll(() => acked).toEqual([1, 2])
    })

    it('calls back in the order of the calls, over many batches and both ways of appending', async () => {
      const order: number[] = []
      const last = 5000
      await new Promise<void>(resolve => {
        for (let i = 1; i <= last; i++) {
          const done = () => {
            order.push(i)
            if (i === last) resolve()
          }
          if (i % 7 === 0) void journal.append(entry(randomBytes(1000))).then(done)
          else journal.appendThen(entry('x'), done)
        }
      })
      await expect.poll(() => order).toHaveLength(last)
      const called = order.filter(i => i % 7 !== 0)
      expect(called).toEqual([...called].sort((a, b) => a - b))
      const promised = order.filter(i => i % 7 === 0)
      expect(promised).toEqual([...promised].sort((a, b) => a - b))
    })

    it('keeps payloads byte for byte: empty, binary and 256 KB', async () => {
      const payloads = [new Uint8Array(0), randomBytes(1000), randomBytes(256 * 1024), Buffer.from('明洁')]
      for (const payload of payloads) await journal.append(entry(payload, 'gateway:7._-'))
      await journal.append({ kind: 'status', deviceId: 'bin-2', payload: Buffer.from('online') })
      await journal.append({ kind: 'tick', deviceId: '', payload: Buffer.from('1000') })
      const check = async () => {
        const records = await take(0, 6)
        expect(records.slice(0, 4).every((r, i) => Buffer.compare(r.payload, payloads[i]!) === 0)).toBe(true)
        expect(records.map(r => r.kind)).toEqual([...Array<string>(4).fill('telemetry'), 'status', 'tick'])
        expect(records.map(r => r.deviceId)).toEqual([...Array<string>(4).fill('gateway:7._-'), 'bin-2', ''])
      }
      await check()
      await restart()
      await check()
    })
  })

  describe('time', () => {
    it('stamps with the clock, and never backwards when the clock steps back', async () => {
      const began = now
      await journal.append(entry('a'))
      now = began + 500
      await journal.append(entry('b'))
      now = began - 60_000
      await journal.append(entry('c'))
      expect((await take(0, 3)).map(r => r.receivedAt)).toEqual([began, began + 500, began + 501])
    })

    it('never gives one device the same stamp twice, and others the stamp they come at', async () => {
      const began = now
      const order = ['a', 'b', 'a', 'a', 'c', 'b']
      await Promise.all(order.map(id => journal.append(entry('x', id))))
      const expected = [began, began, began + 1, began + 2, began + 2, began + 2]
      expect((await take(0, 6)).map(r => r.receivedAt)).toEqual(expected)
      await journal.append(entry('x', 'c'))
      await restart()
      await journal.append(entry('x', 'c'))
      await journal.append({ kind: 'tick', deviceId: '', payload: Buffer.from('1000') })
      expect((await take(4, 5)).map(r => r.receivedAt - began)).toEqual([2, 2, 3, 4, 4])
    })

    it('goes on with seq and stamp after a restart', async () => {
      const began = now
      await appendAll('a', 'b')
      now = began - 60_000
      await restart()
      expect(journal.head()).toBe(2)
      expect(await journal.append(entry('c'))).toBe(3)
      const stamps = (await take(0, 3)).map(r => r.receivedAt)
      expect(stamps).toEqual([began, began + 1, began + 2])
    })
  })

  describe('reading', () => {
    it('starts after any seq, whatever the sizes of batches and pieces', async () => {
      let n = 0
      for (const size of [1, 5, 1, 20, 3]) await appendAll(...Array.from({ length: size }, () => `${++n}`))
      for (const reopened of [false, true]) {
        if (reopened) await restart()
        for (let after = 0; after < n; after++) {
          for (const maxBytes of [1, 7, 1024]) {
            const records = await take(after, n - after, maxBytes)
            expect(records.map(r => r.seq)).toEqual(
              Array.from({ length: n - after }, (_, i) => after + i + 1)
            )
            expect(texts(records)).toEqual(records.map(r => `${r.seq}`))
          }
        }
      }
    })

    it('gives pieces of about maxBytes', async () => {
      await Promise.all(Array.from({ length: 100 }, () => journal.append(entry(randomBytes(1000)))))
      const stop = new AbortController()
      let read = 0
      for await (const batch of journal.read(0, { maxBytes: 10_000, signal: stop.signal })) {
        expect(batch.reduce((sum, r) => sum + r.payload.byteLength, 0)).toBeLessThanOrEqual(10_000)
        if ((read += batch.length) === 100) break
      }
    })

    it('waits at the head for new records', async () => {
      const reading = take(0, 3)
      await journal.append(entry('a'))
      await new Promise(resolve => setTimeout(resolve, 20))
      await appendAll('b', 'c')
      expect(texts(await reading)).toEqual(['a', 'b', 'c'])
    })

    it('ends when aborted, before, while waiting and when the journal closes', async () => {
      const ended = async (signal: AbortSignal) => {
        for await (const batch of journal.read(0, { maxBytes: 1024, signal })) expect(batch).toBeUndefined()
        return true
      }
      expect(await ended(AbortSignal.abort())).toBe(true)
      const stop = new AbortController()
      const waiting = ended(stop.signal)
      await new Promise(resolve => setTimeout(resolve, 10))
      stop.abort()
      expect(await waiting).toBe(true)
      const untilClose = ended(new AbortController().signal)
      await journal.close()
      expect(await untilClose).toBe(true)
      await start()
    })
  })

  describe('trimming', () => {
    const oldest = async () => (await take(0, 1))[0]!.seq

    it('keeps what one consumer has not confirmed and deletes what all have', async () => {
      for (let i = 0; i < 10; i++) await journal.append(entry(`${i}`))
      await journal.confirm('store', 10)
      await new Promise(resolve => setTimeout(resolve, 100))
      await restart()
      expect(await oldest()).toBe(1)
      await journal.confirm('store', 10)
      await journal.confirm('state', 4)
      await new Promise(resolve => setTimeout(resolve, 100))
      await restart()
      expect(await oldest()).toBeGreaterThan(1)
      expect(await oldest()).toBeLessThanOrEqual(5)
    })

    it('never takes a confirmation back, nor one past the head', async () => {
      await appendAll('a', 'b', 'c')
      await journal.confirm('store', 2)
      await journal.confirm('store', 1)
      await journal.confirm('state', 99)
      expect(journal.health().confirmed).toEqual({ store: 2, state: 3 })
    })

    it('goes on counting when everything was trimmed and it starts again', async () => {
      for (let i = 0; i < 5; i++) await journal.append(entry(`${i}`))
      for (const consumer of CONSUMERS) await journal.confirm(consumer, 5)
      await new Promise(resolve => setTimeout(resolve, 50))
      await restart()
      expect(await journal.append(entry('next'))).toBe(6)
    })
  })

  describe('when full', () => {
    it('refuses, names the slowest consumer, and recovers by itself once trimmed', async () => {
      await restart({ maxBytes: 2 * 1024 * 1024 })
      let accepted = 0
      const fill = async () => {
        for (;;) {
          await journal.append(entry(randomBytes(50_000)))
          accepted++
        }
      }
      await expect(fill()).rejects.toMatchObject({ code: 'journal-full' })
      expect(accepted).toBeGreaterThan(20)
      expect(journal.health()).toMatchObject({ ok: false })
      await journal.confirm('store', journal.head())
      expect(journal.health().reason).toContain('state')
      await journal.confirm('state', journal.head())
      await expect.poll(() => journal.health().ok).toBe(true)
      expect(await journal.append(entry('room again'))).toBe(accepted + 1)
      expect(journal.health().bytes).toBeLessThan(1024 * 1024)
    })

    it('holds bounded memory while the disk is slow, and answers in order', async () => {
      await restart({ maxPendingBytes: 100_000 })
      disk.hold()
      const answers: string[] = []
      for (let i = 0; i < 20; i++) {
        journal.appendThen(entry(randomBytes(10_000)), (error, seq) =>
          answers.push(error ? 'full' : `${seq}`)
        )
      }
      await new Promise(resolve => setTimeout(resolve, 20))
      expect(answers).toEqual([])
      disk.heal()
      await expect.poll(() => answers).toHaveLength(20)
      expect(answers.slice(0, 9)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9'])
      expect(answers.slice(9)).toEqual(Array(11).fill('full'))
      expect(await journal.append(entry('later'))).toBe(10)
    })
  })

  describe('when a write fails', () => {
    it('refuses what waited, says so in health, and goes on without a gap once the disk is well', async () => {
      await appendAll('a', 'b')
      disk.fail()
      const outcomes = await Promise.allSettled([
        journal.append(entry('lost')),
        journal.append(entry('lost too'))
      ])
      const failed = { status: 'rejected', reason: { code: 'journal-failed' } }
      expect(outcomes).toMatchObject([failed, failed])
      expect(journal.health().ok).toBe(false)
      expect(journal.health().reason).toContain('EIO')
      await expect(journal.append(entry('still'))).rejects.toMatchObject({ code: 'journal-failed' })
      disk.heal()
      expect(await journal.append(entry('c'))).toBe(3)
      expect(journal.health().ok).toBe(true)
      expect(texts(await take(0, 3))).toEqual(['a', 'b', 'c'])
    })

    it('stays consistent when the write failed after reaching the disk', async () => {
      let failAfter = true
      await restart({
        aroundWrite: async write => {
          await write()
          if (failAfter) throw new Error('EIO after the fact')
        }
      })
      const reading = take(0, 2)
      await expect(journal.append(entry('unacknowledged'))).rejects.toMatchObject({ code: 'journal-failed' })
      failAfter = false
      expect(await journal.append(entry('acknowledged'))).toBe(2)
      expect(texts(await reading)).toEqual(['unacknowledged', 'acknowledged'])
    })

    it('refuses appends once closed', async () => {
      await journal.close()
      await expect(journal.append(entry('late'))).rejects.toMatchObject({ code: 'journal-failed' })
    })
  })
}
