/** Where a person says something is: told by their device, or written by hand. Degrees, as browsers give them (WGS 84). */
export class Position {
  lat = $state('')
  lon = $state('')
  accuracyM = $state<number>()
  locating = $state(false)
  /** The device was asked and told none: it may not, or it knows none. */
  untold = $state<'refused' | 'unknown'>()
  /** Once both fields hold degrees that exist. */
  spot = $derived.by(() => {
    const at = { lat: Number(this.lat), lon: Number(this.lon) }
    const valid = this.lat.trim() && this.lon.trim() && Math.abs(at.lat) <= 90 && Math.abs(at.lon) <= 180
    return valid ? at : undefined
  })

  /** Asks the device, and fills the fields when it answers. */
  locate = () => {
    this.untold = undefined
    // Over plain HTTP a browser may give none, and says so only sometimes.
    if (!('geolocation' in navigator) || !isSecureContext) return void (this.untold = 'refused')
    this.locating = true
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        this.locating = false
        this.lat = coords.latitude.toFixed(5)
        this.lon = coords.longitude.toFixed(5)
        this.accuracyM = coords.accuracy
      },
      ({ code, PERMISSION_DENIED }) => {
        this.locating = false
        this.untold = code === PERMISSION_DENIED ? 'refused' : 'unknown'
      },
      { enableHighAccuracy: true, timeout: 15_000 }
    )
  }
}
