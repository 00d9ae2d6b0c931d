// The published schemas are those of this version, and the output of the command line conforms to them.
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { documents, schemaText } from '../src/wire/schemas.ts'
import { readDocument } from '../src/wire/document.ts'
import type { Shape } from '../src/wire/shape.ts'
import { readSnapshot } from '../src/wire/snapshot.ts'
import { hold, sockscope } from './cli.ts'
import { needs } from './needs.ts'

test('the files of docs/schema are current: node tools/schemas.mjs writes them', () => {
  const files = readdirSync('docs/schema').filter(file => file.endsWith('.json'))
  deepEqual(files.sort(), Object.keys(documents).map(kind => `${kind}.json`).sort()) // prettier-ignore
  for (const file of files) equal(readFileSync(`docs/schema/${file}`, 'utf8'), schemaText(file.slice(0, -5)), file)
  const readme = readFileSync('docs/schema/README.md', 'utf8')
  deepEqual(
    files.filter(file => !readme.includes(`\`${file}\``)),
    [],
    'docs/schema/README.md lists every file',
  )
})

const ajv = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true, allErrors: true })
/** Throws unless an independent validator accepts the document by the published schema. */
function validate(kind: string, document: unknown): void {
  const schema = JSON.parse(readFileSync(`docs/schema/${kind}.json`, 'utf8')) as { readonly $id: string }
  const valid = ajv.getSchema(schema.$id) ?? ajv.compile(schema)
  ok(valid(document), `${kind}: ${JSON.stringify(valid.errors?.slice(0, 5))}`)
}

/** Reads the document as a peer would. */
const decode = (kind: string, document: unknown): unknown => readDocument(document, kind, documents[kind]!.shape as Shape<unknown>)

let server: Server
let client: Socket
before(async () => {
  server = createServer(socket => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await new Promise(resolve => client.once('connect', resolve))
})
after(() => {
  client.destroy()
  server.close()
})

const replay = ['--replay', 'test/golden/linux.recording']
/** Lines of the command line, the kind of document that each prints, and whether something has to be in its list. */
const lines: readonly (readonly [string, () => readonly string[], string?])[] = [
  ['sockets', () => ['list', '-a', '--json'], 'sockets'],
  ['sockets', () => ['list', '-aiem', '--json'], 'sockets'],
  ['sockets', () => ['list', '-t', 'sport = :1', '--json']],
  ['sockets', () => ['list', '-a', '--json', ...replay], 'sockets'],
  ['groups', () => ['list', '-a', '--group-by', 'process', '--json'], 'groups'],
  ['ports', () => ['ports', '--json'], 'ports'],
  ['ports', () => ['ports', '--json', ...replay], 'ports'],
  ['port', () => ['port', String((server.address() as AddressInfo).port), '--json'], 'ports'],
  ['port', () => ['port', '1', '--json']],
  ['stats', () => ['stats', '--json'], 'processes'],
  ['stats', () => ['stats', '--json', ...replay], 'processes'],
  ['explain', () => ['explain', '--for', '200ms', '--json'], 'connections'],
  ['explain', () => ['explain', '--for', '200ms', '--by', 'process', '--json'], 'groups'],
  ['explain', () => ['explain', '--for', '200ms', '--by', 'peer', '--json'], 'groups'],
  ['kill', () => ['kill', String((server.address() as AddressInfo).port), '--dry-run', '--json'], 'targets'],
  ['kill', () => ['kill', '1', '--json']],
  ['close', () => ['close', `dport = :${(server.address() as AddressInfo).port}`, '--dry-run', '--json'], 'connections'],
  ['close', () => ['close', 'sport = :1', '--json']],
  ['free', () => ['free', '--json'], 'ports'],
  ['doctor', () => ['doctor', '--json'], 'abilities'],
]
for (const [kind, words, member] of lines) {
  test(`${kind}: what ${['port', 'kill', 'close'].includes(kind) ? kind : words().join(' ')} prints`, needs('linux'), () => {
    const { out, err } = sockscope(words())
    const document = JSON.parse(out || '{}') as Readonly<Record<string, readonly unknown[]>>
    validate(kind, document)
    if (member !== undefined) ok(document[member]!.length > 0, err)
    // The decoder accepts it too.
    if (kind === 'sockets') readSnapshot(document)
    else decode(kind, document)
  })
}

test('top: each line is a document', needs('linux'), () => {
  for (const by of ['processes', 'sockets', 'remotes']) {
    const { out } = sockscope(['top', '--interval', '100ms', '--count', '2', '--by', by, '--json'])
    const documents = out.trimEnd().split('\n').map(line => JSON.parse(line) as unknown) // prettier-ignore
    equal(documents.length, 2)
    for (const document of documents) {
      validate('top', document)
      decode('top', document)
    }
  }
})

/** The commands that write lines, the kind of the lines, and values of `type` that have to be among them. */
const streams = [
  ['event', ['events', '--count', '20', '--every', '50ms'], ['opened', 'closed']],
  ['change', ['watch', '-ta', '--count', '20', '--every', '50ms'], ['opened', 'closed']],
  ['flow', ['top', '--by', 'processes', '--count', '3', '--interval', '200ms'], []],
  ['flow', ['top', '--by', 'sockets', '--count', '3', '--interval', '200ms'], []],
  ['socket', ['list', '-ta'], []],
  ['listener', ['ports', '-t'], []],
] as const
for (const [kind, words, types] of streams) {
  test(`each line of ${words.slice(0, 3).join(' ')} --ndjson conforms to its schema`, needs('linux'), async () => {
    // The test blocks on the command line, so another process makes the connections.
    const { port } = server.address() as AddressInfo
    const traffic = await hold(`
      const openAndReset = () => {
        const socket = require('node:net').connect(${port}, '127.0.0.1', () => socket.write('x'))
        socket.on('error', () => {})
        setTimeout(() => socket.resetAndDestroy(), 100)
      }
      setInterval(openAndReset, 20)
      console.log('{}')`)
    const { out, err } = sockscope([...words, '--ndjson'])
    await traffic.stop()
    const written = out.split('\n').filter(line => line !== '')
    ok(written.length >= 1, err)
    const seen = new Set<unknown>()
    for (const line of written) {
      const value = JSON.parse(line) as { readonly type?: string }
      validate(kind, value)
      decode(kind, line)
      seen.add(value.type)
    }
    for (const type of types) ok(seen.has(type), `${type}: ${err}`)
  })
}

test('a document that does not conform to the schema is refused', () => {
  const document = JSON.parse(sockscope(['list', '-a', '--json', ...replay]).out) as { sockets: { local: unknown }[] }
  document.sockets[0]!.local = 7
  let refused = false
  try {
    validate('sockets', document)
  } catch {
    refused = true
  }
  ok(refused)
})
