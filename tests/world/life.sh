#!/bin/sh
# life.sh: code and definitions that are redefined or dropped leave nothing behind: life.lisp, each line PASS or FAIL.  And the same source, compiled twice by
# two processes in two folders, is the same unit to the byte.
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
case $windfall in /*) ;; *) windfall=$PWD/$windfall ;; esac
for folder in one other/place; do
    mkdir -p "$scratch/$folder"
    cp examples/*.lisp tests/lisp/objects.lisp tests/lisp/similarity.lisp "$scratch/$folder"
    (cd "$scratch/$folder" && for f in *.lisp; do
        timeout 60 "$windfall" --no-init --load "$OLDPWD/tests/harness.lisp" --eval "(in-package \"CL-TEST\")" --eval "(let ((*error-output* (make-broadcast-stream))) (compile-file \"$f\"))" --quit
    done) >>"$out" 2>&1 </dev/null
done
for unit in "$scratch"/one/*.wfu; do
    if cmp "$unit" "$scratch/other/place/${unit##*/}"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
[ -n "$VERBOSE" ] && cat "$out"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
