// What a terminal of each width shows, in a network namespace with sockets of long addresses and paths.
import { test } from 'node:test'
import { match, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { needs } from './needs.ts'

/** Opens sockets, prints its pid and waits for the end of its input. Port 54321 has connections from 60000 to 60002, and the first one carries bytes. */
const holder = `
import os, socket, sys, tempfile, threading, time
os.system('ip link set lo up')
here, there = '2001:db8:1234:5678:9abc:def0:1234:5678', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff'
for address in (here, there): os.system('ip addr add ' + address + '/128 dev lo nodad')
held = [socket.create_server((here, 54321), family=socket.AF_INET6)]
for port in range(60000, 60003):
    client = socket.create_connection((here, 54321), source_address=(there, port))
    held += [client, held[0].accept()[0]]
folder = tempfile.TemporaryDirectory(prefix='sockscope-with-a-rather-long-name-')
held.append(socket.socket(socket.AF_UNIX))
held[-1].bind(folder.name + '/control.sock')
held[-1].listen()
print(os.fstat(held[-1].fileno()).st_ino, flush=True)
def send():
    while True:
        held[1].send(b'x' * 1000)
        held[2].recv(4000)
        time.sleep(0.02)
threading.Thread(target=send, daemon=True).start()
sys.stdin.read()
`

/** Runs the lines of a shell beside the sockets; \`$1\` is the inode of the UNIX socket. */
const beside = (script: string): string => {
  const scene = `
import subprocess, sys
held = subprocess.Popen(['python3', '-c', sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
inode = held.stdout.readline().strip()
subprocess.run(['sh', '-c', sys.argv[2], 'sh', inode], check=True, stdin=subprocess.DEVNULL)
held.stdin.close()
held.wait()
`
  const env = { ...process.env, NO_COLOR: '1', NODE: process.execPath }
  return execFileSync('unshare', ['-n', 'python3', '-c', scene, holder, script], { encoding: 'utf8', env, timeout: 180_000 })
}

/** Runs sockscope on a terminal of this width. */
const onTerminal = (columns: number, args: string): string =>
  `script -qec "stty cols ${columns} rows 30; $NODE src/cli/main.ts ${args}" /dev/null | tr -d '\\r'`

const widths = [60, 80, 120]

test(
  'a terminal of any width shows every port and inode',
  needs('network namespaces', 'command python3', 'command unshare', 'command script'),
  () => {
    const commands = ['-tan', `-xl inode = $1`, 'top --by sockets --every 200ms --count 2', 'ports']
    const script = widths.flatMap(columns => commands.map(args => `${onTerminal(columns, args)}; echo; echo =`)).join('\n')
    const screens = beside(script).split('\n=\n')
    for (const [i, columns] of widths.entries()) {
      const [list, unix, top, ports] = screens.slice(i * commands.length)
      for (const screen of [list!, unix!, ports!]) for (const line of screen.split('\n')) ok(line.length <= columns, `${columns}: ${line}`)
      for (const port of [60000, 60001, 60002]) {
        match(list!, new RegExp(`ESTABLISHED .*:54321 +\\[2\\S+\\]:${port} +\\d+ +python3`))
        match(list!, new RegExp(`ESTABLISHED .*\\]:${port} +\\[2\\S+\\]:54321 +\\d+ +python3`))
      }
      match(unix!, /\/\S+k \d+ +\* +\d+ +python3/)
      match(top!, /\]:54321 +\[2\S+\]:60000 +python/)
      match(top!, /LOCAL +REMOTE +PROCESS +IN\/S +OUT\/S/)
      ok(!top!.includes('RETRANS'), 'nothing was retransmitted')
      match(ports!, /\n54321 .*\[2\S+\] +public network +\d+ +python3/)
      ok(!list!.includes('USER'))
      ok(!ports!.includes('CONTAINER'))
    }
  },
)

test('a terminal without escapes gets none, and the frames of top follow each other', needs('linux', 'command script'), () => {
  const env: NodeJS.ProcessEnv = { ...process.env, TERM: 'dumb', NODE: process.execPath }
  delete env.NO_COLOR
  const out = execFileSync('sh', ['-c', onTerminal(80, 'top --count 2 --every 200ms')], { encoding: 'utf8', env, timeout: 60_000 })
  match(out, /PROCESS[^]*\n\n[^]*PROCESS/)
  ok(!out.includes('\u001b'), out)
})
