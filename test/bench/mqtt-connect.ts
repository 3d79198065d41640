import { connect, type Socket } from 'node:net'

export interface Device {
  id: string
  secret: string
}

const PROTOCOL = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54])
const VERSION_3_1_1 = 4
const USER_PASSWORD_CLEAN = 0xc2
/** An hour: nothing here is about keepalive. */
const KEEPALIVE = Buffer.from([0x0e, 0x10])

/** A socket signed in as a device by handmade bytes. Rejects when it is refused. */
export function connected({
  host,
  port,
  id,
  secret
}: { host: string; port: number } & Device): Promise<Socket> {
  const text = (s: string) => Buffer.concat([Buffer.from([s.length >> 8, s.length & 255]), Buffer.from(s)])
  const body = Buffer.concat([
    PROTOCOL,
    Buffer.from([VERSION_3_1_1, USER_PASSWORD_CLEAN]),
    KEEPALIVE,
    text(id),
    text(id),
    text(secret)
  ])
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    socket.once('error', reject)
    socket.write(Buffer.concat([Buffer.from([0x10, ...length]), body]))
    socket.once('data', (connack: Buffer) =>
      connack[3] === 0 ? resolve(socket) : reject(new Error(`${id} was refused with ${connack[3]}`))
    )
  })
}
