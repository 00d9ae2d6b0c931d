// Each socket printed by what is true of its protocol only.
import { AddressFamilyFlags, iterateSocketsInfo, ProtocolFlags } from 'sockscope/netstat'

const families = AddressFamilyFlags.IPV4 | AddressFamilyFlags.IPV6
const protocols = ProtocolFlags.TCP | ProtocolFlags.UDP

for await (const { protocolSocketInfo: info, associatedPids } of iterateSocketsInfo(families, protocols)) {
  const pids = `[${associatedPids.join(', ')}]`
  if (info.protocol === 'Tcp')
    console.log(`TCP ${info.localAddr}:${info.localPort} -> ${info.remoteAddr}:${info.remotePort} ${pids} - ${info.state}`)
  else console.log(`UDP ${info.localAddr}:${info.localPort} -> ${info.remoteAddr ?? '*'}:${info.remotePort ?? '*'} ${pids}`)
}
