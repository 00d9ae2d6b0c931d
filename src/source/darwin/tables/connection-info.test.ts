import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { emptyTcp } from '../../draft.ts'
import { live } from '../../tape.ts'
import { draft, row, type Row } from '../decode/row.ts'
import type { Calls } from '../kernel/calls.ts'
import { tcpInfo } from '../kernel/structs.ts'
import { readConnectionInfo } from './connection-info.ts'

const answer = tcpInfo.write({ tcpi_txretransmitpackets: 3, tcpi_snd_mss: 1000 })
const rows = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) =>
    row({
      socket: draft({ key: `tcp.${i}`, protocol: 'tcp', family: 'ipv4', local: {}, tcp: { ...emptyTcp, timeoutsInRow: 7 } }),
      tuple: new Uint8Array(60),
    }),
  )

async function read(list: readonly Row[], sysctlRequest: () => Uint8Array): Promise<readonly Gap[]> {
  const gaps: Gap[] = []
  await readConnectionInfo(list, live, { sysctlRequest } as unknown as Calls, gaps)
  return gaps
}

test('what it has is laid over what the table has', async () => {
  const list = rows(1)
  deepEqual(await read(list, () => answer), [])
  deepEqual([list[0]!.socket.tcp?.retransmittedSegments, list[0]!.socket.tcp?.timeoutsInRow], [3, 7])
})

test('after twenty refusals in a row no more connections are read; one answer between them starts the count anew', async () => {
  let requests = 0
  await read(rows(100), () => {
    if (++requests === 10) return answer
    throw new OsError('sysctl net.inet.tcp.info', 'ENOENT')
  })
  equal(requests, 30)
})

test('the limit of a snapshot is a gap with the number of connections that it left out', async () => {
  const list = rows(5003)
  const gaps = await read(list, () => answer)
  deepEqual(
    gaps.map(g => [g.code, g.why, g.count, g.text.startsWith('3 connections')]),
    [['statistics-limit', 'limit', 3, true]],
  )
  deepEqual(
    [4999, 5000].map(i => list[i]!.socket.tcp?.retransmittedSegments),
    [3, undefined],
  )
})
