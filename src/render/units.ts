// Numbers as people read them: the units of fields.
export { bytesText, digits, microsText, percentText, rateText } from '../fields/units.ts'
