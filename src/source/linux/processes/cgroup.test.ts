import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readCgroup } from './cgroup.ts'

const id = 'a1b2c3d4'.repeat(8)
const inner = '0f'.repeat(32)
const uid = '11111111-2222-3333-4444-555555555555'
const under = uid.replaceAll('-', '_')

// How each runtime names its groups: the path, then runtime, id, pod, unit.
for (const [path, runtime, name, pod, unit] of [
  ['/', undefined, undefined, undefined, undefined],
  ['/system.slice/nginx.service', undefined, undefined, undefined, 'nginx.service'],
  ['/system.slice/system-getty.slice/getty@tty1.service', undefined, undefined, undefined, 'getty@tty1.service'],
  ['/user.slice/user-1000.slice/session-3.scope', undefined, undefined, undefined, 'session-3.scope'],
  ['/user.slice/user-1000.slice/user@1000.service/app.slice/app-x\\x2dy.scope', undefined, undefined, undefined, 'app-x-y.scope'],
  [`/docker/${id}`, 'docker', id, undefined, undefined],
  [`/docker/${id}/docker/${inner}`, 'docker', inner, undefined, undefined],
  [`/docker/${id}/system.slice/sshd.service`, 'docker', id, undefined, 'sshd.service'],
  [`/system.slice/docker-${id}.scope`, 'docker', id, undefined, undefined],
  [`/system.slice/docker-${id}.scope/init`, 'docker', id, undefined, undefined],
  [`/kubepods/besteffort/pod${uid}/${id}`, 'kubernetes', id, uid, undefined],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${under}.slice/cri-containerd-${id}.scope`,
    'containerd',
    id,
    uid,
    undefined,
  ],
  [`/kubepods.slice/kubepods-pod${under}.slice/crio-${id}.scope`, 'cri-o', id, uid, undefined],
  [
    `/system.slice/containerd.service/kubepods-burstable-pod${under}.slice:cri-containerd:${id}`,
    'containerd',
    id,
    uid,
    'containerd.service',
  ],
  [`/system.slice/nerdctl-${id}.scope`, 'containerd', id, undefined, undefined],
  [`/machine.slice/libpod-${id}.scope/container`, 'podman', id, undefined, undefined],
  [`/machine.slice/libpod-conmon-${id}.scope`, undefined, undefined, undefined, undefined],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`, 'podman', id, undefined, 'user@1000.service'],
  ['/lxc.payload.web1/system.slice/ssh.service', 'lxc', 'web1', undefined, 'ssh.service'],
  ['/lxc/web1', 'lxc', 'web1', undefined, undefined],
  ['/lxc.monitor.web1', undefined, undefined, undefined, undefined],
  ['/machine.slice/systemd-nspawn@deb\\x2dian.service/payload', 'systemd-nspawn', 'deb-ian', undefined, 'systemd-nspawn@deb-ian.service'],
  ['/machine.slice/systemd-nspawn@debian.service/supervisor', undefined, undefined, undefined, 'systemd-nspawn@debian.service'],
  ['/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt', undefined, undefined, undefined, 'machine-qemu-1-vm.scope'],
  ['/garden/6a4ff0a4-5d84-4c8d-5b29-07bd', 'garden', '6a4ff0a4-5d84-4c8d-5b29-07bd', undefined, undefined],
  ['/system.slice/garden.service/garden/good/6a4ff0a4', 'garden', '6a4ff0a4', undefined, 'garden.service'],
  [`/ecs/0123456789abcdef/${id}`, 'ecs', id, undefined, undefined],
] as const) {
  test(path, () => {
    const container = runtime && name ? { runtime, id: name } : undefined
    const user = path.startsWith('/user.slice/user-1000.slice/') ? { user: 1000 } : {}
    deepEqual(readCgroup(`0::${path}\n`), { container, pod, unit, ...user })
    // Version 1 says it once for each controller.
    deepEqual(readCgroup(`12:cpu,cpuacct:${path}\n1:name=systemd:${path}\n`), { container, pod, unit, ...user })
  })
}

test('in version 1 the unit comes from the line of systemd, the container from any', () => {
  deepEqual(readCgroup(`4:memory:/docker/${id}\n1:name=systemd:/system.slice/x.service\n0::/\n`), {
    container: { runtime: 'docker', id },
    pod: undefined,
    unit: 'x.service',
  })
})

test('names that anybody may have written', () => {
  const nothing = { container: undefined, pod: undefined, unit: undefined }
  for (const bad of ['', '\n', '0:', '0::', '0::relative', 'x::/docker/y', `0::/docker/${'Z'.repeat(64)}`, '0::/lxc/', '0::/.service'])
    deepEqual(readCgroup(bad), nothing, bad)
  deepEqual(readCgroup(`0::/lxc/${'x'.repeat(300)}`), nothing)
  deepEqual(readCgroup(`0::${'/a'.repeat(100_000)}`), nothing)
  equal(readCgroup('0::/system.slice/a\\x1b\\x0a.service').unit, 'a\\x1b\\x0a.service')
  ok(readCgroup('0::/x\n'.repeat(100_000)))
})
