// A program for tests: everything that one snapshot sees of the network namespace that it runs in, as JSON. With a number, as that user.
import { planQuery } from '../../src/filter/plan.ts'
import { protocols } from '../../src/model/socket.ts'
import { openLocal } from '../../src/source/open.ts'

const user = Number(process.argv[2] ?? 0)
if (user !== 0) {
  process.setgroups!([])
  process.setgid!(user)
  process.setuid!(user)
}
const source = await openLocal()
const snapshot = await source.takeSnapshot(planQuery({ protocols, owners: false, details: ['tcp', 'memory', 'options', 'cgroup'] }))
process.stdout.write(JSON.stringify({ sockets: snapshot.sockets, gaps: snapshot.gaps }))
source.close()
