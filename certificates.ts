import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { seconds, type Millis } from '#model/time'
import type { TlsFiles } from './config.ts'
import type { Log } from './log.ts'

export interface Certificate {
  cert: string
  key: string
  /** Whose certificates devices must show. */
  ca?: string
}

export interface Certificates {
  current(): Certificate
  /** Tells every certificate that replaces the current one; what is connected stays connected. */
  onRenewed(use: (certificate: Certificate) => void): void
  close(): void
}

/**
 * The certificate in these files, read again every few seconds by content, so that a renewal needs no restart however
 * the files are replaced. A pair that does not fit (the new certificate, still the old key) is not used. Rejects when
 * the files cannot be read at the start.
 */
export async function watchCertificates(options: {
  files: TlsFiles
  log: Log
  everyMs?: Millis
}): Promise<Certificates> {
  const { files, log, everyMs = seconds(5) } = options
  const users: ((certificate: Certificate) => void)[] = []
  let current = await read(files)
  let last = JSON.stringify(current)

  async function look(): Promise<void> {
    const found = await read(files)
    const text = JSON.stringify(found)
    if (text === last) return
    last = text
    createSecureContext(found)
    current = found
    for (const use of users) use(found)
    log.info({ file: files.certFile }, 'the new certificate is in use')
  }

  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      log.warn({ err: error }, 'the new certificate is not used, the old one goes on')
    )
  }, everyMs)
  timer.unref()

  return {
    current: () => current,
    onRenewed: use => void users.push(use),
    close: () => clearInterval(timer)
  }
}

async function read({ certFile, keyFile, caFile }: TlsFiles): Promise<Certificate> {
  const [cert, key, ca] = await Promise.all(
    [certFile, keyFile, ...(caFile ? [caFile] : [])].map(file => readFile(file, 'utf8'))
  )
  return { cert: cert as string, key: key as string, ...(ca !== undefined && { ca }) }
}
