import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { days, type Millis } from '#model/time'

/** Sorts as time does. */
const NAME = /^mingjie-\d{8}T\d{6}Z\.mjb$/
/** What a killed backup left; a running one writes to it. */
const PART = /^mingjie-\d{8}T\d{6}Z\.mjb\.\d+\.part$/

export const backupName = (now: Millis): string =>
  `mingjie-${new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z.mjb`

/** Deletes backups of our naming but the newest `keep`, and parts a day old; nothing else. Answers what it deleted. */
export async function keepNewest(dir: string, keep: number): Promise<string[]> {
  const names = (await readdir(dir)).sort()
  const old = names.filter(name => NAME.test(name)).slice(0, -keep)
  for (const name of names.filter(name => PART.test(name))) {
    const { mtimeMs } = await stat(join(dir, name))
    if (Date.now() - mtimeMs > days(1)) old.push(name)
  }
  for (const name of old) await rm(join(dir, name))
  return old
}
