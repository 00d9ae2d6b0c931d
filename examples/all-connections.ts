// Every TCP and UDP socket: protocol, both ends, state, processes.
import { AddressFamilyFlags, getSocketsInfo, ProtocolFlags } from 'sockscope/netstat'

const families = AddressFamilyFlags.IPV4 | AddressFamilyFlags.IPV6
const protocols = ProtocolFlags.TCP | ProtocolFlags.UDP

try {
  for (const socket of await getSocketsInfo(families, protocols)) {
    console.log(
      `Protocol: ${socket.protocolSocketInfo.protocol}, Local: ${socket.localAddr}:${socket.localPort}, ` +
        `Remote: ${socket.remoteAddr ?? ''}:${socket.remotePort ?? 0}, State: ${socket.state}, PID: ${socket.associatedPids.join(' ')}`,
    )
  }
} catch (error) {
  console.error(`Error getting socket info: ${String(error)}`)
}
