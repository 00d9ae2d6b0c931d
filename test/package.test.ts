// The package as npm packs it: its contents, its use by a compiler and by Node, and the cost of importing it.
import { after, before, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { needs } from './needs.ts'

const root = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'sockscope-package-'))
const home = join(folder, 'node_modules', 'sockscope')
let tarball = ''
let files: string[] = []

before(() => {
  execFileSync(process.execPath, ['--input-type=module', '-e', "(await import('./tools/setup.mjs')).buildPackage()"], {
    stdio: ['ignore', 2, 2],
  })
  // Without scripts, which would build again.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const packed = execFileSync(npm, ['pack', '--json', '--ignore-scripts', '--loglevel=silent', '--pack-destination', folder], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const [info] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
  tarball = join(folder, info.filename)
  files = info.files.map(f => f.path)
  mkdirSync(join(folder, 'node_modules'))
  execFileSync('tar', ['-xzf', tarball, '-C', folder])
  renameSync(join(folder, 'package'), home)
  for (const name of ['koffi', '@koromix']) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})
after(() => rmSync(folder, { recursive: true }))

/** Runs a program of node_modules; a failure shows its output. */
function tool(path: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  equal(status, 0, `${stdout}${stderr}`)
}
const run = (program: string, ...options: string[]): string =>
  execFileSync(process.execPath, [...options, '--input-type=module', '-e', program], { cwd: folder, encoding: 'utf8' })

