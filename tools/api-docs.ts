// Makes docs/api.md from the types of every entry point of the package: `npm run api`. Each export and each member has one sentence, which is its comment in
// the sources, or what src/fields says of it. TypeScript 7 has no interface for programs yet, so the types are read by TypeScript 6.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript-api'
import { platforms, type AnyField, type Subject } from '../src/fields/field.ts'
import { standardFields } from '../src/fields/standard.ts'
import { platformNames } from './fields.ts'

const root = join(import.meta.dirname, '..')

/** The entry points, each with what it is for and the example that shows it. */
const doors = [
  ['index', 'The sockets of a machine, what happens to them, and reports.', 'machine'],
  [
    'filter',
    'The language of filters ([docs/filters.md](filters.md)), and the fields that it names ([docs/fields.md](fields.md)).',
    'filter',
  ],
  ['health', 'What follows from snapshots that you take yourself: [health](quality.md), flows, interfaces and the ledger.', 'health'],
  ['netstat', 'The calls of the netstat2 library of Rust.', 'by-protocol'],
  ['netwatch', 'Bandwidth by process, with the names of the NetWatch wire format.', 'bandwidth'],
  ['classic', "pree's classic quality scores, so that numbers can be compared.", 'classic'],
] as const

/** Where the members of a type are among the fields. */
const fieldPaths: Readonly<Record<string, readonly [Subject, string]>> = {
  Socket: ['socket', ''],
  Tcp: ['socket', 'tcp.'],
  Negotiated: ['socket', 'tcp.negotiated.'],
  Memory: ['socket', 'memory.'],
  Options: ['socket', 'options.'],
  Queues: ['socket', 'queues.'],
  Traffic: ['socket', 'traffic.'],
  Timer: ['socket', 'timer.'],
  Process: ['process', ''],
  Container: ['process', 'container.'],
  Flow: ['flow', ''],
  Health: ['health', ''],
  Measured: ['health', ''],
}

/** The page, the exports and members that have no sentence, and the types that exports mention and that no entry point exports. */
export interface ApiPage {
  readonly text: string
  readonly missing: readonly string[]
  readonly unexported: readonly string[]
}

/** Makes the page. */
export function apiPage(): ApiPage {
  const files = doors.map(([file]) => join(root, 'src', `${file}.ts`))
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  })
  const writer = new PageWriter(program.getTypeChecker())
  for (const [i, [name, about, example]] of doors.entries()) {
    const file = program.getSourceFile(files[i]!)!
    writer.addDoor(name === 'index' ? 'sockscope' : `sockscope/${name}`, about, example, file)
  }
  return { text: `${writer.lines.join('\n')}\n`, missing: writer.missing, unexported: writer.unexported }
}

/** What a member is: a property, or a function that is called. */
type Member = ts.PropertySignature | ts.MethodSignature | ts.PropertyDeclaration | ts.MethodDeclaration | ts.GetAccessorDeclaration

class PageWriter {
  readonly lines: string[] = [
    '# The library',
    '',
    'Every export of every entry point, made by `npm run api` from the types and their comments in `src/`. Whatever may be unknown is `undefined`, never 0; whatever',
    'a function gives survives `JSON.stringify`. A wrong argument throws an `ArgumentError` (a `TypeError`) at the call. The types need neither `@types/node` nor the DOM.',
  ]
  readonly missing: string[] = []
  readonly #checker: ts.TypeChecker
  /** Where each export was described first. */
  readonly #described = new Map<ts.Symbol, string>()

