// The ports that something listens on, and what it is.
import { AddressFamilyFlags, getSocketsInfo, ProtocolFlags, TcpState } from 'sockscope/netstat'

try {
  const sockets = await getSocketsInfo(AddressFamilyFlags.IPV4 | AddressFamilyFlags.IPV6, ProtocolFlags.TCP)
  for (const socket of sockets.filter(s => s.state === TcpState.Listen))
    console.log(`Listening on port ${socket.localPort}, PID: ${socket.associatedPids.join(' ')}`)
} catch (error) {
  console.error(`Error: ${String(error)}`)
}
