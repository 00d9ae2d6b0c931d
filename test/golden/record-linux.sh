#!/bin/sh
# Records test/golden/linux.recording again: in namespaces of its own, where nothing else is to be seen. Needs root, unshare and ip.
set -eu
cd "$(dirname "$0")/../.."
rm -f test/golden/linux.recording
exec unshare --net --pid --fork --mount-proc sh -euc '
  ip link set lo up
  node test/golden/scene.mjs &
  sleep 1
  node src/cli/main.ts list --watch 300ms --record test/golden/linux.recording > /dev/null &
  sleep 0.5
  kill -INT $!
  wait $! || true
' # The end of its first process ends the whole namespace.