  readonly #mentioned = new Map<ts.Symbol, string>()

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker
  }

  /** Types of this project that exports mention without being exports. */
  get unexported(): readonly string[] {
    return [...this.#mentioned]
      .filter(([symbol]) => !this.#described.has(symbol))
      .map(([symbol, where]) => `${where} mentions ${symbol.name}`)
  }

  addDoor(name: string, about: string, example: string, file: ts.SourceFile): void {
    const code = readFileSync(join(root, 'examples', `${example}.ts`), 'utf8').trimEnd()
    this.lines.push('', `## ${name}`, '', about, '', '```ts', code, '```')
    const again: string[] = []
    for (const exported of this.#checker.getExportsOfModule(this.#checker.getSymbolAtLocation(file)!)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(exported) : exported
      const before = this.#described.get(symbol)
      if (before !== undefined) again.push(`\`${exported.name}\` (${before})`)
      else {
        this.#described.set(symbol, name)
        this.#addExport(name, exported.name, symbol)
      }
    }
    if (again.length > 0) this.lines.push('', `Described above: ${again.join(', ')}.`)
  }

  #addExport(door: string, name: string, symbol: ts.Symbol): void {
    const where = `${door}: ${name}`
    this.lines.push('', `### ${name}`, '', this.#sentence(where, symbol))
    const declarations = symbol.declarations ?? []
    const code = declarations.map(declaration => this.#code(name, symbol, declaration)).filter(text => text !== '')
    if (code.length > 0) this.lines.push('', '```ts', ...code, '```')
    for (const declaration of declarations) this.#mention(name, declaration)
    const rows = declarations.flatMap(declaration => this.#rows(where, name, declaration))
    if (rows.length > 0) this.lines.push('', '| Member | Type | |', '|---|---|---|', ...rows)
  }

  /** The comment of an export or a member, in one line. */
  #sentence(where: string, symbol: ts.Symbol, field?: AnyField): string {
    const comment = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker)).trim()
    const throws = symbol.getJsDocTags(this.#checker).filter(tag => tag.name === 'throws')
    const text = comment === '' && field !== undefined ? sentenceOf(field.about) : comment
    if (text === '') this.missing.push(where)
    const thrown = throws.map(tag => `Throws ${ts.displayPartsToString(tag.text)}`)
    return [text, ...thrown].join(' ').replaceAll(/\s*\n\s*/g, ' ')
  }

  /** Notes the types of this project that a declaration mentions where callers see them. */
  #mention(name: string, node: ts.Node): void {
    if (ts.isBlock(node) || ts.isConstructorDeclaration(node)) return
    if ((ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node)) && ts.isPrivateIdentifier(node.name)) return
    if (ts.isTypeReferenceNode(node)) {
      const found = this.#checker.getSymbolAtLocation(node.typeName)
      const symbol = found && found.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(found) : found
      const file = symbol?.declarations?.[0]?.getSourceFile().fileName
      const isExport = symbol?.declarations?.some(one => ts.getCombinedModifierFlags(one) & ts.ModifierFlags.Export)
      if (isExport && file?.startsWith(join(root, 'src')) && !this.#mentioned.has(symbol!)) this.#mentioned.set(symbol!, name)
    }
    if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) {
      if (node.type !== undefined) this.#mention(name, node.type)
      return
    }
    node.forEachChild(child => this.#mention(name, child))
  }

  #code(name: string, symbol: ts.Symbol, declaration: ts.Declaration): string {
    const { NoTruncation, InTypeAlias, UseSingleQuotesForStringLiteralType } = ts.TypeFormatFlags
    const flags = NoTruncation | UseSingleQuotesForStringLiteralType
    if (ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration)) {
      const parts = [...(declaration.typeParameters ?? []), ...(declaration.heritageClauses ?? [])].map(plain)
      return (declaration.heritageClauses?.length ?? 0) > 0
        ? `${ts.isClassDeclaration(declaration) ? 'class' : 'interface'} ${name} ${parts.join(' ')}`
        : ''
    }
    if (ts.isTypeAliasDeclaration(declaration)) {
      if (ts.isTypeLiteralNode(declaration.type)) return ''
      const parameters = declaration.typeParameters === undefined ? '' : `<${declaration.typeParameters.map(plain).join(', ')}>`
      const isComputed = /typeof|keyof/.test(plain(declaration.type))
      const type = isComputed
        ? this.#checker.typeToString(this.#checker.getDeclaredTypeOfSymbol(symbol), declaration, flags | InTypeAlias)
        : plain(declaration.type)
      return `type ${name}${parameters} = ${type}`
    }
    const type = this.#checker.getTypeOfSymbolAtLocation(symbol, declaration)
    const signatures = type.getCallSignatures()
    if (signatures.length === 0) return `const ${name}: ${this.#checker.typeToString(type, declaration, flags)}`
    return signatures.map(signature => `function ${name}${this.#checker.signatureToString(signature, declaration, flags)}`).join('\n')
  }

  #rows(where: string, type: string, declaration: ts.Declaration): string[] {
    const members: readonly ts.Node[] =
      ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration)
        ? declaration.members
        : ts.isTypeAliasDeclaration(declaration) && ts.isTypeLiteralNode(declaration.type)
          ? declaration.type.members
          : []
    return members.filter(isPublicMember).map(member => this.#row(where, type, member))
  }

  #row(where: string, type: string, member: Member): string {
    const name = member.name.getText()
    const symbol = this.#checker.getSymbolAtLocation(member.name)!
    const field = fieldOf(type, name)
    const optional = member.questionToken === undefined ? '' : '?'
    const sentence = this.#sentence(`${where}.${name}`, symbol, field)
    return `| \`${name}${optional}\` | ${cell(typeOf(member))} | ${sentence.replaceAll('|', '\\|')}${factsOf(field)} |`
  }
}

