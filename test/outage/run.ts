import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { minutes as minutesOf, seconds } from '#model/time'
import { conditions } from '#test/bench/report'
import { outage, type Outage } from './outage.ts'

const HELP = `node --import tsx test/outage/run.ts [--minutes 10] [--rate 500] [--bins 200] [--fires 20]

Runs the real program with a real InfluxDB 1.x (/usr/bin/influxd) under an even load, kills InfluxDB, lets it be away,
starts it again, and counts: what was lost or doubled, whether tickets went on, what the journal took, how fast
history caught up. Ends with 1 when anything was lost or doubled, or a ticket failed.

  --minutes   how long InfluxDB is away; default INFLUX_DOWN_MINUTES, else 10
  --rate      messages of three readings a second; default 500
  --bins      devices, each with a connection; default 200
  --fires     bins set on fire meanwhile, one after the other; default 20`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: process.env['INFLUX_DOWN_MINUTES'] ?? '10' },
    rate: { type: 'string', default: '500' },
    bins: { type: 'string', default: '200' },
    fires: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const [minutes, rate, bins, fires] = [values.minutes, values.rate, values.bins, values.fires].map(Number) as [
  number,
  number,
  number,
  number
]
if (!(minutes > 0 && rate > 0 && bins > 0 && fires >= 0)) {
  console.error(`${HELP}\n\nminutes, rate and bins are numbers above 0.`)
  process.exit(1)
}
if (!existsSync('/usr/bin/influxd')) {
  console.error('There is no /usr/bin/influxd: apt-get install influxdb')
  process.exit(1)
}

console.log(conditions().join('\n'))
const downMs = minutesOf(minutes)
const found = await outage({ rate, bins, fires, downMs, aroundMs: seconds(20), say: console.log })
console.log(`\n${table(found)}`)
process.exit(found.lost === 0 && found.doubled === 0 && found.tickets === fires ? 0 : 1)

function table({ journal, catchUp, ticketMs, ...is }: Outage): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  const secondsOf = (ms: number) => `${(ms / 1000).toFixed(2)} s`
  const grown = journal.mostBytes - journal.beforeBytes
  const perDay = (grown / downMs) * minutesOf(24 * 60)
  const rows = [
    ['InfluxDB away, at so many messages a second', `${minutes} min, ${rate}/s`],
    ['messages acknowledged before, meanwhile and after', is.acked],
    ['lost / doubled in InfluxDB', `${is.lost} / ${is.doubled}`],
    ['fires set meanwhile / their tickets', `${fires} / ${is.tickets}`],
    ['publish → ticket in the API meanwhile, slowest', secondsOf(Math.max(0, ...ticketMs))],
    ['publish → PUBACK over the whole, p99', `${is.ackP99Ms} ms`],
    ['most records the rules were behind', is.stateBehind],
    ['journal on disk: at most, of what it may take', `${mb(journal.mostBytes)} of ${mb(journal.maxBytes)}`],
    ['journal on disk after it caught up', mb(journal.afterBytes)],
    ['its room lasts at this rate', `${(journal.maxBytes / perDay).toFixed(1)} days`],
    [
      'memory of the Node process: before, at most',
      `${is.rssMb.before.toFixed(0)}, ${is.rssMb.most.toFixed(0)} MB`
    ],
    ['first write after InfluxDB answered again', secondsOf(catchUp.firstAfterMs)],
    ['caught up after', `${secondsOf(catchUp.tookMs)}, ${catchUp.records} records`],
    ['catch-up, records a second', catchUp.perSecond.toFixed(0)]
  ]
  return ['| what | measured |', '| --- | ---: |', ...rows.map(([a, b]) => `| ${a} | ${b} |`)].join('\n')
}
