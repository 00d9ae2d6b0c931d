// Numbers as human-readable text: the units of fields.
export { bytesText, digits, microsText, percentText, rateText } from '../fields/units.ts'