test('the package contains the build, the licences and the documents, and nothing else', () => {
  for (const path of [
    'package.json',
    'README.md',
    'docs/api.md',
    'examples/ten-lines.ts',
    'LICENSE-APACHE',
    'dist/index.js',
    'dist/index.d.ts',
  ])
    ok(files.includes(path), path)
  deepEqual(
    files.filter(path => path.includes('/') && (!/^(dist|docs|examples)\//.test(path) || /\.test\./.test(path))),
    [],
  )
})

test('koffi is the only dependency', () => {
  const { dependencies, peerDependencies, optionalDependencies, scripts } = JSON.parse(
    readFileSync(join(home, 'package.json'), 'utf8'),
  ) as {
    [field: string]: Record<string, string> | undefined
  }
  deepEqual([Object.keys(dependencies!), peerDependencies, optionalDependencies], [['koffi'], undefined, undefined])
  // Nothing runs at installation.
  deepEqual(
    Object.keys(scripts!).filter(name => /install|^prepare$/.test(name)),
    [],
  )
  // No other package is imported anywhere.
  const foreign = files
    .filter(path => path.endsWith('.js'))
    .flatMap(path => [...readFileSync(join(home, path), 'utf8').matchAll(/(?<!')(?:from|import\()\s*'([^'.\s][^'\s]*)'/g)].map(m => m[1]!))
    .filter(name => name !== 'koffi' && !name.startsWith('node:'))
  deepEqual(foreign, [])
})

/** The variables of the environment that the package reads. None names code to load, or changes what is reported. */
const environment = [
  'CLICOLOR_FORCE',
  'HOME',
  'LOCALAPPDATA',
  'NODE_DISABLE_COMPILE_CACHE',
  'NO_COLOR',
  'SOCKSCOPE_TRACE',
  'TERM',
  'XDG_CACHE_HOME',
]

test('the package reads only variables of the environment that are listed here, and loads no library that one names', () => {
  const read = new Set<string>()
  for (const path of files.filter(one => /\.c?js$/.test(one))) {
    const text = readFileSync(join(home, path), 'utf8')
    // `process.env.NAME`, `env.NAME` of a parameter that is it, and `const { NAME } = process.env`; minified or not.
    for (const [, name] of text.matchAll(/\benv\??\.(\w+)/g)) read.add(name!)
    for (const [, names] of text.matchAll(/\{([^{}]*)\}\s*=\s*(?:\w+\.)?process\.env/g))
      for (const one of names!.split(',')) read.add(one.split(/[:=]/)[0]!.trim())
    // Every use is one of these forms.
    const uses = [...text.matchAll(/process\.env\b(.?)/g)].filter(([, next]) => !/[.,;)\s]/.test(next!))
    deepEqual(
      uses.map(([use]) => use),
      [],
      path,
    )
    match(path, /^dist\//)
    ok(!/[A-Z0-9]_(?:LIBRARY|DLL|PRELOAD)\b/.test(text), path)
  }
  deepEqual([...read].sort(), environment)
})

test('publint finds nothing', () => tool('publint/src/cli.js', home, '--strict'))

test('attw finds nothing', () => tool('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'))

test("a consumer's compiler accepts every entry point", () => {
  writeFileSync(
    join(folder, 'consumer.ts'),
    `import { connect, createServer } from 'node:net'
     import { createSocket } from 'node:dgram'
     import { connect as connectHttp2 } from 'node:http2'
     import { TLSSocket } from 'node:tls'
     import { sockets, socketStat, watch, openMachine, DecodeError, type Frame, type Socket, type SocketTarget } from 'sockscope'
     import { getSocketsInfo, AddressFamilyFlags, ProtocolFlags, TcpState, type SocketInfo } from 'sockscope/netstat'
     const wanted: readonly Socket[] = (await sockets({ protocols: ['tcp'], filter: s => s.state === 'LISTEN' })).sockets
     const found: readonly SocketInfo[] = await getSocketsInfo(AddressFamilyFlags.IPV4, ProtocolFlags.TCP)
     const frames: AsyncGenerator<Frame> = watch({ every: 10, signal: new AbortController().signal })
     await frames.return(undefined)
     {
       await using machine = await openMachine()
       console.log((await machine.ports()).gaps.length >= 0)
     }
     const holders = (): SocketTarget[] => [connect(1), createServer(), createSocket('udp4'), new TLSSocket(connect(1)), connectHttp2('http://[::1]')]
     void (() => holders().map(socketStat))
     await openMachine({ recording: 'consumer.ts' }).catch((error: unknown) => console.log(error instanceof DecodeError))
     console.log(wanted.length >= 0 && found.every(s => s.state !== TcpState.Unknown))
     // @ts-expect-error: there is no such protocol
     void (() => sockets({ protocols: ['tpc'] }))
     // @ts-expect-error: it holds no socket
     void (() => socketStat({}))`,
  )
  const options = {
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      types: ['node'],
      typeRoots: [resolve(root, 'node_modules/@types')],
      skipLibCheck: false,
      outDir: 'out',
    },
    files: ['consumer.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  tool('typescript/bin/tsc', '-p', join(folder, 'tsconfig.json'))
  if (process.platform === 'linux')
    equal(execFileSync(process.execPath, ['out/consumer.js'], { cwd: folder, encoding: 'utf8' }), 'true\ntrue\ntrue\n')
})

for (const [name, lib] of [
  ['with neither @types/node nor the DOM', ['es2023', 'esnext.disposable']],
  ['with the DOM alone', ['es2023', 'esnext.disposable', 'dom']],
] as const) {
  test(`the types of every entry point compile ${name}`, () => {
    const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { exports: Record<string, string | object> }
    const entries = Object.keys(exports).filter(path => typeof exports[path] === 'object')
    ok(entries.length > 4)
    const imports = entries.map((path, i) => `import * as entry${i} from 'sockscope${path.slice(1)}'\nexport const all${i} = entry${i}`)
    const signal = lib.length > 2 ? 'new AbortController().signal' : 'undefined'
    const use = `import { openMachine, watch, type Frame } from 'sockscope'
      export const frames: AsyncGenerator<Frame> = watch({ signal: ${signal} })
      await using machine = await openMachine()
      export const names: string[] = (await machine.ports()).ports.map(port => port.processes[0]?.name ?? '')`
    writeFileSync(join(folder, 'bare.ts'), [...imports, use].join('\n'))
    const compilerOptions = { target: 'es2022', module: 'nodenext', lib, strict: true, types: [], skipLibCheck: false, noEmit: true }
    writeFileSync(join(folder, 'tsconfig.bare.json'), JSON.stringify({ compilerOptions, files: ['bare.ts'] }))
    tool('typescript/bin/tsc', '-p', join(folder, 'tsconfig.bare.json'))
  })
}

test('the command line runs', () => {
  const { version, bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string; bin: { sockscope: string } }
  const path = join(home, bin.sockscope)
  equal(execFileSync(process.execPath, [path, '--version'], { encoding: 'utf8' }), `sockscope ${version}\n`)
  // By its own first line, as the link that npm makes does.
  if (process.platform !== 'win32') match(execFileSync(path, ['--help'], { encoding: 'utf8' }), /sockscope/)
})

test('a list loads none of the modules of Node that are slow to load', needs('linux'), () => {
  const [report, loaded] = [join(folder, 'modules.cjs'), join(folder, 'modules.txt')]
  writeFileSync(
    report,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(loaded)}, process.moduleLoadList.join('\\n')))`,
  )
  // Node loads more of itself to write to a pipe.
  spawnSync(process.execPath, ['-r', report, join(home, 'dist/cli.cjs'), 'list'], { stdio: 'ignore' })
  const modules = readFileSync(loaded, 'utf8')
  const slow = [
    'crypto',
    'net',
    'dgram',
    'stream',
    'dns',
    'zlib',
    'http',
    'child_process',
    'worker_threads',
    'readline',
    'fs/promises',
    'perf_hooks',
  ]
  ok(modules.includes('NativeModule fs\n'))
  deepEqual(
    slow.filter(name => modules.includes(`NativeModule ${name}\n`)),
    [],
  )
})

test('koffi is loaded when a source opens, and not before', needs('linux', 'file /proc/self/maps'), () => {
  const output = run(`
    import { readFileSync } from 'node:fs'
    const loaded = () => /koffi/.test(readFileSync('/proc/self/maps', 'utf8'))
    const library = await import('sockscope')
    const netstat = await import('sockscope/netstat')
    for (const path of ['filter', 'health', 'netwatch', 'classic']) await import('sockscope/' + path)
    const steps = [loaded()]
    await netstat.getSocketsInfo(0, 0)
    library.watch()
    steps.push(loaded())
    await (await library.openMachine()).close()
    steps.push(loaded())
    console.log(steps.join())`)
  equal(output, 'false,false,true\n')
})

test('importing has no effect: nothing is written, and nothing keeps the process alive', () => {
  equal(
    run("await import('sockscope'); await import('sockscope/netstat'); console.log(process.getActiveResourcesInfo().length < 3)"),
    'true\n',
  )
})
