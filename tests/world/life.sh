#!/bin/sh
# life.sh: code and definitions that are redefined or dropped leave nothing behind: life.lisp, each line PASS or FAIL.
windfall=${WINDFALL:-build/windfall}
scratch=$(mktemp -d)
out=$scratch/out
trap 'rm -rf "$scratch"' EXIT
LIFE_SCRATCH=$scratch timeout 500 "$windfall" --no-init --load tests/world/life.lisp --eval '(progn (write-line "END") (finish-output))' --quit >"$out" 2>&1 </dev/null
passed=$(grep -c '^PASS' "$out")
failed=$(grep -c '^FAIL' "$out")
if [ "$(tail -n 1 "$out")" != END ]; then
    failed=$((failed + 1))
    tail -n 20 "$out"
elif [ "$failed" != 0 ]; then
    grep -A 12 '^FAIL' "$out"
fi
[ -n "$VERBOSE" ] && cat "$out"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
