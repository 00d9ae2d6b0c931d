// The bandwidth of processes in the shape of the NetWatch wire format: as it was measured, and as an estimate from connections alone.
import { sockets } from 'sockscope'
import { attribute, connectionDetails, processBandwidth } from 'sockscope/netwatch'

for await (const rows of processBandwidth({ every: 500, max: 5 })) {
  for (const { process_name, pid, rx_rate, tx_rate } of rows)
    console.log(`${process_name} ${pid ?? '-'}: ${rx_rate} B/s in, ${tx_rate} B/s out`)
  break
}

const connections = connectionDetails(await sockets({ protocols: ['tcp'], details: ['bytes', 'tcp'] }))
const estimate = attribute(connections, [{ rx_bytes: 1_000_000, tx_bytes: 250_000 }], 5)
for (const { process_name, connection_count, rx_bytes } of estimate)
  console.log(`${process_name}: ${connection_count} connections, about ${rx_bytes} bytes in`)
