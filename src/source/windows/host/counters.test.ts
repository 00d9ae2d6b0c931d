import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { machine } from '../../../../test/windows/made-up.ts'
import { OsError } from '../../../model/errors.ts'
import { live } from '../../tape.ts'
import { openWith } from '../index.ts'
import { tcpStats, tcpStats2, udpStats, udpStats2 } from '../kernel/structs.ts'

test('system-wide counters, in 64 bits where Windows has them', async () => {
  const requested: string[] = []
  const { calls } = machine({
    statistics(protocol: string, family: string, form: string) {
      requested.push(`${protocol} ${family} ${form}`)
      if (family === 'ipv6' && form === 'new') throw new OsError('GetTcpStatisticsEx2', 'ERROR_PROC_NOT_FOUND')
      if (protocol === 'udp')
        return form === 'new' ? udpStats2.write({ dw64InDatagrams: 2 ** 40, dwNoPorts: 3 }) : udpStats.write({ dwOutDatagrams: 4 })
      return form === 'new'
        ? tcpStats2.write({ dw64OutSegs: 2 ** 33, dwActiveOpens: 5, dwRetransSegs: 6 })
        : tcpStats.write({ dwOutSegs: 7, dwNumConns: 8 })
    },
  })
  const { tcp, udp } = await openWith(live, calls).counters!()
  deepEqual([tcp.ipv4!.sentSegments, tcp.ipv4!.opened, tcp.ipv4!.retransmittedSegments, tcp.ipv6!.sentSegments], [2 ** 33, 5, 6, 7])
  deepEqual([udp.ipv4!.receivedDatagrams, udp.ipv4!.refusedDatagrams, udp.ipv6!.sentDatagrams], [2 ** 40, 3, 4])
  equal(requested.length, 6)
})
