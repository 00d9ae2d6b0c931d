// A process, and what it belongs to.

/** One process. It is the same one as before when its key is the same: pids are used again, keys are not. */
export interface Process {
  /** The pid together with the start time. */
  readonly key: string
  readonly pid: number
  /** The short name that the kernel keeps; the program's where that is only the name of a thread. */
  readonly name: string
  readonly parentPid: number | undefined
  readonly uid: number | undefined
  readonly user: string | undefined
  readonly startedAtMs: number | undefined
  /** The file that runs. */
  readonly exe: string | undefined
  /** The words of the command line. They can hold secrets: a recording leaves them out unless it was asked to keep them. */
  readonly command: readonly string[] | undefined
  /** For an interpreter: the script that it runs, such as `app.js` or `-m http.server`. */
  readonly script: string | undefined
  readonly container: Container | undefined
  /** The systemd unit, launchd job or Windows service. */
  readonly unit: string | undefined
  /** The label that SELinux, AppArmor or Smack gave it, when it was asked for. */
  readonly securityContext?: string | undefined
}

/** Processes by pid. In JSON it is the list of them. */
export class ProcessTable extends Map<number, Process> {
  /** The processes, as JSON holds them. */
  toJSON(): readonly Process[] {
    return [...this.values()]
  }
}

/** What a process uses of the machine. */
export interface ProcessUse {
  /** The key of the process. */
  readonly key: string
  /** One letter, as ps writes it: R, S, D, T, Z, I. */
  readonly state: string | undefined
  /** Time of a processor that it has used since it started. */
  readonly processorMs: number | undefined
  /** Memory that is in RAM. */
  readonly residentBytes: number | undefined
  /** Address space that is mapped. */
  readonly virtualBytes: number | undefined
}

/** A container that a process runs in. */
export interface Container {
  /** The program that runs the container: `docker`, `podman`, `containerd` and so on. */
  readonly runtime: string
  /** The id of the container. */
  readonly id: string
  /** The name of the container, where it is known. */
  readonly name: string | undefined
  /** The Kubernetes pod. */
  readonly pod: string | undefined
}
