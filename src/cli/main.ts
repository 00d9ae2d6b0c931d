// The command line.
import { writeSync } from 'node:fs'
import { sockets } from '../watch/sockets.ts'

async function main(): Promise<void> {
  const look = await sockets()
  writeSync(1, `${look.sockets.length} sockets ${look.gaps.length} gaps ${look.processes.size} processes\n`)
}

void main()
