import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpInfo, XtcpcbN } from '../kernel/structs.ts'
import { tcpInfo, xtcpcbN } from '../kernel/structs.ts'
import { tcpOfBlock, tcpOfInfo } from './statistics.ts'

const block = (values: Partial<XtcpcbN>): XtcpcbN => xtcpcbN.read(new DataView(xtcpcbN.write(values).buffer))
const info = (values: Partial<TcpInfo>): TcpInfo => tcpInfo.read(new DataView(tcpInfo.write(values).buffer))

test('the control block: fixed point to microseconds, bytes to segments', () => {
  const tcp = tcpOfBlock(
    block({ t_srtt: 12 * 32, t_rttvar: 3 * 16, t_rxtcur: 230, t_maxseg: 1448, snd_cwnd: 14_480, snd_ssthresh: 65535 << 14 }),
    5000,
  )
  deepEqual([tcp.rttMicros, tcp.rttVarianceMicros, tcp.retransmitTimeoutMicros], [12_000, 3000, 230_000])
  deepEqual([tcp.congestionWindowSegments, tcp.slowStartThresholdBytes, tcp.sendMssBytes], [10, undefined, 1448])
})

test('sequence numbers start again after 2^32, and a part of a segment is in flight as one', () => {
  const tcp = tcpOfBlock(block({ snd_una: 0xffff_ff00, snd_max: 0x100, t_maxseg: 500 }), 600)
  deepEqual([tcp.unackedSegments, tcp.notSentBytes], [2, 88])
  equal(
    tcpOfBlock(block({ snd_una: 0, snd_max: 10 }), undefined).unackedSegments,
    undefined,
    'without a segment size there are no segments',
  )
})

test('times of 0 were not measured', () => {
  const tcp = tcpOfInfo(info({ tcpi_srtt: 0, tcpi_rttbest: 7, tcpi_flags: 1, tcpi_txunacked: 1001, tcpi_snd_mss: 1000 }))
  deepEqual([tcp.rttMicros, tcp.minRttMicros, tcp.congestionState, tcp.unackedSegments], [undefined, 7000, 'recovery', 2])
})
