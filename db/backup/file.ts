import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '#model/errors'
import { verifyBackup } from './format.ts'

/**
 * Writes a backup beside, for its owner only, checks it, and puts it in its place: what bears the name is whole.
 * Rejects with `conflict` when there is a file of that name and `replace` is not set.
 */
export async function writeBackup(options: {
  file: string
  bytes: AsyncIterable<Uint8Array>
  replace?: boolean
  onProgress?: (bytes: number) => void
}): Promise<number> {
  const { file, bytes, replace = false, onProgress = () => {} } = options
  refuseExisting(file, replace)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const part = `${file}.${process.pid}.part`
  try {
    const handle = await open(part, 'wx', 0o600)
    let size = 0
    try {
      for await (const chunk of bytes) {
        await handle.writeFile(chunk)
        onProgress((size += chunk.length))
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await verifyBackup(part)
    refuseExisting(file, replace)
    await rename(part, file)
    return size
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

export function refuseExisting(file: string, replace: boolean): void {
  if (replace || !existsSync(file)) return
  throw new AppError('conflict', `${file} is there already: choose another name, or --force to replace it.`)
}
