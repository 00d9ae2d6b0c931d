// sockscope/classic: pree's classic quality scores of a connection, so that numbers can be compared.

export { classic, classicInput, type Classic, type ClassicInput, type ClassicIssue } from './compat/classic.ts'
