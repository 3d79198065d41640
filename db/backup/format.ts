import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'
import type { Seq } from '#db/journal'
import { AppError } from '#model/errors'

/** What a backup says of itself. */
export interface Manifest {
  takenAt: string
  /** Of Mingjie. */
  version: string
  /** The newest migration of the database: the time in its journal. */
  migration: number
  /** Days (UTC, epoch ms) that have telemetry in Postgres; null when Postgres keeps none. */
  telemetryDays: number[] | null
  /** Where readings lie that are not in it; absent when Postgres kept them. */
  influx?: { url: string; bucket: string; org?: string; offset: Seq }
  journal: { head: Seq; confirmed: { store: Seq; state: Seq } }
  /** To be read by people; holds no secret. */
  settings: unknown
}

/** `table`: COPY text. `journal`: a value each, its first seq in eight bytes before it. `file`: of DATA_DIR. `attachment`: a photo, by its id. */
export type Header =
  | { manifest: Manifest }
  | { table: string; columns: string[] }
  | { journal: true }
  | { file: string }
  | { attachment: string }

export interface Section {
  header: Header
  /** To the end, before the next section is asked for. */
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>
}

const MAGIC = Buffer.from('MINGJIE BACKUP 1\n')
const DIGEST_BYTES = 32
const MAX_FRAME_BYTES = 256 * 1024 * 1024
const NOTHING = Buffer.alloc(0)

/** Sections as one stream of bytes: a first line, frames (length, bytes) compressed, and the SHA-256 of all before it. */
export async function* packed(sections: AsyncIterable<Section>): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256').update(MAGIC)
  yield MAGIC
  const zipped = createGzip({ level: 1 })
  // Its error ends `zipped` too, where it is seen.
  pipeline(Readable.from(frames(sections)), zipped, () => {})
  for await (const chunk of zipped as AsyncIterable<Buffer>) {
    hash.update(chunk)
    yield chunk
  }
  yield hash.digest()
}

async function* frames(sections: AsyncIterable<Section>): AsyncGenerator<Buffer> {
  for await (const { header, chunks } of sections) {
    yield frame(Buffer.from(JSON.stringify(header)))
    for await (const chunk of chunks) if (chunk.length > 0) yield frame(chunk)
    yield frame(NOTHING)
  }
  yield frame(NOTHING)
}

function frame(bytes: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** Rejects with `config-invalid` unless the file is a whole, unchanged backup. */
export async function verifyBackup(file: string): Promise<void> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const end = size - DIGEST_BYTES
    if (end < MAGIC.length || !(await bytesAt(handle, 0, MAGIC.length)).equals(MAGIC)) {
      throw new AppError('config-invalid', `${file} is no backup of Mingjie that this version can read.`)
    }
    const hash = createHash('sha256')
    for await (const chunk of handle.createReadStream({ start: 0, end: end - 1, autoClose: false }))
      hash.update(chunk as Buffer)
    if (!hash.digest().equals(await bytesAt(handle, end, DIGEST_BYTES))) throw damaged(file)
  } finally {
    await handle.close()
  }
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  return (await handle.read(Buffer.alloc(length), 0, length, position)).buffer
}

/** The sections of a file that `verifyBackup` passed. */
export async function* unpacked(file: string): AsyncGenerator<Section, void> {
  const handle = await open(file)
  const { size } = await handle.stat()
  await handle.close()
  const source = createReadStream(file, { start: MAGIC.length, end: size - DIGEST_BYTES - 1 })
  const plain = createGunzip()
  pipeline(source, plain, () => {})
  const found = framesOf(plain, file)
  const next = async (): Promise<Buffer> => {
    const { value, done } = await found.next()
    if (done) throw damaged(file)
    return value
  }
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let chunk = await next(); chunk.length > 0; chunk = await next()) yield chunk
  }
  try {
    for (let header = await next(); header.length > 0; header = await next()) {
      yield { header: JSON.parse(header.toString()) as Header, chunks: chunks() }
    }
  } finally {
    plain.destroy()
  }
}

async function* framesOf(bytes: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer, undefined> {
  let pieces: Buffer[] = []
  let have = 0
  let wanted = 4
  let header = true
  for await (const piece of bytes) {
    pieces.push(piece)
    have += piece.length
    while (have >= wanted) {
      const all = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
      const taken = all.subarray(0, wanted)
      have -= wanted
      pieces = have > 0 ? [all.subarray(wanted)] : []
      wanted = header ? taken.readUInt32BE() : 4
      if (!header || wanted === 0) yield header ? NOTHING : taken
      if (header && wanted === 0) wanted = 4
      else header = !header
      if (wanted > MAX_FRAME_BYTES) throw damaged(file)
    }
  }
  return undefined
}

const damaged = (file: string): AppError =>
  new AppError('config-invalid', `${file} is damaged or was cut short: use another backup.`)
