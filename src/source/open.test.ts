import { deepEqual, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { needs } from '../../test/needs.ts'

test("without koffi's native file an error names it and the remedy, and what only binds works", () => {
  const script = `
    import Module from 'node:module'
    Module._extensions['.node'] = (_, file) => { throw Object.assign(new Error(file + ': file too short'), { code: 'ERR_DLOPEN_FAILED' }) }
    const { sockets, socketStat, freePort, isPortAvailable } = await import('./src/index.ts')
    const errors = []
    for (const call of [() => sockets(), () => socketStat(0)]) await call().catch(error => errors.push([error.name, error.code, error.message]))
    console.log(JSON.stringify({ errors, port: typeof (await freePort()), free: typeof (await isPortAvailable(4000)) }))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  const { errors, ...bound } = JSON.parse(stdout || stderr) as { errors: [string, string, string][] }
  deepEqual(bound, { port: 'number', free: 'boolean' })
  for (const [name, code, message] of errors) {
    deepEqual([name, code], ['OsError', 'ERR_DLOPEN_FAILED'])
    match(
      message,
      /^load koffi failed: ERR_DLOPEN_FAILED \(\S+koffi\.node: file too short; install the package koffi for \w+ \w+ again, with its optional packages\)$/,
    )
  }
  deepEqual(errors.length, 2)
})

test("Node's permission model is named where it forbids native code, and files that it forbids are gaps", needs('linux'), async () => {
  const script = `
    const { sockets } = await import('./src/index.ts')
    console.log(JSON.stringify(await sockets().then(({ sockets, gaps }) => [sockets.length > 0, gaps.map(gap => gap.code)], error => error.message)))`
  const run = (...options: string[]): unknown => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--permission', `--allow-fs-read=${process.cwd()}`, ...options, '--input-type=module', '-e', script],
      { encoding: 'utf8' },
    )
    return JSON.parse(stdout || JSON.stringify(stderr))
  }
  match(String(run()), /^load koffi failed: ERR_DLOPEN_DISABLED \(.* run it with --allow-addons\)$/)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  deepEqual(run('--allow-addons'), [true, ['owners-unread']])
  server.close()
})
