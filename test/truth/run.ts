import { parseArgs } from 'node:util'
import { RULE_IDS } from '#sim/truth/domain'
import { playSeed, type PlayedSeed } from './play.ts'
import { addUp, report } from './report.ts'
import { median, precision, recall, total, type RuleScore } from '#sim/truth/score'

const HELP = `Plays simulated cities against the whole system on a clock of their own, and compares the tickets it opened
with those that had to be.

  npm run truth -- --seeds 7,8,9

  --seeds <list>       which cities, one after the other    (7,8,9)
  --facilities <n>     about so many in each                (200)
  --hours <n>          how long each is played              (48)
  --rule <id>          only this rule is judged
  --crews <which>      with people who work the tickets: they travel, repair, claim, some without having been there, some
                       without signal; all, none, or some: every city but the first               (some)
  --json               the result as JSON, for a program
  --help

Precision is right tickets ÷ opened, recall found ÷ expected, delay the time from the earliest possible opening to the
opening. Ends are right ÷ wrong: when the condition was over, how the ticket ended (by itself, verified, not yet), its
severity; claims: confirmed, contradicted, or left to a person. In the middle the program is stopped for forty minutes and
started again; work is announced, a road has another threshold, a rule is changed. It ends with 1 if precision or recall is
below 1, if an end or a claim is wrong, or if nothing was expected of the rule that --rule names.`

class UsageError extends Error {}

function settings() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '7,8,9' },
      facilities: { type: 'string', default: '200' },
      hours: { type: 'string', default: '48' },
      rule: { type: 'string' },
      crews: { type: 'string', default: 'some' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return undefined
  const seeds = values.seeds.split(',').map(Number)
  if (!seeds.every(seed => Number.isInteger(seed)))
    throw new UsageError(`--seeds ${values.seeds} are not integers`)
  const within = (name: 'facilities' | 'hours', least: number, most: number) => {
    const n = Number(values[name])
    if (!(n >= least && n <= most))
      throw new UsageError(`--${name} ${values[name]} is not from ${least} to ${most}`)
    return n
  }
  if (values.rule !== undefined && !(RULE_IDS as readonly string[]).includes(values.rule)) {
    throw new UsageError(`--rule ${values.rule} is none of ${RULE_IDS.join(', ')}`)
  }
  const { crews } = values
  if (crews !== 'all' && crews !== 'none' && crews !== 'some')
    throw new UsageError(`--crews ${crews} is none of all, none, some`)
  const facilities = within('facilities', 50, 7400)
  return { ...values, crews, seeds, facilities, hours: within('hours', 6, 240) }
}

const figures = (one: RuleScore) => ({
  rule: one.rule,
  expected: one.expected,
  found: one.found,
  falseTickets: one.falseTickets,
  precision: precision(one),
  recall: recall(one),
  ends: one.ends,
  claims: one.claims,
  delayMs: { p50: median(one.delays) ?? null, max: one.delays.length > 0 ? Math.max(...one.delays) : null }
})

async function run(given: NonNullable<ReturnType<typeof settings>>): Promise<boolean> {
  const say = given.json ? () => {} : console.log
  const played: PlayedSeed[] = []
  for (const [i, seed] of given.seeds.entries()) {
    const crews = given.crews === 'all' || (given.crews === 'some' && i > 0)
    const one = await playSeed({ ...given, seed, crews, say })
    say(`seed ${seed}: ${one.messages} messages in ${(one.tookMs / 1000).toFixed(1)} s`)
    if (crews) say(`seed ${seed}: ${JSON.stringify(one.work).replace(/[{}"]/g, '').replaceAll(',', ', ')}`)
    played.push(one)
  }
  const rules = addUp(played)
  const all = total(rules)
  const missing = given.rule !== undefined && played.some(one => one.missing.includes(given.rule as never))
  // What nothing put to the test is not right.
  const tested = all.expected > 0
  const agreed = all.ends.wrong + all.claims.wrong === 0
  const perfect = precision(all) === 1 && recall(all) === 1 && agreed && !missing && tested
  if (given.json) {
    const misses = played.flatMap(({ seed, score }) => score.misses.map(miss => ({ seed, ...miss })))
    const falseTickets = played.flatMap(({ seed, score }) =>
      score.falseTickets.map(wrong => ({ seed, ...wrong }))
    )
    const notJudged = [...new Set(played.flatMap(one => one.missing))]
    console.log(
      JSON.stringify({
        perfect,
        all: figures(all),
        rules: rules.map(figures),
        misses,
        falseTickets,
        disagreements: played.flatMap(({ seed, disagreements }) =>
          disagreements.map(wrong => ({ seed, ...wrong }))
        ),
        notJudged
      })
    )
  } else {
    for (const line of report(played)) console.log(line)
  }
  return perfect
}

try {
  const given = settings()
  if (!given) console.log(HELP)
  else if (!(await run(given))) process.exitCode = 1
} catch (error) {
  const theirs =
    error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
  console.error(theirs ? `${(error as Error).message}\nnpm run truth -- --help tells more` : error)
  process.exitCode = 2
}
