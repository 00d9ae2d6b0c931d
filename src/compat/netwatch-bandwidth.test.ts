import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { needs } from '../../test/needs.ts'
import { processBandwidth } from './netwatch-bandwidth.ts'

test(
  'this process has a row with all of its details, and bytes that it moved',
  needs('linux', 'root', 'file /sys/kernel/btf/vmlinux'),
  async () => {
    const server = createServer(c => c.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').resume()
    const timer = setInterval(() => client.write(Buffer.alloc(1000)), 20)
    try {
      const stop = AbortSignal.timeout(10_000)
      for await (const rows of processBandwidth({ every: 200, max: 1000, signal: stop })) {
        const mine = rows.find(row => row.pid === process.pid)
        if (mine === undefined || mine.rx_bytes === 0 || mine.cpu_pct === undefined) continue
        deepEqual([mine.rx_bytes % 1000, mine.tx_bytes % 1000, mine.ppid, mine.cmd], [0, 0, process.ppid, process.execPath])
        ok(mine.connection_count >= 3 && mine.mem_rss_bytes! > 1e6 && mine.mem_virt_bytes! > mine.mem_rss_bytes!)
        ok(mine.cpu_pct >= 0 && /^[RSDI]$/.test(mine.state!) && Date.parse(mine.started_at!) <= Date.now())
        ok(!JSON.stringify(mine).includes(process.argv[1]!))
        return
      }
      equal('no such row', '')
    } finally {
      clearInterval(timer)
      client.destroy()
      server.close()
    }
  },
)
