// The classic quality score of each connection, beside what limits it according to sockscope.
import { explain } from 'sockscope'
import { classic, classicInput } from 'sockscope/classic'

const { connections } = await explain({ for: 500 })
for (const { socket, health } of connections) {
  if (socket.tcp === undefined) continue
  const { score, issues } = classic(classicInput(socket.tcp))
  console.log(
    `${socket.local.port} -> ${socket.remote?.port}: score ${score?.toFixed(2) ?? 'unknown'} ${issues.join()}; ${health.verdict.text}`,
  )
}
