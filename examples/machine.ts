// One machine, kept open: its sockets, what listens, who has a port, and what happens for a while. `openMachine({ recording: 'FILE' })` plays a recording instead.
import { openMachine } from 'sockscope'

const machine = await openMachine()

const { sockets, processes, gaps } = await machine.snapshot({ protocols: ['tcp'], filter: 'state established' })
for (const { local, remote, owners } of sockets)
  console.log(
    `${local.address}:${local.port} -> ${remote?.address}:${remote?.port} ${owners.map(o => processes.get(o.pid)?.name ?? o.pid).join()}`,
  )
for (const gap of gaps) console.log(`not seen: ${gap.text}`)

const { ports } = await machine.ports({ protocols: ['tcp'] })
for (const { port, reach, pids } of ports) console.log(`port ${port} is open to ${reach}, pids ${pids.join()}`)

const [first] = ports
if (first !== undefined) console.log(`the owner of port ${first.port} is ${(await machine.portOwner(first.port))?.name ?? 'hidden'}`)

for await (const frame of machine.watch({ every: 200, flows: true })) {
  if (frame.flows === undefined) continue
  for (const flow of frame.flows.processes.slice(0, 3)) console.log(`${flow.name} received ${flow.inBytes} and sent ${flow.outBytes} bytes`)
  break
}
await machine.close()
