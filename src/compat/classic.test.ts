import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { classic, classicInput, classicScore, type ClassicInput } from './classic.ts'
import { emptyTcp } from '../measure/health/vectors.test.ts'

const clean: ClassicInput = {
  retransmits: 0,
  outOfOrderPackets: 0,
  zeroWindowEvents: 0,
  rttMicros: 100_000,
  rttVarianceMicros: 0,
  minRttMicros: 100_000,
  sentBytes: 1_000_000,
  sentPackets: 1000,
  durationMs: 10_000,
  congestionWindowSegments: 10,
  sendMssBytes: 1448,
  sendWindowBytes: 65_536,
  recovering: false,
}
const round = (n: number | undefined): number | undefined => (n === undefined ? undefined : Math.round(n * 1e6) / 1e6)

test('the score, by a table', () => {
  const vectors: [Partial<ClassicInput>, number | undefined][] = [
    [{}, 1],
    [{ retransmits: 3, outOfOrderPackets: 2, zeroWindowEvents: 1, rttVarianceMicros: 40_000 }, 0.42],
    [{ retransmits: 1 }, 0.9],
    [{ retransmits: 5 }, 0.5],
    [{ retransmits: 500 }, 0.5],
    [{ outOfOrderPackets: 6 }, 0.7],
    [{ outOfOrderPackets: 60 }, 0.7],
    [{ zeroWindowEvents: 4 }, 0.6],
    [{ zeroWindowEvents: 40 }, 0.6],
    [{ rttVarianceMicros: 50_000 }, 0.9],
    [{ rttVarianceMicros: 150_000 }, 0.7],
    [{ rttVarianceMicros: 900_000 }, 0.7],
    [{ retransmits: 99, outOfOrderPackets: 99, zeroWindowEvents: 99, rttVarianceMicros: 900_000 }, 0],
    [{ retransmits: undefined }, undefined],
    [{ outOfOrderPackets: undefined }, undefined],
    [{ zeroWindowEvents: undefined }, undefined],
    [{ rttMicros: undefined }, undefined],
    [{ rttMicros: 0 }, undefined],
    [{ rttVarianceMicros: undefined }, undefined],
  ]
  for (const [change, score] of vectors) equal(round(classicScore({ ...clean, ...change })), score, JSON.stringify(change))
})

test('the other formulas, by a table', () => {
  const vectors: [Partial<ClassicInput>, Partial<ReturnType<typeof classic>>][] = [
    [{ retransmits: 60 }, { packetLossPercent: 6, issues: ['packet-loss'], healthy: false }],
    [{ retransmits: 50 }, { packetLossPercent: 5, issues: [] }],
    [{ sentPackets: 0 }, { packetLossPercent: 0, bytesPerPacket: undefined }],
    [{ sentPackets: undefined }, { packetLossPercent: undefined, bytesPerPacket: undefined, healthy: undefined }],
    [{ rttMicros: 150_001 }, { bufferBloat: true, issues: ['buffer-bloat'], healthy: false }],
    [{ rttMicros: 150_000 }, { bufferBloat: false }],
    [{ minRttMicros: undefined }, { bufferBloat: undefined }],
    [{ zeroWindowEvents: 1 }, { issues: ['zero-window'] }],
    [{ outOfOrderPackets: 1 }, { issues: ['out-of-order'] }],
    [{ rttVarianceMicros: 50_001 }, { issues: ['rtt-variance'] }],
    [{}, { effectiveBytesPerSecond: 100_000, bytesPerPacket: 1000, windowUtilisationPercent: 655_360, congested: false, healthy: true }],
    // 10 × 1448 bytes each 100 ms are 144,800 bytes a second.
    [{ sentBytes: 724_000 }, { bandwidthUtilisationPercent: 50 }],
    [{ sentBytes: 1e9 }, { bandwidthUtilisationPercent: 100 }],
    [{ durationMs: undefined }, { effectiveBytesPerSecond: undefined, bandwidthUtilisationPercent: undefined }],
    [{ durationMs: 0 }, { effectiveBytesPerSecond: undefined }],
    [{ congestionWindowSegments: 0 }, { windowUtilisationPercent: undefined, bandwidthUtilisationPercent: undefined }],
    [{ sendMssBytes: undefined }, { bandwidthUtilisationPercent: undefined }],
    [{ recovering: undefined }, { congested: undefined }],
    [{ retransmits: 10 }, { packetLossPercent: 1, healthy: false }],
  ]
  for (const [change, expected] of vectors) {
    const report = classic({ ...clean, ...change })
    for (const [name, value] of Object.entries(expected))
      deepEqual(report[name as keyof typeof report], value, `${JSON.stringify(change)} ${name}`)
  }
})

test('a connection of which nothing is known has no score, no shares and no health', () => {
  const { issues, ...values } = classic(classicInput(emptyTcp))
  deepEqual(issues, [])
  deepEqual(
    Object.entries(values).filter(([, value]) => value !== undefined),
    [],
  )
})

test('a closed window counts only while data waits for it', () => {
  equal(classicInput({ ...emptyTcp, sendWindowBytes: 0, notSentBytes: 1 }).zeroWindowEvents, 1)
  equal(classicInput({ ...emptyTcp, sendWindowBytes: 0, unackedSegments: 1 }).zeroWindowEvents, 1)
  equal(classicInput({ ...emptyTcp, sendWindowBytes: 0 }).zeroWindowEvents, 0)
  equal(classicInput({ ...emptyTcp, sendWindowBytes: 1, notSentBytes: 1 }).zeroWindowEvents, 0)
  equal(classicInput({ ...emptyTcp, congestionState: 'loss' }).recovering, true)
  equal(classicInput({ ...emptyTcp, congestionState: 'cwr' }).recovering, false)
})
