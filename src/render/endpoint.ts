// One end of a socket as text.
export { endpointText, type Names } from '../fields/endpoint.ts'
