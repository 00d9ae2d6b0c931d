// A process, and what it belongs to.

/** One process. Two records with the same key are of the same process: pids are reused, keys are not. */
export interface Process {
  /** The pid together with the start time. */
  readonly key: string
  readonly pid: number
  /** The short name that the kernel keeps; the program's name where the kernel's is only that of a thread. */
  readonly name: string
  readonly parentPid: number | undefined
  readonly uid: number | undefined
  readonly user: string | undefined
  readonly startedAtMs: number | undefined
  /** The executable file. */
  readonly exe: string | undefined
  /** The arguments of the command line. They can contain secrets: a recording leaves them out unless it was started to keep them. */
  readonly command: readonly string[] | undefined
  /** For an interpreter: the script that it runs, such as `app.js` or `-m http.server`. */
  readonly script: string | undefined
  readonly container: Container | undefined
  /** The systemd unit, launchd job or Windows service. */
  readonly unit: string | undefined
  /** The label from SELinux, AppArmor or Smack, where it was requested. */
  readonly securityContext?: string | undefined
}

/** Processes by pid. In JSON it is a list of them. */
export class ProcessTable extends Map<number, Process> {
  /** The processes as a list, for JSON. */
  toJSON(): readonly Process[] {
    return [...this.values()]
  }
}

/** The resources that a process uses. */
export interface ProcessUse {
  /** The key of the process. */
  readonly key: string
  /** One letter, as ps writes it: R, S, D, T, Z, I. */
  readonly state: string | undefined
  /** Processor time since it started. */
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
