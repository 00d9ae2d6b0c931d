import { test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

/** Evaluates in a process of that time zone. */
const inZone = (zone: string, expression: string): unknown => {
  const program = `import * as time from './src/render/time.ts'; console.log(JSON.stringify(${expression}))`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', env: { ...process.env, TZ: zone } })
  return JSON.parse(run.stdout)
}

test('times are local, with the offset of their moment', () => {
  const at = Date.UTC(2026, 0, 1, 12, 3, 7, 25)
  const texts = `[time.timeText(${at}), time.millisText(${at}), time.offsetText(${at})]`
  deepEqual(inZone('UTC', texts), ['12:03:07', '12:03:07.025', 'UTC'])
  deepEqual(inZone('Asia/Kolkata', texts), ['17:33:07', '17:33:07.025', 'UTC+05:30'])
  deepEqual(inZone('America/New_York', texts), ['07:03:07', '07:03:07.025', 'UTC-05:00'])
})

test('the offset is shown once, and again when summer time begins', () => {
  const before = Date.UTC(2026, 2, 29, 0, 59)
  const moments = [before, before + 1000, before + 120_000, before + 130_000]
  const lines = inZone('Europe/Berlin', `(o => ${JSON.stringify(moments)}.map(at => o.before(at)))(new time.OffsetLine())`)
  deepEqual(lines, [['times are in UTC+01:00'], [], ['times are in UTC+02:00'], []])
})
