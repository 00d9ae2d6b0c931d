import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import { NetlinkConnection, type ConnectionCalls } from './connection.ts'
import { OwnSockets } from './own-sockets.ts'
import { message } from './netlink.ts'
import { nlmsghdr } from './structs.ts'

/** A kernel that answers with these messages, and what it was sent. */
function kernel(...answers: readonly Uint8Array[]) {
  const sent: Uint8Array[] = []
  const closed: number[] = []
  const calls = {
    send: (_fd: number, request: Uint8Array) => void sent.push(request.slice()),
    receiveMessage(_fd: number, buffer: Uint8Array) {
      const answer = answers[sent.length - 1]!
      buffer.set(answer)
      return answer.length
    },
    closeFd: (fd: number) => void closed.push(fd),
  } as unknown as ConnectionCalls
  return { calls, sent, closed }
}

function numbered(sequence: number): Uint8Array {
  const answer = message(20, 0, new Uint8Array(4))
  viewOf(answer).setUint32(nlmsghdr.offsets.seq!, sequence, true)
  return answer
}

test('each request has its number, and only answers to it are accepted', () => {
  const { calls, sent, closed } = kernel(numbered(1), numbered(2), numbered(2))
  const connection = new NetlinkConnection(calls, 7)
  const buffer = new Uint8Array(64)
  for (const sequence of [1, 2]) {
    connection.send(message(20, 1))
    equal(nlmsghdr.read(viewOf(sent.at(-1)!)).seq, sequence)
    deepEqual(connection.receive(buffer), numbered(sequence))
  }
  connection.send(message(20, 1))
  throws(() => connection.receive(buffer), DecodeError) // A late answer to the request before.
  connection.close()
  deepEqual(closed, [7])
})

test('an answer that is shorter than a header is left to its reader', () => {
  const { calls } = kernel(new Uint8Array(3))
  const connection = new NetlinkConnection(calls, 7)
  connection.send(message(20, 1))
  equal(connection.receive(new Uint8Array(64)).length, 3)
})

test('own sockets are remembered by inode', () => {
  const own = new OwnSockets()
  const fd = openSync('/dev/null', 'r')
  const { ino } = fstatSync(fd)
  deepEqual(own.list(), [])
  own.add(fd)
  closeSync(fd)
  deepEqual(own.list(), [ino])
})
