// Watches this machine, and says which sockets open and close.
import { watch } from 'sockscope'

for await (const frame of watch({ every: 500, protocols: ['tcp'] })) {
  for (const { state, local } of frame.sockets) if (state === 'LISTEN') console.log(`listens on ${local.address}:${local.port}`)
  for (const socket of frame.opened) console.log(`opened ${socket.local.port} -> ${socket.remote?.port ?? '*'}`)
  for (const socket of frame.closed) console.log(`closed ${socket.local.port} -> ${socket.remote?.port ?? '*'}`)
  for (const gap of frame.gaps) console.log(`not seen: ${gap.text}`)
  if (frame.sequence === 4) break
}
