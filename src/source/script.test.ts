import { test } from 'node:test'
import { equal } from 'node:assert/strict'
import { scriptOf } from './script.ts'

for (const [line, want] of [
  ['node app.js', 'app.js'],
  ['/usr/bin/node --inspect=0.0.0.0:9229 -r dotenv/config /srv/app.js --port 80', '/srv/app.js'],
  ['node --import tsx -- run.ts', 'run.ts'],
  ['node -e require("secret")', undefined],
  ['node', undefined],
  ['node --max-old-space-size=4096 --enable-source-maps dist/main', 'dist/main'],
  ['python3.12 manage.py runserver', 'manage.py'],
  ['python -m http.server 8000', '-m http.server'],
  ['python3 -um http.server', '-m http.server'],
  ['python -W ignore -X dev tool.py', 'tool.py'],
  ['python -c print(1)', undefined],
  ['python -', undefined],
  ['ruby -I lib -r json bin/rails server', 'bin/rails'],
  ['perl -w script.pl', 'script.pl'],
  ['php -d memory_limit=1G artisan queue:work', 'artisan'],
  ['php -f index.php', 'index.php'],
  ['bash -x deploy.sh prod', 'deploy.sh'],
  ['bash -c curl example', undefined],
  ['sh +x -o pipefail run.sh', 'run.sh'],
  ['-bash', undefined],
  ['java -Xmx1g -cp a.jar:b.jar com.example.Main --secret', 'com.example.Main'],
  ['java -jar app.jar', 'app.jar'],
  ['java -m example/com.example.Main', '-m example/com.example.Main'],
  ['deno run --allow-net server.ts', 'server.ts'],
  ['deno task start', 'start'],
  ['bun run index.ts', 'index.ts'],
  ['bun index.ts', 'index.ts'],
  ['bun test', undefined],
  ['dotnet exec app.dll', 'app.dll'],
  ['dotnet app.dll', 'app.dll'],
  ['C:\\Program\\python.exe tool.py', 'tool.py'],
  ['nginx -g daemon', undefined],
  ['pythonista x.py', undefined],
] as const)
  test(line, () => equal(scriptOf(undefined, line.split(' ')), want))

test('the executable takes precedence over the command word', () => {
  equal(scriptOf('/usr/bin/node', ['MainThread', 'app.js']), 'app.js')
  equal(scriptOf('/bin/busybox', ['sh', 'run.sh']), 'run.sh')
  equal(scriptOf('/usr/bin/node', undefined), undefined)
  equal(scriptOf('/usr/bin/node', ['node', 'x'.repeat(5000)]), undefined)
})
