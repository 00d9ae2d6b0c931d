// The library: named exports, nothing else.

export { OsError, DecodeError, FilterError } from './model/error.ts'
