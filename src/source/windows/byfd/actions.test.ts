import { test } from 'node:test'
import { deepEqual, rejects } from 'node:assert/strict'
import { machine } from '../../../../test/windows/made-up.ts'
import { viewOf } from '../../../bytes/text.ts'
import { signalAction } from '../../../machine/actions.ts'
import { OsError } from '../../../model/errors.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket } from '../../../model/socket.ts'
import type { Signal } from '../../source.ts'
import { live } from '../../tape.ts'
import { openWith } from '../index.ts'

test('a process is ended only when it is still the same one', async () => {
  const ended: number[] = []
  const { calls, open } = machine({ terminateProcess: (handle: number) => ended.push(handle) })
  const source = openWith(live, calls)
  const { processes } = await source.takeSnapshot()
  const own = processes.get(40)!
  const signal = (process: Process, name: Signal) => signalAction(process, name)(source)
  await rejects(signal({ ...own, key: '40.1' }, 'KILL'), { code: 'ESRCH' })
  await rejects(signal({ ...own, pid: 41 }, 'KILL'), { code: 'ESRCH' })
  await rejects(signal(processes.get(8)!, 'KILL'), { code: 'EPERM' })
  await rejects(signal(own, 'STOP'), { code: 'ENOTSUP' })
  deepEqual(ended, [])
  await signal(own, 'TERM')
  deepEqual([ended, open.size], [[40], 0])
})

test('a connection is closed by its whole identity', async () => {
  const closed: Uint8Array[] = []
  let code: string | undefined
  const { calls } = machine({
    setTcpEntry(row: Uint8Array) {
      if (code) throw new OsError('SetTcpEntry', code)
      closed.push(row)
    },
  })
  const source = openWith(live, calls)
  const [socket, listener] = (await source.takeSnapshot()).sockets
  const close = (socket: Socket) => source.actions!.close!(socket)
  await rejects(close(listener!), { code: 'ENOTSUP' })
  await rejects(close({ ...socket!, key: `${socket!.key}0` }), { code: 'ENOENT' })
  await close(socket!)
  deepEqual([closed.length, closed[0]![0], viewOf(closed[0]!).getUint16(8)], [1, 12, 50_000])
  code = 'ERROR_ACCESS_DENIED'
  await rejects(close(socket!), { code: 'EPERM' })
})
