#!/bin/sh
# swap.sh: swapped arrays in images and executables, options of the swapper, what happens when files go away.  SWAP_OPTIONS: of all processes (swap-packed.sh).
cd "$(dirname "$0")/../.." || exit 2
W="$PWD/${WINDFALL:-build/windfall}"
case "$WINDFALL" in /*) W=$WINDFALL ;; esac
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
passed=0 failed=0
check() { # name, expected, got
    if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf '%s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    fi
}
# shellcheck disable=SC2086 # several words
run() { timeout 60 "$W" --no-init $SWAP_OPTIONS "$@" --quit 2>&1; }

cat >"$D/program.lisp" <<'L'
(defun greet (n) "Greets." (let ((k (* 2 n))) (lambda (x) (format nil "~R ~A ~S" n (+ k x) '(a "b" 1.5d0)))))
(defvar *table* (mkswap (vector 1 (list :two "three") #(4))))
(mkswap 'greet)
(defvar *closure* (greet 3))
(defun swapped-count () (getf (swap-statistics) :arrays))
(defun main () (format t "~A ~A~%" (funcall *closure* 1) (mkunswap *table*)) 0)
L
want='three 7 (A "b" 1.5d0) #(1 (TWO three) #(4))'

# An image, read in place; swapped again from one that was.
run --load "$D/program.lisp" --eval "(save-image \"$D/one.image\")" --eval '(main)' >"$D/out"
check "the process that saves goes on" "$want" "$(cat "$D/out")"
check "image" "$want" "$(run --image "$D/one.image" --eval '(main)')"
check "verified image" "$want" "$(run --verify-image --image "$D/one.image" --eval '(main)')"
check "nothing is copied" "0 T" "$(run --image "$D/one.image" --eval '(main)' --eval '(format t "~D ~A~%" (getf (swap-statistics) :file) (scodep (quote greet)))' | tail -n 1)"
run --image "$D/one.image" --eval "(progn (defun more () 5) (mkswap 'more) (gc) (save-image \"$D/two.image\"))"
check "image of an image" "$want" "$(run --verify-image --image "$D/two.image" --eval '(main)')"
check "and what was added" "(5 T)" "$(run --image "$D/two.image" --eval '(prin1 (list (more) (scodep (quote more))))')"
run --image "$D/one.image" --eval "(progn (sys::%swap-everything) (save-image \"$D/all.image\"))"
check "all of the library" "$want" "$(run --verify-image --image "$D/all.image" --eval '(gc)' --eval '(main)')"
check "the heap of all that" "0" "$(run --image "$D/all.image" --eval '(main)' --eval '(progn (setsbsize 2) (gc) (terpri) (princ (verify-heap)))' | tail -n 1)"
check "other heap limits" "$want" "$(run --image "$D/all.image" --heap-limit 40M --eval '(main)')"
cp "$D/one.image" "$D/gone.image"
check "an image that is deleted" "$want" "$(run --image "$D/gone.image" --eval "(delete-file \"$D/gone.image\")" --eval '(main)')"
run --load "$D/program.lisp" --eval "(save-image \"$D/p1.image\")" >/dev/null
run --load "$D/program.lisp" --eval "(save-image \"$D/p2.image\")" >/dev/null
check "the same image again" same "$(cmp "$D/p1.image" "$D/p2.image" && echo same)"

# Damaged blocks: an error when they are fetched, not before.  One bit is changed in every block, in the middle of what is stored.
python3 - "$D/one.image" "$D/bad.image" <<'P'
import struct, sys
d = bytearray(open(sys.argv[1], "rb").read())
header = len(d) - struct.unpack_from("<Q", d, len(d) - 48)[0]
(handles, _, _, _, count), (shadow, *_) = (struct.unpack_from("<5Q", d, header + 328 + 40 * k) for k in (6, 7))
for i in range(1, count):
    record = header + handles + 32 * i
    offset, stored = struct.unpack_from("<I", d, record + 8)[0], struct.unpack_from("<I", d, record + 28)[0]
    if stored: d[header + shadow + 16 * offset + 8 * stored] ^= 1
open(sys.argv[2], "wb").write(d)
P
check "a damaged block" ":DAMAGED" "$(run --image "$D/bad.image" --eval '(prin1 (handler-case (greet 1) (swap-error (c) (swap-error-reason c))))')"
check "a damaged block, verified" "windfall: $D/bad.image: the image is damaged: the checksum of its shadow space is wrong" "$(run --verify-image --image "$D/bad.image" --eval 1)"

# An executable.
run --load "$D/program.lisp" --eval "(save-application \"$D/program\" :toplevel-function #'main :executable t)" >/dev/null
check "executable" "$want" "$("$D/program" 2>&1)"

# Options.
check "--swap" "T" "$(run --swap --eval "(setq mkswapsize 3)" --eval '(defun f (x) (list x x x))' --eval "(prin1 (scodep 'f))")"
check "--swap-buffer" "7" "$(run --swap-buffer 7 --eval '(prin1 (setsbsize))')"
check "--swap-buffer, wrong" "2" "$(run --swap-buffer x >/dev/null; echo $?)"
run --shadow "$D/shadow" --load "$D/program.lisp" --eval '(main)' >"$D/out"
check "--shadow" "$want" "$(cat "$D/out")"
check "its beginning" "Windfall shadow space 1" "$(head -n 1 "$D/shadow")"
check "--shadow again" "$want" "$(run --shadow "$D/shadow" --load "$D/program.lisp" --eval '(main)')"
echo "something else" >"$D/other"
check "another file is not overwritten" ":FULL" "$(run --shadow "$D/other" --eval '(prin1 (handler-case (mkswap (vector 1)) (swap-error (c) (swap-error-reason c))))')"
check "it is as it was" "something else" "$(cat "$D/other")"
check "a folder that is not there" ":FULL" "$(TMPDIR=$D/none run --eval '(prin1 (handler-case (mkswap (vector 1)) (swap-error (c) (swap-error-reason c))))')"

# The file shrinks, changes, goes away, has no room.
damage() { # what a shell does to $D/shadow while all is evicted, then the reason
    run --shadow "$D/shadow" --load "$D/program.lisp" --eval '(setsbsize 10)' --eval "(run-program \"/bin/sh\" '(\"-c\" \"$1\"))" \
        --eval '(prin1 (handler-case (greet 1) (swap-error (c) (swap-error-reason c))))' --eval '(gc)' --eval '(prin1 (verify-heap))'
}
check "shortened" ":UNREADABLE0" "$(damage ": >$D/shadow")"
check "written over" ":DAMAGED0" "$(damage "yes | head -c 60000 >$D/shadow")"
rm -f "$D/shadow"
check "deleted" "#<FUNCTION (LAMBDA (X))>0" "$(damage "rm $D/shadow" | sed 's/{[^}]*}//')"
check "no room" ":FULL 1" "$(cd "$D" && ulimit -f 4 && TMPDIR=$D run --eval '(progn (prin1 (handler-case (loop (mkswap (make-array 10000))) (swap-error (c) (swap-error-reason c)))) (princ " ") (prin1 (mkunswap (mkunswap 1))))')"
# SIGINT in swapped code: handled by an exit, and by a handler that changes the buffer and goes on.
cat >"$D/interrupt.lisp" <<'L'
(defun spin (n) (if (= n 0) 0 (+ 1 (spin (- n 1)))))
(defvar *times* 0)
(defun spin-until (n) (loop (spin 10) (when (>= *times* n) (return :done))))
(defun announce (name) (with-open-file (s name :direction :output) (print 1 s)))
(mkswap 'spin) (mkswap 'spin-until)
(defun all ()
  (announce "one")
  (prin1 (handler-case (spin-until 100) (interactive-interrupt () (list :out (spin 5)))))
  (handler-bind ((interactive-interrupt (lambda (c) (incf *times*) (setsbsize (+ 1 *times*)) (announce (format nil "went-~D" *times*)) (continue c))))
    (announce "two")
    (prin1 (list (spin-until 3) *times* (setsbsize) (verify-heap)))))
L
for torture in "" swap; do
    rm -f "$D"/one "$D"/two "$D"/went-*
    (cd "$D" && WINDFALL_TORTURE=$torture exec "$W" --no-init $SWAP_OPTIONS --load interrupt.lisp --eval '(all)' --quit >out 2>&1) &
    child=$!
    for step in one two went-1 went-2; do
        for _ in $(seq 300); do [ -f "$D/$step" ] && break; sleep 0.1; done
        sleep 0.2
        kill -INT "$child"
    done
    wait "$child"
    check "interrupts, torture '$torture'" "(:OUT 5)(:DONE 3 4 0)" "$(cat "$D/out")"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
