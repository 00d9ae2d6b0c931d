// The first process of the other kernel: mounts what Linux has, loads the modules, runs the tests that the command line of the kernel names, and turns the
// machine off. Its output goes to the second serial port; the last line is `# end` and how many files failed.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const mount = libc.func('int mount(const char *from, const char *at, const char *kind, unsigned long flags, const char *data)')
const loadModule = libc.func('long syscall(long number, int fd, const char *options, int flags)')
const reboot = libc.func('int reboot(int how)')
const limit = libc.func('int setrlimit(int what, const void *values)')
const SYS_finit_module = 313
const RLIMIT_NOFILE = 7
const POWER_OFF = 0x4321fedc

for (const [kind, at] of [
  ['devtmpfs', '/dev'],
  ['proc', '/proc'],
  ['sysfs', '/sys'],
  ['tmpfs', '/tmp'],
  ['tmpfs', '/run'],
  ['cgroup2', '/sys/fs/cgroup'],
  ['selinuxfs', '/sys/fs/selinux'], // Only where SELinux runs.
])
  mount(kind, at, kind, 0, null)
mkdirSync('/run/netns')

const out = openSync('/dev/ttyS1', 'w')
const say = text => writeSync(out, `${text}\n`)
const stdio = ['ignore', out, out]
const line = readFileSync('/proc/cmdline', 'utf8')
const option = name => new RegExp(`\\bguest\\.${name}=(\\S+)`).exec(line)?.[1]

function prepare() {
  limit(RLIMIT_NOFILE, new BigUint64Array([65_536n, 65_536n])) // As many descriptors as elsewhere.
  const [uptime] = readFileSync('/proc/uptime', 'utf8').split(' ')
  say(`# Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}, running after ${uptime} s`)
  for (const file of JSON.parse(readFileSync('/modules.json', 'utf8'))) {
    const fd = openSync(file, 'r')
    if (Number(loadModule(SYS_finit_module, fd, '', 0)) < 0) throw new Error(`${file}: errno ${koffi.errno()}`)
    closeSync(fd)
  }
  const policy = option('policy')
  if (policy) writeFileSync('/sys/fs/selinux/load', readFileSync(policy))
  if (spawnSync('/bin/ip', ['link', 'set', 'lo', 'up'], { stdio }).status !== 0) throw new Error('there is no loopback')
}

let failed = 0
try {
  prepare()
  const env = { PATH: '/bin', HOME: '/tmp', TERM: 'dumb', LC_ALL: 'C.UTF-8', NODE_OPTIONS: '--import=/app/test/kernel/stripped.mjs' }
  for (const file of option('tests').split(',')) {
    const started = performance.now()
    const { status } = spawnSync(process.execPath, ['--test-reporter=spec', file], {
      cwd: '/app',
      env,
      stdio,
      timeout: 90_000,
      killSignal: 'SIGKILL',
    })
    if (status !== 0) failed++
    say(`# ${file}: ${status === 0 ? 'passed' : 'FAILED'} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }
} catch (error) {
  say(error.stack)
  failed++
}
say(`# end ${failed}`)
reboot(POWER_OFF)
