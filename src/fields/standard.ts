// The built-in fields.

import { flowFields } from './flow.ts'
import { healthFields } from './health.ts'
import { processFields } from './process.ts'
import { FieldRegistry } from './registry.ts'
import { detailFields, recordFields } from './socket.ts'
import { tcpFields } from './tcp.ts'

/** Every field of a socket, a process, a flow and a connection's health. */
export const standardFields: FieldRegistry = new FieldRegistry([
  ['socket', recordFields],
  ['socket', detailFields],
  ['socket', tcpFields],
  ['process', processFields],
  ['flow', flowFields],
  ['health', healthFields],
])
