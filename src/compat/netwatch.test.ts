import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { attribute, ProcessBandwidthTracker, withDetails, type ConnectionDetail } from './netwatch.ts'

const connection = (name: string | null, pid: number | null, more: Partial<ConnectionDetail> = {}): ConnectionDetail => ({
  protocol: 'TCP',
  local_addr: '127.0.0.1:8080',
  remote_addr: '10.0.0.1:443',
  state: 'ESTABLISHED',
  pid,
  process_name: name,
  ...more,
})
const counted = (name: string, pid: number, port: number, rx: number, tx: number): ConnectionDetail =>
  connection(name, pid, { local_addr: `127.0.0.1:${port}`, rx_bytes: rx, tx_bytes: tx })
const wire = { rx_bytes: 1_000_000, tx_bytes: 500_000, rx_rate: 1000, tx_rate: 500 }

test('attribute splits the interfaces by established connections', () => {
  deepEqual(attribute([], [wire], 10), [])
  deepEqual(attribute([connection('a', 1, { state: 'TIME_WAIT' })], [wire], 10), [])
  deepEqual(attribute([connection('a', 1)], [wire], 10), [
    { process_name: 'a', pid: 1, rx_bytes: 1_000_000, tx_bytes: 500_000, rx_rate: 1000, tx_rate: 500, connection_count: 1 },
  ])
  const four = [connection('curl', 200), ...[1, 2, 3].map(() => connection('firefox', 100))]
  deepEqual(
    attribute(four, [wire], 10).map(row => [row.process_name, row.rx_rate, row.tx_rate, row.rx_bytes, row.connection_count]),
    [
      ['firefox', 750, 375, 750_000, 3],
      ['curl', 250, 125, 250_000, 1],
    ],
  )
  const { rx_bytes, tx_bytes } = wire
  equal(attribute([connection('a', 1)], [{ rx_bytes, tx_bytes }], 10)[0]!.rx_rate, 0)
})

test('at most so many rows, and ties always in the same order', () => {
  const twenty = Array.from({ length: 20 }, (_, i) => connection(`p${String(i).padStart(2, '0')}`, i))
  const first = attribute(twenty, [wire], 5)
  deepEqual(
    first.map(row => row.process_name),
    ['p00', 'p01', 'p02', 'p03', 'p04'],
  )
  deepEqual(attribute([...twenty].reverse(), [wire], 5), first)
  throws(() => attribute(twenty, [wire], -1), TypeError)
  equal(attribute([connection(null, 7)], [wire], 1)[0]!.process_name, 'pid:7')
  equal(attribute([connection(null, null)], [wire], 1)[0]!.process_name, 'pid:0')
})

test('the first sample has no rates', () => {
  const [row] = new ProcessBandwidthTracker().sample([counted('firefox', 1, 1, 1000, 500)], 10, 0)
  deepEqual(row, { process_name: 'firefox', pid: 1, rx_bytes: 0, tx_bytes: 0, rx_rate: 0, tx_rate: 0, connection_count: 1 })
})

test('rates follow the counters of each connection', () => {
  const tracker = new ProcessBandwidthTracker()
  tracker.sample([counted('firefox', 1, 1, 0, 0), counted('sshd', 2, 2, 0, 0)], 10, 1000)
  const rows = tracker.sample([counted('sshd', 2, 2, 1000, 0), counted('firefox', 1, 1, 100_000, 0)], 10, 3000)
  deepEqual(
    rows.map(row => [row.process_name, row.rx_bytes, row.rx_rate, row.connection_count]),
    [
      ['firefox', 100_000, 50_000, 1],
      ['sshd', 1000, 500, 1],
    ],
  )
})

test('what has no counters is a connection without a rate; TIME_WAIT is nothing', () => {
  const tracker = new ProcessBandwidthTracker()
  tracker.sample([counted('a', 1, 1, 0, 0)], 10, 0)
  const rows = tracker.sample([counted('a', 1, 1, 5000, 0), connection('b', 2, { state: 'TIME_WAIT' }), connection('c', 3)], 10, 1000)
  deepEqual(
    rows.map(row => [row.process_name, row.rx_bytes, row.connection_count]),
    [
      ['a', 5000, 1],
      ['c', 0, 1],
    ],
  )
})

test('a new connection counts whole, also on addresses that were used before', () => {
  const tracker = new ProcessBandwidthTracker()
  tracker.sample([{ ...counted('a', 1, 1, 700, 700), key: 'old' }, counted('b', 2, 2, 700, 700)], 10, 0)
  const rows = tracker.sample(
    [{ ...counted('a', 1, 1, 900, 900), key: 'new' }, counted('b', 2, 2, 5, 900), counted('c', 3, 3, 7, 8)],
    10,
    1000,
  )
  const of = (name: string): unknown => rows.filter(row => row.process_name === name).map(row => [row.rx_bytes, row.tx_bytes])
  deepEqual(of('a'), [[900, 900]])
  deepEqual(of('b'), [[5, 900]])
  deepEqual(of('c'), [[7, 8]])
})

test('a connection that was missing from a sample goes on where it was, until it is forgotten', () => {
  const tracker = new ProcessBandwidthTracker()
  tracker.sample([counted('a', 1, 1, 1e9, 500)], 10, 0)
  deepEqual(tracker.sample([], 10, 1000), [])
  const [back] = tracker.sample([counted('a', 1, 1, 1e9 + 10, 500)], 10, 2000)
  deepEqual([back!.rx_bytes, back!.tx_bytes, back!.rx_rate], [10, 0, 10])
  tracker.sample([], 10, 3000)
  tracker.sample([], 10, 1e6)
  const [later] = tracker.sample([counted('a', 1, 1, 20, 7)], 10, 1e6 + 1000)
  deepEqual([later!.rx_bytes, later!.tx_bytes], [20, 7])
})

test('a connection that two processes hold is counted once', () => {
  const tracker = new ProcessBandwidthTracker()
  const two = (bytes: number): ConnectionDetail[] => [1, 2].map(pid => ({ ...counted(`p${pid}`, pid, 1, bytes, 0), key: 'k' }))
  tracker.sample(two(0), 10, 0)
  const rows = tracker.sample(two(1000), 10, 1000)
  equal(
    rows.reduce((sum, row) => sum + row.rx_bytes, 0),
    1000,
  )
  equal(rows.length, 2)
})

test('details never hold the command line', () => {
  const rows = attribute([connection('a', 1)], [wire], 1)
  const process = {
    key: '1.5',
    pid: 1,
    name: 'a',
    parentPid: 9,
    uid: 0,
    user: 'root',
    startedAtMs: 0,
    exe: '/bin/a',
    command: ['a', '--password=x'],
    script: undefined,
    container: undefined,
    unit: undefined,
  }
  const use = (processorMs: number) => new Map([[1, { key: '1.5', state: 'S', processorMs, residentBytes: 3, virtualBytes: 4 }]])
  const [row] = withDetails(rows, new Map([[1, process]]), { before: use(100), now: use(120), ms: 1000 })
  deepEqual([row!.ppid, row!.user, row!.cmd, row!.started_at, row!.state], [9, 'root', '/bin/a', '1970-01-01T00:00:00.000Z', 'S'])
  deepEqual([row!.cpu_pct, row!.mem_rss_bytes, row!.mem_virt_bytes], [2, 3, 4])
  ok(!JSON.stringify(row).includes('password'))
})
