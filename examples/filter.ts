// A filter as data: what it means, what it needs, and which sockets it takes; with a field of our own.
import { sockets } from 'sockscope'
import { compileFilter, declareField, needs, parseFilter, printFilter, standardFields } from 'sockscope/filter'

const tree = parseFilter('listen and not src 127.0.0.0/8')
console.log(printFilter(tree), needs(tree).states)

const takes = compileFilter(tree)
const { sockets: all, processes } = await sockets({ protocols: ['tcp'] })
console.log(`${all.filter(socket => takes(socket, processes)).length} of ${all.length} sockets listen to other machines`)

const evenPort = declareField('socket', {
  id: 'evenPort',
  type: 'boolean',
  about: 'the local port is even',
  platforms: ['linux', 'darwin', 'windows'],
  value: socket => socket.local.port !== undefined && socket.local.port % 2 === 0,
})
const fields = standardFields.with(evenPort)
const isEven = compileFilter(parseFilter('evenPort', { fields }), fields)
for (const socket of all) if (socket.state === 'LISTEN' && isEven(socket, processes)) console.log(`port ${socket.local.port} is even`)
