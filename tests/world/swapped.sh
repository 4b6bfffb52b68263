#!/bin/sh
# swapped.sh: swapped arrays are as other arrays: the Lisp tests with every array swapped (tests/swapped.lisp), and random operations and
# programs beside a resident twin (tests/swapped-random.lisp, tests/swapped-leaves.lisp, tests/swapped-programs.lisp), with small buffers, under collections, under eviction of everything at every safe point.
# Left out are the chapters that ask where objects are and who holds them.
cd "$(dirname "$0")/../.." || exit 2
W=${WINDFALL:-build/windfall}
passed=0 failed=0
report() { if [ "$2" = 0 ]; then passed=$((passed + $1)); else failed=$((failed + 1)); echo "swapped.sh: $3"; fi; }

# One file of tests under a torture.
chapter() {
    out=$(WINDFALL_TORTURE=$1 timeout -k 5 120 "$W" --no-init --load tests/harness.lisp --load tests/swapped.lisp --eval "(cl-test::run-file \"$2\")" --quit 2>&1 </dev/null)
    last=$(printf '%s\n' "$out" | tail -n 1)
    n=$(printf '%s\n' "$last" | sed -n 's/^.*: \([0-9]*\) passed, 0 failed$/\1/p')
    [ -n "$n" ]
    report "${n:-0}" $? "$out"
}
for file in tests/lisp/*.lisp; do
    case $(basename "$file" .lisp) in memory | purify | units | unload | swap* | deliver*) ;; *) chapter "" "$file" ;; esac
done
for file in arrays strings sequences structures; do chapter swap tests/lisp/$file.lisp; done

# Five seeds of random array operations and a size of the buffer in pages; what comes before is the torture.
random() {
    out=$(WINDFALL_TORTURE=$1 timeout -k 5 120 "$W" --no-init --load tests/swapped-random.lisp \
        --eval "(progn (ext:setsbsize $3) $5 (princ (if (loop for s from $2 repeat 5 always (swapped-random::run-random s $4)) 'all-well 'no)))" --quit 2>&1 </dev/null)
    case $out in *ALL-WELL) report 1 0 ;; *) report 0 1 "random programs, torture '$1', seed $2, buffer of $3: $out" ;; esac
}
seed=$(date +%j)
random "" "$seed" 64 2000
random "" "$seed" 5 2000
random "" 1 2 1000 "(sys::%swap-torture t)"
random gc,move 11 4 150
random tiny,move,verify 21 4 500

# All leaves that take arrays, so many random calls of each, from a seed.
leaves() {
    out=$(timeout -k 5 120 "$W" --no-init --load tests/swapped-random.lisp --load tests/swapped-leaves.lisp \
        --eval "(progn $3 (princ (if (swapped-random::run-leaves $1 $2) 'all-well 'no)))" --quit 2>&1 </dev/null)
    case $out in *ALL-WELL) report 1 0 ;; *) report 0 1 "random calls of leaves, seed $1: $out" ;; esac
}
leaves "$seed" 400
leaves 1 200 "(ext:setsbsize 6) (sys::%swap-torture t)"

# So many random programs from a seed on, under a torture; what else is to be done before.
programs() {
    out=$(WINDFALL_TORTURE=$1 timeout -k 5 200 "$W" --no-init --load tests/swapped-programs.lisp \
        --eval "(progn $4 (princ (if (swapped-programs::run-programs $2 $3) 'all-well 'no)))" --quit 2>&1 </dev/null)
    case $out in *ALL-WELL) report "$3" 0 ;; *) report 0 1 "random programs, torture '$1', seeds from $2: $out" ;; esac
}
programs "" "${seed}000" 100
programs "" 1 100
programs "" 1001 40 "(sys::%swap-torture t)"
programs swap 2001 20
programs gc,move 3001 6
programs swap,gc,move 4001 1
programs tiny,move,verify 5001 15
programs swap,tiny,move,verify 6001 5
programs "" 7001 40 "(setf (ext:shadow-compression) t)"
programs swap 8001 5 "(setf (ext:shadow-compression) t)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
