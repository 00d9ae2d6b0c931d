// Loaded before a program: from here on the kernel refuses it netlink sockets and bpf(2), as a sandbox does.
import koffi from 'koffi'

const syscall = koffi.load('libc.so.6').func('long syscall(long number, int operation, int flags, const void *program)')
const [SYS_socket, SYS_seccomp, SYS_bpf, AF_NETLINK] = [41, 317, 321, 16]
const [LOAD, JUMP_IF_EQUAL, RETURN] = [0x20, 0x15, 0x06]
const [ALLOW, EPERM] = [0x7fff0000, 0x00050001]

/** struct sock_filter: the code, how many instructions to go over when it is so and when not, a number. */
const steps: readonly (readonly [number, number, number, number])[] = [
  [LOAD, 0, 0, 0], // The number of the call.
  [JUMP_IF_EQUAL, 4, 0, SYS_bpf!],
  [JUMP_IF_EQUAL, 0, 2, SYS_socket!],
  [LOAD, 0, 0, 16], // Its first argument.
  [JUMP_IF_EQUAL, 1, 0, AF_NETLINK!],
  [RETURN, 0, 0, ALLOW!],
  [RETURN, 0, 0, EPERM!],
]
const filter = new Uint8Array(steps.length * 8)
const view = new DataView(filter.buffer)
for (const [i, [code, yes, no, number]] of steps.entries()) {
  view.setUint16(i * 8, code, true)
  view.setUint8(i * 8 + 2, yes)
  view.setUint8(i * 8 + 3, no)
  view.setUint32(i * 8 + 4, number, true)
}
const program = new DataView(new ArrayBuffer(16)) // struct sock_fprog
program.setUint16(0, steps.length, true)
program.setBigUint64(8, BigInt(koffi.address(filter)), true)
const SET_MODE_FILTER = 1
const FOR_ALL_THREADS = 1
if (Number(syscall(SYS_seccomp, SET_MODE_FILTER, FOR_ALL_THREADS, new Uint8Array(program.buffer))) !== 0)
  throw new Error(`seccomp: errno ${koffi.errno()}`)
