import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it } from 'vitest'
import { leveldbJournal } from '#db/journal-leveldb'
import { keepTicking } from '#db/journal-ticks'
import { systemClock } from '#model/time'
import { journalContract } from './journal.ts'

const dirs: string[] = []
const freshDir = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mingjie-journal-'))
  dirs.push(dir)
  return dir
}
afterAll(() => Promise.all(dirs.map(dir => rm(dir, { recursive: true, force: true }))))

describe('leveldb', () => {
  journalContract({ freshDir, open: leveldbJournal })

  it('says which folder is in use by another', async () => {
    const dir = await freshDir()
    const journal = await leveldbJournal({ dir, clock: systemClock })
    const second = leveldbJournal({ dir, clock: systemClock })
    await expect(second).rejects.toMatchObject({ code: 'journal-locked' })
    await expect(second).rejects.toThrow(dir)
    await journal.close()
  })

  it('is told every period that we are alive', async () => {
    const journal = await leveldbJournal({ dir: await freshDir(), clock: systemClock })
    const ticking = keepTicking({ journal, periodMs: 10 })
    await expect.poll(() => journal.head()).toBeGreaterThan(2)
    ticking.close()
    await journal.close()
  })

  it('loses nothing acknowledged when its process is killed under load', async () => {
    const dir = await freshDir()
    let acknowledged = 0
    for (let round = 0; round < 3; round++) {
      const writer = spawn(process.execPath, ['--import', 'tsx', 'test/fixtures/journal-writer.ts', dir])
      const exited = new Promise(resolve => writer.once('exit', resolve))
      const began = acknowledged
      for await (const line of createInterface(writer.stdout)) {
        acknowledged = Number(line)
        if (acknowledged > began + 5000) writer.kill('SIGKILL')
      }
      await exited
      const journal = await leveldbJournal({ dir, clock: systemClock })
      expect(journal.head()).toBeGreaterThanOrEqual(acknowledged)
      let read = 0
      let stamp = 0
      for await (const batch of journal.read(0, { maxBytes: 1e6, signal: new AbortController().signal })) {
        for (const record of batch) {
          expect(record.seq).toBe(++read)
          expect(record.receivedAt).toBeGreaterThanOrEqual(stamp)
          stamp = record.receivedAt
        }
        if (read >= journal.head()) break
      }
      await journal.close()
    }
    expect(acknowledged).toBeGreaterThan(15_000)
  }, 120_000)
})
