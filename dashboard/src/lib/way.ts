/** An address that opens the phone's own map at a place; every system but Apple's knows `geo:`. */
export const wayTo = (lat: number, lon: number): string =>
  /iPhone|iPad|Macintosh/.test(navigator.userAgent)
    ? `maps:?daddr=${lat},${lon}`
    : `geo:${lat},${lon}?q=${lat},${lon}`
