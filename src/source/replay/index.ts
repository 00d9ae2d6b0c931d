// Recordings: a tape that writes, a tape that plays, and the machine on either side.

export { PlayedMachine, recordedMachine } from './machine.ts'
export { playedEvents, recordedEvents } from './events.ts'
export { Player } from './player.ts'
export { Recorder, type RecorderOptions } from './recorder.ts'
