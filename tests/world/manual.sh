#!/bin/sh
# manual.sh: the commands of the manual's pages print what the pages say (manual.py).
cd "$(dirname "$0")/../.." || exit 1
exec python3 tests/world/manual.py docs/manual/delivering.md docs/manual/delivering-walk.md docs/manual/dynamic-names.md
