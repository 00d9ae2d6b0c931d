// sockscope/netstat: the calls of the netstat2 library of Rust.

export {
  AddressFamilyFlags,
  getSocketsInfo,
  iterateSocketsInfo,
  iterateSocketsInfoWithoutPids,
  ProtocolFlags,
  socketInfo,
  TcpState,
  type ProtocolSocketInfo,
  type SocketInfo,
  type SocketsInfo,
  type TcpSocketInfo,
  type UdpSocketInfo,
} from './compat/netstat2.ts'
