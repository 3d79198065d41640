/** Who a device is. Must answer from memory, so that the broker goes on while the database is away. */
export interface Credentials {
  /** `gatewayFor` is asked at every publish, so that a child registered later needs no reconnect. Compares in constant time. */
  check(
    deviceId: string,
    secret: string
  ): Promise<{ ok: true; gatewayFor: (childId: string) => boolean } | { ok: false }>
}
