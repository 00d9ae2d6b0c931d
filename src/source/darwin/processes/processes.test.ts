import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments, readProcess } from './processes.ts'
import { kinfoProc, procBsdshortinfo, procUniqidentifierinfo } from '../kernel/structs.ts'

const text = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s))
const counted = (count: number, rest: string): Uint8Array => {
  const bytes = text(`\0\0\0\0${rest}`)
  new DataView(bytes.buffer).setInt32(0, count, true)
  return bytes
}

test('arguments: as many as the count has, and no environment', () => {
  deepEqual(readArguments(counted(2, '/bin/a\0\0\0a\0-x\0SECRET=1\0')), ['a', '-x'])
  deepEqual(readArguments(counted(3, '/bin/a\0\0\0a\0\0z\0SECRET=1\0')), ['a', '', 'z'], 'an empty word is a word')
  deepEqual(readArguments(counted(2, '/bin/a\0a\0b')), ['a', 'b'])
})

test('arguments that mean nothing', () => {
  for (const bytes of [
    undefined,
    new Uint8Array(0),
    text('ab'),
    counted(0, '/bin/a\0a\0'),
    counted(-1, '/bin/a\0a\0'),
    counted(5, '/bin/a'),
    counted(5, '\0\0\0'),
  ]) {
    equal(readArguments(bytes), undefined)
  }
  deepEqual(readArguments(counted(2 ** 31 - 1, '/bin/a\0a\0b\0')), ['a', 'b'])
})

const short = procBsdshortinfo.write({ pbsi_pid: 7, pbsi_ppid: 1, pbsi_comm: 'com.apple.WebKi', pbsi_uid: 501 })
const none = new Uint8Array(0)

test('the identity is the unique number, then the start, and a process that is gone is none', () => {
  const unique = procUniqidentifierinfo.write({ p_uniqueid: 99 })
  const times = kinfoProc.write({ tv_sec: 1_700_000_000, tv_usec: 250_000, p_pid: 7 })
  equal(readProcess(7, [short, unique, none, times, none])?.key, '7.99')
  equal(readProcess(7, [short, none, none, times, none])?.key, '7.1700000000250')
  equal(readProcess(8, [short, none, none, times, none])?.startedAtMs, undefined, 'times of another process')
  equal(readProcess(7, []), undefined)
  equal(readProcess(7, [none]), undefined)
})

test('a name is made whole from the file, unless it is another name', () => {
  const named = (path: string): string | undefined => readProcess(7, [short, none, text(path), none, none])?.name
  equal(named('/System/com.apple.WebKit.Networking'), 'com.apple.WebKit.Networking')
  equal(named('/usr/bin/other'), 'com.apple.WebKi')
  equal(named(''), 'com.apple.WebKi')
})
