#!/bin/sh
# slim: the runtime of delivered programs: when it is taken, what it refuses, and that it computes what the whole one computes.  Last line: N passed, N failed.
#
#   WINDFALL  the Lisp to test (default build/windfall)
WINDFALL=$(realpath "${WINDFALL:-build/windfall}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    printf 'not ok %s\n' "$1"
}
# is NAME EXPECTED ACTUAL
is() { if [ "$2" = "$3" ]; then ok; else bad "$1"; printf '    expected: %s\n    got:      %s\n' "$2" "$3"; fi; }
# says NAME STATUS PATTERN COMMAND...: the status, and a line of the output that fits the pattern, if there is one
says() {
    name=$1 wanted=$2 pattern=$3
    shift 3
    "$@" >output 2>&1
    status=$?
    if [ "$status" = "$wanted" ] && { [ -z "$pattern" ] || grep -q "$pattern" output; }; then ok; else bad "$name"; printf '    status %s, output: %s\n' "$status" "$(head -c 300 output)"; fi
}
size() { wc -c <"$1"; }
# smaller NAME BYTES: the file has less; not asked of builds with sanitizers, of which a hello world has megabytes
smaller() { if [ "$(size "$1")" -lt "$2" ] || [ "$(size "$WINDFALL")" -gt 10000000 ]; then ok; else bad "$1 has $(size "$1") bytes, not less than $2"; fi; }

# -- Which runtime --
cat >hello.lisp <<'L'
(defun main () (write-line "hello"))
L
cat >compiling.lisp <<'L'
(defun main () (print (funcall (compile nil (list 'lambda '(x) (list '* 'x 'x))) 7)) (terpri))
L
says "hello is delivered" 0 '' "$WINDFALL" deliver hello.lisp -o hello --level 5
says "a program with a compiler is delivered" 0 '' "$WINDFALL" deliver compiling.lisp -o compiling --level 0
is "hello runs" hello "$(./hello)"
says "the other runs" 0 '^49' ./compiling
smaller hello 450000
if [ "$(size compiling)" -gt 1000000 ]; then ok; else bad "the compiler is not in the other"; fi
says "saving refuses what the slim runtime has not" 1 'the runtime has no builtin' "$WINDFALL" --eval '(ext:save-application "no" :executable :slim)'
is "and nothing is written" no "$([ -e no ] || echo no)"
says "a list of what it has not" 0 'COMPILE-FORM' "$WINDFALL" --eval '(print (sys::%runtime-lacks :slim))' --quit
says "an executable without the slim runtime" 0 '' "$WINDFALL" --eval '(ext:save-application "whole" :executable :whole)'
says "runs" 0 '^5' ./whole --eval '(print 5)' --quit
says "and cannot deliver with it" 0 'no slim runtime' ./whole --eval '(print (sys::%runtime-lacks :slim))' --quit
says "a slim program is no image for another runtime" 2 'runs only on its own\|damaged' "$WINDFALL" --image ./hello

# -- Damage --
cut() { head -c "$1" hello >cut; chmod +x cut; }
cut $(($(size hello) - 1))
says "a file that has been cut off" 2 'no image' ./cut
python3 - "$WINDFALL" <<'P'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
at = b.rindex(b"Windfall-slim\0\0\0")
start = int.from_bytes(b[at + 16:at + 24], "little")
b[start + 20000] ^= 1
open("damaged", "wb").write(b)
P
chmod +x damaged
says "a damaged slim runtime is not taken along" 0 'damaged' ./damaged --eval '(print (sys::%runtime-lacks :slim))' --quit

# -- The same results --
# What is different in the slim runtime: large numbers, tables of digits, code made for size.
cat >work.lisp <<'L'
(defun power-digits (base n) (length (write-to-string (expt base n))))
(defun checksum (n) (let ((h 0)) (loop until (zerop n) do (setq h (mod (+ (* h 31) (mod n 1000003)) 1000000007) n (ash n -61))) h))
(defun big (bits seed) (let ((x 1)) (loop repeat (ceiling bits 61) do (setq seed (mod (+ (* seed 6364136223846793005) 1442695040888963407) (ash 1 64)) x (+ (ash x 61) (ash seed -3)))) x))
(defun main ()
  (loop for bits in '(100 2000 5000 30000 200000)
        for x = (big bits 1) for y = (big (floor bits 3) 2) for z = (* x y)
        do (format t "~D ~D ~D ~D ~D~%" bits (checksum z) (checksum (* x x)) (checksum (isqrt z)) (checksum (gcd (* x 12345678901234567890123) (* y 98765432109876543210987))))
           (multiple-value-bind (q r) (floor (+ z 17) x) (format t "~A ~A~%" (= q y) r))
           (multiple-value-bind (q r) (truncate x y) (format t "~A~%" (= x (+ (* q y) r))))
           (format t "~A~%" (= x (parse-integer (write-to-string x)))))
  (dolist (base '(2 3 7 10 16 36)) (format t "~A " (write-to-string (expt 123456789 20) :base base :radix nil)))
  (format t "~%~A ~A ~A~%" (power-digits 7 5000) (/ (expt 6 100) (expt 10 90)) (float (/ (expt 3 300) (expt 7 150)) 1d0))
  (format t "~A ~A ~A~%" (char-upcase #\é) (string-upcase "straße œuvre") (digit-char-p (code-char #x663)))
  (let ((table (make-hash-table :test 'equal)))
    (dotimes (i 20000) (push i (gethash (write-to-string (mod (* i i) 997)) table)))
    (format t "~A ~A~%" (hash-table-count table) (loop for k being the hash-keys of table using (hash-value v) sum (* (length v) (parse-integer k)))))
  (let ((l (loop for i below 200000 collect (list (mod (* i 7919) 104729) i))))
    (setq l (sort l #'< :key #'first))
    (format t "~A~%" (loop for (a b) in l for i below 1000 sum (+ a b)))))
L
says "the work is delivered" 0 '' "$WINDFALL" deliver work.lisp -o work --level 5
"$WINDFALL" --load work.lisp --eval '(main)' --quit >expected 2>&1
./work >actual 2>&1
if [ -s expected ] && cmp -s expected actual; then ok; else bad "the slim runtime computes the same"; diff expected actual | head -5; fi
smaller work 1000000
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
