import { test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { draft, type Draft } from '../../draft.ts'
import { KeySettler } from './keys.ts'

const socket = (key: string, pid: number, connected = true): Draft => ({
  ...draft(key, 'tcp', 'ipv4', 'ESTABLISHED', { address: '10.0.0.1', port: 1 }),
  remote: connected ? { address: '10.0.0.2', port: 2 } : undefined,
  owners: pid === 0 ? [] : [{ pid, fd: undefined }],
})
const settle = (settler: KeySettler, tuple: string, draft: Draft): string => {
  settler.settle({ draft, tuple })
  return draft.key
}

test('a connection that lost its owner has the key of the snapshot before, over any number of snapshots', () => {
  const first = new KeySettler()
  deepEqual(settle(first, 'ends', socket('ends 9@5', 9)), 'ends 9@5')
  const second = new KeySettler(first.connections)
  deepEqual(settle(second, 'ends', socket('ends 0', 0)), 'ends 9@5')
  const third = new KeySettler(second.connections)
  deepEqual([settle(third, 'ends', socket('ends 0', 0)), settle(third, 'other', socket('other 0', 0))], ['ends 9@5', 'other 0'])
  deepEqual(settle(new KeySettler(third.connections), 'ends', socket('ends 8@6', 8)), 'ends 8@6', 'a new connection with the same ends')
})

test('sockets that the table does not distinguish are numbered; only connections are kept', () => {
  const settler = new KeySettler()
  deepEqual(
    [1, 2, 3].map(() => settle(settler, 'local', socket('local 3', 3, false))),
    ['local 3', 'local 3 #2', 'local 3 #3'],
  )
  deepEqual(settler.connections.size, 0)
})
