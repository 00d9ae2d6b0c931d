import { after, test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { membershipOf } from './containers.ts'

const root = mkdtempSync(join(tmpdir(), 'containers-'))
after(() => rmSync(root, { recursive: true, force: true }))
const put = (path: string, content: unknown): void => {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
}
let count = 0
const newId = (): string => (++count).toString(16).padStart(64, '0')
const find = (runtime: string, id: string, user?: number) =>
  membershipOf({ container: { runtime, id }, pod: 'uid', unit: undefined, ...(user !== undefined && { user }) }, root).container

test('docker', () => {
  const id = newId()
  put(`var/lib/docker/containers/${id}/config.v2.json`, { Name: '/web', Config: { Labels: {} } })
  deepEqual(find('docker', id), { runtime: 'docker', id, name: 'web', pod: 'uid' })
})

test('Kubernetes by docker, containerd and CRI-O', () => {
  const [a, b, c] = [newId(), newId(), newId()]
  put(`var/lib/docker/containers/${a}/config.v2.json`, {
    Name: '/k8s_app_pod_ns',
    Config: { Labels: { 'io.kubernetes.container.name': 'app', 'io.kubernetes.pod.name': 'app-7d' } },
  })
  put(`run/containerd/io.containerd.runtime.v2.task/k8s.io/${b}/config.json`, {
    annotations: { 'io.kubernetes.cri.container-name': 'app', 'io.kubernetes.cri.sandbox-name': 'app-7d' },
  })
  put(`var/lib/containers/storage/overlay-containers/${c}/userdata/config.json`, {
    annotations: { 'io.kubernetes.container.name': 'app', 'io.kubernetes.pod.name': 'app-7d' },
  })
  for (const [runtime, id] of [
    ['docker', a],
    ['containerd', b],
    ['cri-o', c],
  ] as const)
    deepEqual(find(runtime, id), { runtime, id, name: 'app', pod: 'app-7d' })
})

test('podman', () => {
  const id = newId()
  put('var/lib/containers/storage/overlay-containers/containers.json', [null, 7, { id: newId(), names: ['other'] }, { id, names: ['db'] }])
  deepEqual(find('podman', id), { runtime: 'podman', id, name: 'db', pod: 'uid' })
})

test('podman with --rm', () => {
  const id = newId()
  put('var/lib/containers/storage/overlay-containers/volatile-containers.json', [{ id, names: ['job'] }])
  deepEqual(find('podman', id)?.name, 'job')
})

test('containers of a user without root', () => {
  put('etc/passwd', 'root:x:0:0::/root:/bin/sh\n:\nbad\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nbob:x:1001:1001::home:/bin/sh\n')
  const [a, b, c] = [newId(), newId(), newId()]
  const share = 'home/ann/.local/share'
  put(`${share}/docker/containers/${a}/config.v2.json`, { Name: '/web' })
  put(`${share}/containers/storage/overlay-containers/containers.json`, [{ id: b, names: ['db'] }])
  put(`${share}/containers/storage/overlay-containers/volatile-containers.json`, [{ id: c, names: ['job'] }])
  deepEqual(
    [find('docker', a, 1000), find('podman', b, 1000), find('podman', c, 1000)].map(found => found?.name),
    ['web', 'db', 'job'],
  )
  // What a user writes names nobody else's containers.
  for (const user of [undefined, 0, 1001, 4711]) equal(find('podman', b, user)?.name, undefined, String(user))
  // One of the system that was started from the session of a user.
  put(`var/lib/docker/containers/${'f'.repeat(64)}/config.v2.json`, { Name: '/system' })
  equal(find('docker', 'f'.repeat(64), 1000)?.name, 'system')
})

test('an id that is a name', () => deepEqual(find('lxc', 'web1'), { runtime: 'lxc', id: 'web1', name: 'web1', pod: 'uid' }))

test('files that are not what they should be', () => {
  for (const content of ['', '{', '[]', 'null', '"x"', { Name: 7 }, { Name: 'x'.repeat(1000) }, { Config: [] }, `[${'['.repeat(1000)}`]) {
    const id = newId()
    put(`var/lib/docker/containers/${id}/config.v2.json`, content)
    deepEqual(find('docker', id), { runtime: 'docker', id, name: undefined, pod: 'uid' })
  }
  const id = newId()
  put('secret.json', { Name: '/secret' })
  mkdirSync(join(root, `var/lib/docker/containers/${id}`), { recursive: true })
  symlinkSync(join(root, 'secret.json'), join(root, `var/lib/docker/containers/${id}/config.v2.json`))
  deepEqual(find('docker', id)?.name, undefined)
  deepEqual(find('docker', '../../../../secret')?.name, '../../../../secret') // No id, so no file.
})
