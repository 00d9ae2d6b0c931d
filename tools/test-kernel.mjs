// `npm run test:kernel`: runs tests on another Linux kernel, that of this Debian, which lists what the kernel here may lack (SCTP, DCCP, VSOCK, TIPC, RAW) and is
// older, once as it is and once with SELinux. QEMU emulates the machine, so it needs no privileges; it has no network and a hard time limit.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { has, isChosen, mayGet, needsLinuxOnX64, say, skip } from './other-systems.mjs'
import { boot, makeImage, modulesOf } from './guest.mjs'
import { buildProgram, filesBelow, install, root } from './setup.mjs'

const cache = join(root, '.cache/kernel')
const unpacked = join(cache, 'linux/root')
const image = join(cache, 'image.cpio')

/** Dependencies that modules do not declare: the checksums and ciphers that they request from the kernel by name. */
const ciphers = ['crc32c_generic', 'ctr', 'gcm', 'ghash_generic']
const families = ['sctp', 'dccp_ipv4', 'dccp_ipv6', 'vsock', 'vsock_loopback', 'tipc', 'tls', 'veth']
const lists = ['tcp', 'udp', 'raw', 'sctp', 'dccp', 'mptcp', 'unix', 'vsock', 'netlink', 'af_packet'].map(name => `${name}_diag`)
const programs = ['ip', 'ss', 'sh', 'unshare', 'mount', 'umount', 'true']

/** The tests of this kernel that matter most on another one; they skip what is missing there. */
const rooms = [
  'bpf/btf',
  'bpf/traffic-programs',
  'byfd/actions',
  'events/readers',
  'host/interfaces',
  'kernel/structs',
  'netns/enter',
  'owners/owners',
]
const across = ['linux-ss', 'contract', 'source-filter', 'unix-filter']
const files = [...rooms.map(name => `src/source/linux/${name}.test.ts`), ...across.map(name => `test/${name}.test.ts`)]
const isForSelinux = name => name.startsWith('selinux')
const selinux = 'security=selinux selinux=1 enforcing=0 guest.policy=/policy'
const machines = [
  { name: 'as it is', line: '', tests: files, guest: name => !isForSelinux(name) },
  { name: 'with SELinux', line: selinux, tests: [], guest: isForSelinux },
]

/** Sources go there without their types, and otherwise as they are: test/kernel/stripped.mjs. */
const types = { target: 'es2023', tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } } }

function get(what, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  if (status !== 0) say(`${stdout}${stderr}\n# ${what} could not be had`)
  return status === 0
}

function prepare() {
  needsLinuxOnX64('another kernel')
  mkdirSync(cache, { recursive: true })
  const isThere = existsSync(join(cache, 'linux/ready'))
  if ((!isThere || !has('qemu-system-x86_64')) && !mayGet)
    skip('another kernel', 'a kernel and QEMU are not there; npm run test:kernel gets them (90 MB)')
  if (!isThere && !get('the kernel', join(root, 'tools/get-kernel'), [join(cache, 'linux')]))
    skip('another kernel', 'the kernel could not be had; why is above')
  if (!has('qemu-system-x86_64') && process.getuid() === 0)
    get('QEMU', 'apt-get', ['install', '-qy', '--no-install-recommends', 'qemu-system-x86'])
  const missing = ['qemu-system-x86_64', ...programs].filter(program => !has(program))
  if (missing.length > 0) skip('another kernel', `it needs ${missing.join(', ')} (packages qemu-system-x86, iproute2, util-linux)`)
}

/** The policy that gives processes and sockets their labels, from its text. */
function policy() {
  const to = join(cache, 'policy')
  const args = ['-U', 'allow', '-o', to, join(root, 'test/kernel/policy.conf')]
  const { status, stdout, stderr } = spawnSync(join(unpacked, 'usr/bin/checkpolicy'), args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`checkpolicy: ${stdout}${stderr}`)
  return readFileSync(to)
}

function fill(archive) {
  archive.write('/etc/passwd', 'root:x:0:0:root:/:/bin/sh\nsomeone:x:1000:1000::/:/bin/sh\n')
  archive.write('/policy', policy())
  archive.add('/app/init.mjs', join(root, 'test/kernel/init.mjs'))
  for (const name of ['package.json', 'dist/main.cjs']) archive.add(`/app/${name}`, join(root, name))
  for (const name of [...filesBelow('src'), ...filesBelow('test')]) {
    const bytes = readFileSync(join(root, name))
    archive.write(`/app/${name}`, name.endsWith('.ts') ? transformSync(bytes, { loader: 'ts', ...types }).code : bytes)
  }
  for (const module of ['koffi', '@koromix/koffi-linux-x64']) archive.add(`/app/node_modules/${module}`, join(root, 'node_modules', module))
}

async function run({ name, line, tests, guest }, kernel) {
  const guests = readdirSync(join(root, 'test/kernel')).filter(file => file.endsWith('.guest.ts') && guest(file))
  const all = [...guests.map(file => `test/kernel/${file}`), ...tests]
  const chosen = all.filter(isChosen)
  if (chosen.length === 0) return true
  say(`# another kernel ${name}`)
  const { late, console, said } = await boot({ kernel, image, line: `${line} guest.tests=${chosen.join(',')}`, seconds: 600, logs: cache })
  say(said.trim())
  const ok = said.trimEnd().endsWith('# end 0')
  if (!ok)
    say(`${console.trim()}\n# another kernel ${name}: ${late ? 'did not end in 600 s' : 'failed'}; what the kernel said last is above`)
  return ok
}

install()
buildProgram()
const { transformSync } = await import('esbuild')
for (const file of files) if (!existsSync(join(root, file))) throw new Error(`tools/test-kernel.mjs names ${file}, which is not there`)
prepare()
const modules = modulesOf(join(unpacked, 'lib/modules'), [...ciphers, ...families, ...lists, 'diag'])
makeImage(image, { programs, modules, fill })
const [vmlinuz] = readdirSync(join(unpacked, 'boot'))
let ok = true
for (const machine of machines) ok = (await run(machine, join(unpacked, 'boot', vmlinuz))) && ok
process.exit(ok ? 0 : 1)
