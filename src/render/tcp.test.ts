import { test } from 'node:test'
import { equal } from 'node:assert/strict'
import type { Memory } from '../model/socket.ts'
import type { Tcp } from '../model/tcp.ts'
import { memoryText, tcpText } from './tcp.ts'

test('a connection in words, without zero values', () => {
  const tcp: Partial<Tcp> = {
    congestionControl: 'cubic',
    congestionState: 'recovery',
    rttMicros: 12_000,
    rttVarianceMicros: 3000,
    minRttMicros: 10_000,
    congestionWindowSegments: 1,
    congestionWindowBytes: 1448,
    sentBytes: 4 * 1024 * 1024,
    retransmittedBytes: 41_943,
    receivedBytes: 0,
    busyMicros: 2_000_000,
    receiverLimitedMicros: 500_000,
    sendBufferLimitedMicros: 0,
    deliveryBytesPerSecond: 1_258_291,
    deliveryLimitedByApplication: true,
    unackedSegments: 3,
    notSentBytes: 0,
    lostSegments: 0,
    retransmittedSegments: 29,
    sinceSentMs: 1500,
  }
  equal(
    tcpText(tcp as Tcp),
    'cubic in recovery  rtt 12 ms ± 3 ms, lowest 10 ms  window 1 segment (1.41 KiB)  sent 4 MiB (1 % retransmitted), received 0 B, ' +
      'busy 2 s (25 % limited by the receiver)  delivers 1.2 MiB/s (limited by the application)  3 segments in flight  ' +
      '29 segments retransmitted  sent 1.5 s ago',
  )
  equal(tcpText({} as Tcp), '')
})

test('records of congestion controls', () => {
  const bbr = { kind: 'bbr', bytesPerSecond: 1024, minRttMicros: 40, pacingGain: 1.25, windowGain: 2 } as const
  equal(tcpText({ congestionControl: 'bbr', congestionDetail: bbr } as Tcp), 'bbr (1 KiB/s, lowest rtt 40 µs, gains 1.25 and 2)')
  equal(tcpText({ congestionControl: 'bbr', congestionDetail: { ...bbr, bytesPerSecond: 0 } } as Tcp), 'bbr')
  const dctcp = { kind: 'dctcp', enabled: true, state: 0, alpha: 0.5, ecnBytes: 1, totalBytes: 2 } as const
  equal(tcpText({ congestionControl: 'dctcp', congestionDetail: dctcp } as Tcp), 'dctcp (50 % marked)')
})

test('memory', () => {
  const memory: Partial<Memory> = { receiveAllocatedBytes: 0, receiveBufferBytes: 131_072, sendAllocatedBytes: 2048, drops: 2 }
  equal(memoryText(memory as Memory), 'receive 0 B of 128 KiB, send 2 KiB, 2 packets dropped')
})
