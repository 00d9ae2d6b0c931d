// Makes the command line from its sources: dist/cli.cjs, which holds what a plain list runs, and dist/cli-cold.cjs, which holds everything else and is
// loaded when it is first needed. Half of what a start costs is reading code that does not run. Each module is in one of the two files and no more.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'esbuild'

/** Loaded by a dynamic import, and part of the first file all the same: what a list runs. */
const hot = [
  'src/cli/commands/list.ts',
  'src/cli/commands/port.ts',
  'src/cli/commands/ports.ts',
  'src/source/linux/index.ts',
  'src/source/linux/calls.ts',
]

/** Imported as usual, and part of the second file all the same: functions that a plain list does not call. A call loads the file. */
const deferred = {
  'src/cli/help.ts': ['commandHelp', 'programHelp'],
  'src/filter/compile.ts': ['compileFilter'],
  'src/filter/needs.ts': ['needs'],
  'src/filter/parse.ts': ['parseFilter'],
  'src/show/tcp.ts': ['tcpText', 'memoryText'],
  'src/show/template.ts': ['template'],
  'src/source/linux/exact.ts': ['exactId'],
  'src/source/linux/limits.ts': ['readLimits'],
  'src/source/linux/narrow.ts': ['narrow'],
  'src/source/linux/netlink-sockets.ts': ['netlinkRequest', 'readNetlink'],
  'src/source/linux/packet.ts': ['packetRequest', 'readPacket'],
  'src/source/linux/places.ts': ['openPlaces', 'inNamespaceOf'],
  'src/source/linux/procnet.ts': ['textTables', 'readTextTable', 'readProtocols'],
  'src/source/linux/protocol-detail.ts': ['rawDetail', 'mptcpDetail'],
  'src/source/linux/sctp.ts': ['sctpState', 'sctpDetail', 'addressesDetail', 'settleSctp', 'joinSctp'],
  'src/source/linux/unix.ts': ['unixRequest', 'readUnix', 'joinUnix'],
  'src/source/linux/upper-layer.ts': ['readUpperLayer'],
  'src/source/linux/vsock.ts': ['vsockRequest', 'readVsock', 'xdpRequest', 'readXdp', 'tipcRequest', 'readTipc'],
}

// Between the two files: each can be given the modules of the other by their paths.
const door = `let hot, load
exports.give = table => (hot = table)
exports.cold = file => (load ??= require('./cli-cold.cjs')(hot))(file)`

// koffi finds its library by ways that take four times as long as loading it. Where the package with the library lies beside ours, which is how npm
// installs, it is taken at once; everywhere else koffi looks for it.
const koffi = version => `let found
try { found = require('@koromix/koffi-' + process.platform + '-' + process.arch) } catch {}
module.exports = found?.version === ${JSON.stringify(version)} && found.load ? found : require('koffi')`

const options = (root, version) => ({
  absWorkingDir: root,
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  external: ['koffi', './cli-cold.cjs'],
  define: { SOCKSCOPE_VERSION: JSON.stringify(version), 'import.meta.url': 'undefined' },
  legalComments: 'none',
  logLevel: 'error',
  metafile: true,
  write: true,
})

const packageOf = root => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** A plugin that has modules of its own beside those of the disk: `resolve` says which module an import means, `made` what is in it. */
const modules = (root, resolve, made) => ({
  name: 'modules',
  setup(builder) {
    builder.onResolve({ filter: /^koffi$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'koffi', namespace: 'made' } : { path: 'koffi', external: true },
    )
    builder.onResolve({ filter: /^(\.|made:)/ }, ({ path, kind, resolveDir }) => {
      if (path.startsWith('made:')) return { path: path.slice(5), namespace: 'made' }
      if (path === './cli-cold.cjs') return { path, external: true }
      const file = relative(root, join(resolveDir || root, path)).replaceAll('\\', '/')
      const to = resolve(file, kind)
      return to === undefined ? undefined : { path: to, namespace: 'made' }
    })
    builder.onLoad({ filter: /./, namespace: 'made' }, ({ path }) => ({
      contents: path === 'koffi' ? koffi(packageOf(root).dependencies.koffi) : made(path),
      resolveDir: root,
      loader: 'js',
    }))
  },
})

/** Builds the first file. `shared` are the modules that the second one needs of it. */
async function buildHot(root, version, shared) {
  const later = new Set()
  const isLazy = file => file.startsWith('src/source/linux/')
  const table = [
    `import door from 'made:door'`,
    ...shared.filter(file => !isLazy(file)).map((file, i) => `import * as m${i} from './${file}'`),
    'door.give({',
    ...shared.filter(file => !isLazy(file)).map((file, i) => `${JSON.stringify(file)}: () => m${i},`),
    ...shared.filter(isLazy).map(file => `${JSON.stringify(file)}: () => require('./${file}'),`),
    '})',
  ].join('\n')
  const made = path => {
    if (path === 'door') return door
    if (path === 'entry') return `import 'made:table'\nimport './src/cli/main.ts'`
    if (path === 'table') return table
    const [kind, file] = path.split(' ')
    later.add(file)
    if (kind === 'all') return `module.exports = require('made:door').cold(${JSON.stringify(file)})`
    const calls = deferred[file].map(name => `export const ${name} = (...given) => door.cold(${JSON.stringify(file)}).${name}(...given)`)
    return [`import door from 'made:door'`, ...calls].join('\n')
  }
  const resolve = (file, kind) => {
    if (kind === 'dynamic-import' && !hot.includes(file)) return `all ${file}`
    return deferred[file] === undefined ? undefined : `calls ${file}`
  }
  const { metafile } = await build({
    ...options(root, version),
    entryPoints: ['made:entry'],
    outfile: 'dist/cli.cjs',
    banner: { js: '#!/usr/bin/env node' },
    plugins: [modules(root, resolve, made)],
  })
  return { files: Object.keys(metafile.inputs).filter(file => file.startsWith('src/')), later: [...later] }
}

/** Builds the second file: the modules `later`, without those that are in the first. Gives which of these it needs. */
async function buildCold(root, version, later, inHot) {
  const shared = new Set()
  const made = path => {
    if (path === 'entry') {
      const loads = later.map(file => `${JSON.stringify(file)}: () => require('./${file}'),`)
      return `module.exports = hot => { require('made:hot').take(hot); return file => modules[file]() }\nconst modules = {\n${loads.join('\n')}\n}`
    }
    if (path === 'hot') return 'let hot\nexports.take = table => (hot = table)\nexports.of = file => hot[file]()'
    return `module.exports = require('made:hot').of(${JSON.stringify(path.split(' ')[1])})`
  }
  const resolve = file => {
    if (!inHot.has(file)) return undefined
    shared.add(file)
    return `hot ${file}`
  }
  await build({
    ...options(root, version),
    entryPoints: ['made:entry'],
    outfile: 'dist/cli-cold.cjs',
    plugins: [modules(root, resolve, made)],
  })
  return [...shared].sort()
}

/** Builds both files. */
export async function buildCommandLine(root) {
  const { version } = packageOf(root)
  let shared = []
  for (;;) {
    const { files, later } = await buildHot(root, version, shared)
    const needed = await buildCold(root, version, later, new Set(files))
    if (needed.join() === shared.join()) return
    shared = needed
  }
}
