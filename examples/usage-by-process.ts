// Which connections each process has.
import { AddressFamilyFlags, getSocketsInfo, ProtocolFlags } from 'sockscope/netstat'

async function connectionsByProcess(): Promise<Map<number, string[]>> {
  const sockets = await getSocketsInfo(AddressFamilyFlags.IPV4 | AddressFamilyFlags.IPV6, ProtocolFlags.TCP | ProtocolFlags.UDP)
  const found = new Map<number, string[]>()
  for (const socket of sockets) {
    const ends = `${socket.localAddr}:${socket.localPort}->${socket.remoteAddr ?? ''}:${socket.remotePort ?? 0}`
    for (const pid of socket.associatedPids) found.set(pid, [...(found.get(pid) ?? []), ends])
  }
  return found
}

for (const [pid, connections] of await connectionsByProcess()) console.log(`${pid}: ${connections.join(', ')}`)