function isPublicMember(node: ts.Node): node is Member {
  const isMember =
    ts.isPropertySignature(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isGetAccessorDeclaration(node)
  if (!isMember || ts.isPrivateIdentifier(node.name)) return false
  return !ts.canHaveModifiers(node) || !ts.getModifiers(node)?.some(modifier => modifier.kind === ts.SyntaxKind.PrivateKeyword)
}

/** The type of a member as the sources write it. */
function typeOf(member: Member): string {
  if (ts.isMethodSignature(member) || ts.isMethodDeclaration(member)) {
    const parameters = member.parameters.map(parameter => plain(parameter))
    return `(${parameters.join(', ')}) => ${member.type === undefined ? 'void' : plain(member.type)}`
  }
  if (member.type !== undefined) return plain(member.type)
  const initial = ts.isPropertyDeclaration(member) ? member.initializer : undefined
  return initial === undefined ? '' : plain(initial)
}

/** Source text on one line, without comments. */
const plain = (node: ts.Node): string =>
  node
    .getText()
    .replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\breadonly (?=[\w'"[]+[?:])/g, '')
    .trim()

const cell = (text: string): string =>
  `\`${text.replace(/ \| undefined$/, ' or undefined').replaceAll('|', '\\|')}\``.replace(/ or undefined`$/, '`, or undefined')

function fieldOf(type: string, member: string): AnyField | undefined {
  const path = fieldPaths[type]
  return path && (standardFields.find(path[0], `${path[1]}${member}`) as AnyField | undefined)
}

/** Where a field is known, and the word for it. */
function factsOf(field: AnyField | undefined): string {
  if (field === undefined) return ''
  const where =
    field.platforms.length === platforms.length ? '' : `${field.platforms.map(platform => platformNames[platform]).join(', ')}; `
  return ` *${where}field \`${field.names[0]}\`.*`
}

const sentenceOf = (about: string): string => `${about[0]!.toUpperCase()}${about.slice(1)}.`

if (process.argv[1] === import.meta.filename) {
  const { text, missing, unexported } = apiPage()
  for (const name of missing) process.stderr.write(`${name} has no sentence\n`)
  for (const name of unexported) process.stderr.write(`${name}, which is not exported\n`)
  writeFileSync(join(root, 'docs/api.md'), text)
  process.exitCode = missing.length + unexported.length === 0 ? 0 : 1
}
