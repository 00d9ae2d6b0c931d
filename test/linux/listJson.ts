// A program for tests: everything that one look sees of the network namespace that it runs in, as JSON.
import { protocols } from '../../src/model/socket.ts'
import { openLocal } from '../../src/source/open.ts'

const source = await openLocal()
const look = await source.sockets({ protocols, owners: false, details: ['tcp', 'memory', 'options', 'cgroup'] })
process.stdout.write(JSON.stringify({ sockets: look.sockets, gaps: look.gaps }))
source.close()
