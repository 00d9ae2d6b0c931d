// sockscope/filter: the language of filters, from text to a test, and the fields that it names.

export { parseFilter, type ParseOptions } from './filter/language/parse.ts'
export { printFilter } from './filter/language/print.ts'
export { parsePorts } from './filter/language/ports.ts'
export { expectedWords } from './filter/language/words.ts'
export type {
  Comparison,
  Filter,
  Host,
  HostFilter,
  NumberFilter,
  Pattern,
  Range,
  StateFilter,
  StateStep,
  TextFilter,
} from './filter/language/tree.ts'
export { compileFilter, type SocketTest } from './filter/compile.ts'
export { needs, type FilterNeeds } from './filter/needs.ts'
export { planQuery, type Plan, type Query } from './filter/plan.ts'
export { declareField } from './fields/field.ts'
export type {
  AnyField,
  Cell,
  Declaration,
  Field,
  FieldContext,
  FilterContext,
  Need,
  NumberField,
  Platform,
  Subject,
  Subjects,
  TextField,
} from './fields/field.ts'
export type { Names } from './fields/endpoint.ts'
export { FieldRegistry, type FieldGroup } from './fields/registry.ts'
export { standardFields } from './fields/standard.ts'
