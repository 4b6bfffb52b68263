#!/bin/sh
# swap-faults.sh: shadow space that is damaged, full, not to be had or somebody else's; buffers that are too small; kills.  (swap.sh has the options and
# images.)  FAULT_SEED, FAULT_ROUNDS, FAULT_KILLS: of the random parts.  SWAP_OPTIONS: of all processes (swap-packed.sh).
W=$(realpath "${WINDFALL:-build/windfall}")
here=$(realpath "$(dirname "$0")")
T=$(mktemp -d)
trap 'umount "$T/small" 2>/dev/null; rm -rf "$T"' EXIT
chmod 755 "$T"
export HOME="$T"
cd "$T" || exit 1
seed=${FAULT_SEED:-$(date +%s)}
passed=0
failed=0
check() { # name, expected, got
    if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'not ok %s\n    expected: %s\n    got:      %s\n' "$1" "$2" "$3"
    fi
}
# shellcheck disable=SC2086 # several words
run() { timeout 120 "$W" --no-init $SWAP_OPTIONS "$@" --quit 2>&1 </dev/null; }
last() { run "$@" | tail -n 1; }

cat >defs.lisp <<'L'
(defun greet (n) "Greets." (let ((k (* 2 n))) (lambda (x) (format nil "~R ~A ~S" n (+ k x) '(a "b" 1.5d0)))))
(defun big () (list . #.(loop repeat 3000 collect '(list 1 2 3))))
(defun deep (n) (if (plusp n) (+ 1 (deep (- n 1))) (setsbsize 0)))
(defun limit (bytes)
  (run-program "/usr/bin/prlimit" (list "--pid" (prin1-to-string (sys::%process-id)) (format nil "--fsize=~A:unlimited" bytes))))
(defun reason (function) (handler-case (funcall function) (swap-error (c) (swap-error-reason c))))
(defmacro with-restart (restart &body body) `(handler-bind ((swap-error (lambda (c) (princ-to-string c) (invoke-restart ',restart)))) ,@body))
L

# -- Damage at random: right results, or errors that a handler can mend --
for s in "$seed" $((seed + 1)); do
    check "damage (FAULT_SEED=$s)" "wrong 0" "$(last --shadow sh --load "$here/swap-faults.lisp" --eval "(faults:run-faults \"sh\" $s ${FAULT_ROUNDS:-400})" | sed 's/.*\(wrong .*\)/\1/')"
done
check "damage, everything moving" "wrong 0" \
    "$(WINDFALL_TORTURE=gc,move last --shadow sh --load "$here/swap-faults.lisp" --eval "(faults:run-faults \"sh\" $seed 10)" | sed 's/.*\(wrong .*\)/\1/')"

# The whole library is swapped, and damaged: the process does its work, or says what is the matter and ends with code 1.
cat >library.py <<'P'
import os, random, subprocess, sys
windfall, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)
program = '''(progn (defun work (n) (let ((h (make-hash-table :test 'equal)))
    (dotimes (i n) (setf (gethash (format nil "~R" i) h) (list i (sqrt i))))
    (loop for k being the hash-keys of h using (hash-value v) when (oddp (car v)) collect k)))
  (defclass c () ((a :initarg :a :accessor a))) (defmethod print-object ((x c) s) (format s "<~A>" (a x)))
  (sys::%swap-everything) (gc) (setsbsize 16) (princ "READY") (finish-output) (read-line)
  (dotimes (i 3)
    (handler-case (print (list (work 12) (make-instance 'c :a i) (eval `(let ((x ,i)) (lambda () x))) (read-from-string "(1 2.5 #(a b))")))
      (error (e) (princ e)))
    (gc i))
  (princ "DONE"))'''
bad = done = ended = 0
for i in range(rounds):
    if os.path.exists("lib"): os.unlink("lib")
    p = subprocess.Popen([windfall, "--no-init", *os.environ.get("SWAP_OPTIONS", "").split(), "--shadow", "lib", "--eval", program, "--quit"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = b""
    while b"READY" not in out:
        some = p.stdout.read1(4096)
        if not some: break
        out += some
    size = os.path.getsize("lib")
    with open("lib", "r+b") as f:
        if rnd.random() < 0.1: f.truncate(rnd.randrange(size))
        else:
            for _ in range(rnd.choice([1, 2, 5, 20, 100, 500])):
                at = rnd.randrange(4096, size)
                f.seek(at)
                b = f.read(1)[0] ^ 1 << rnd.randrange(8)
                f.seek(at)
                f.write(bytes([b]))
    try: out += p.communicate(b"\n", timeout=60)[0]
    except subprocess.TimeoutExpired: p.kill(); p.wait()
    if p.returncode == 0 and b"DONE" in out: done += 1
    elif p.returncode == 1 and (b"hadow space" in out or b"SHADOW-SPACE" in out or b"an error in what reports" in out): ended += 1
    else: bad += 1; print(i, p.returncode, out[-600:])
print("done", done, "ended", ended, "bad", bad)
P
check "damage of the library (FAULT_SEED=$seed)" "bad 0" "$(timeout 300 python3 library.py "$W" "$seed" "${FAULT_KILLS:-40}" | tee library.log | tail -n 1 | sed 's/.*\(bad .*\)/\1/')"
grep -q ' bad 0$' library.log || cat library.log

# -- No room --
cat >full.lisp <<'L'
(load "defs.lisp")
(defvar *a* (loop for i below 40 collect (mkswap (make-array 500 :initial-element i))))
(setsbsize 8)
(limit (getf (swap-statistics) :file))
(defvar *written* 0)
(defun put (k) (reason (lambda () (dolist (x *a* :all) (setf (aref x 3) k) (incf *written*)))))
(defun all () (loop for x in *a* collect (aref x 3)))
(defun expected () (loop for i below 40 collect (if (< i *written*) :new i)))
(format t "~A " (put :new))
(format t "~A " (and (< 0 *written* 40) (equal (with-restart enlarge-buffer (all)) (expected))))
(format t "~A " (< 8 (setsbsize)))
(format t "~A " (reason (lambda () (mkswap (make-array 9000)))))
(format t "~A " (reason (lambda () (setsbsize 1))))
(gc)
(limit "unlimited")
(setsbsize 8)
(format t "~A " (equal (all) (expected)))
(format t "~A ~A~%" (put :newer) (equal (all) (loop repeat 40 collect :newer)))
L
check "no room" "FULL T T FULL FULL T ALL T" "$(last --load full.lisp)"

# References that move while nothing can be written: they are kept in memory.
cat >moving.lisp <<'L'
(load "defs.lisp")
(defvar *junk* nil)
(defun junk (n) (setq *junk* (loop repeat n collect (vector 1 2 3))))
(defvar *a* nil)
(defun ok () (loop for x in *a* for i from 0 always (loop for k below 30 always (equal (aref x k) (list i k (format nil "~D" k))))))
(defvar *results* '())
(dotimes (round 4)
  (junk 20000)
  (gc)
  (setq *a* (loop for i below 60 collect (mkswap (coerce (loop for k below 30 collect (list i k (format nil "~D" k))) 'vector))))
  (gc) (gc)
  (sys::%swap-evict)
  (limit 4096)
  (setq *junk* nil)
  (dotimes (i 4) (gc) (junk (* i 300)))
  (push (verify-heap) *results*)
  (setsbsize 500)
  (push (ok) *results*)
  (limit "unlimited")
  (setsbsize 4)
  (push (ok) *results*))
(format t "~A~%" *results*)
L
for mode in "" move; do
    check "references that move while there is no room ($mode)" "(T T 0 T T 0 T T 0 T T 0)" "$(WINDFALL_TORTURE=$mode last --load moving.lisp)"
done

mkdir small
if mount -t tmpfs -o size=128k tmpfs small 2>/dev/null; then
    cat >disk.lisp <<'L'
(load "defs.lisp")
(defun mixed (i) (let ((v (make-array 500 :initial-element i))) (dotimes (k 490 v) (setf (aref v (+ 10 k)) (random 1000))))) ; a fifth as long when it is compressed
(defvar *a* (loop for i from 0 for x = (handler-case (mkswap (mixed i)) (shadow-space-exhausted () nil)) while x collect x))
(format t "~A ~A " (if (shadow-compression) (< 100 (length *a*) 250) (< 10 (length *a*) 40)) (loop for x in *a* for i from 0 always (eql (aref x 7) i)))
(format t "~A~%" (with-restart retry (let ((n 0)) (handler-bind ((swap-error (lambda (c) (declare (ignore c)) (incf n) (setq *a* (cddr *a*)) (gc)))) (mkswap (mixed 0)) n))))
L
    check "a full disk; room is made and it is tried again" "T T 1" "$(TMPDIR=small last --load disk.lisp)"
    umount small
else
    echo "skipped: a full disk (needs root)"
fi

# -- No file, or somebody else's --
swaps='(format t "~A ~A~%" (reason (lambda () (mkswap (vector 1)) :fine)) (reason (lambda () (mkswap (quote greet)) (funcall (greet 1) 2))))'
check "a folder" "FULL FULL" "$(last --load defs.lisp --shadow small --eval "$swaps")"
check "a device" "FULL FULL" "$(last --load defs.lisp --shadow /dev/full --eval "$swaps")"
mkfifo pipe
check "a pipe" "FULL FULL" "$(last --load defs.lisp --shadow pipe --eval "$swaps")"
printf 'my only copy' >text
check "a file of another kind" "FULL FULL" "$(last --load defs.lisp --shadow text --eval "$swaps")"
check "it is as it was" "my only copy" "$(cat text)"
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid 65534 --clear-groups"; else as=; fi
: >secret
chmod 0 secret
check "a file that may not be opened" "FULL FULL" "$(timeout 60 $as "$W" --no-init $SWAP_OPTIONS --load defs.lisp --shadow secret --eval "$swaps" --quit 2>&1 | tail -n 1)"
check "no file, then one" "FULL one 4 (A b 1.5d0)" \
    "$(TMPDIR=$T/none last --load defs.lisp --eval '(format t "~A " (reason (lambda () (mkswap (quote greet)))))' --eval "(run-program \"/bin/mkdir\" '(\"none\"))" \
        --eval "(mkswap 'greet)" --eval '(remove #\" (funcall (greet 1) 2))' --eval '(princ (remove #\" (funcall (greet 1) 2)))')"
printf '%s' "'$W' --no-init $SWAP_OPTIONS --shadow two --load defs.lisp --eval \"(princ (reason (lambda () (mkswap 'greet))))\" --quit >other 2>&1" >other.sh
check "a file in use by another process" "FULL one 4 (A \"b\" 1.5d0)" \
    "$(last --shadow two --load defs.lisp --eval "(mkswap 'greet)" --eval '(sys::%swap-evict)' --eval '(run-program "/bin/sh" (list "other.sh"))' --eval '(with-open-file (s "other") (princ (read-line s)))' \
        --eval '(progn (princ " ") (princ (funcall (greet 1) 2)))')"

# -- Kills: the file is of no use to another process, and the next one begins it anew --
cat >kill.py <<'P'
import os, random, signal, subprocess, sys, time
windfall, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(seed)
work = '''(progn (defvar *a* (loop for i below 30 collect (mkswap (make-array 500 :initial-element i)))) (setsbsize 8) (princ "READY") (finish-output)
  (loop for n from 0 do (dolist (x *a*) (setf (aref x (mod n 500)) n))))'''
check = '''(progn (defvar *a* (loop for i below 30 collect (mkswap (make-array 500 :initial-element i)))) (setsbsize 8)
  (prin1 (loop for x in *a* for i from 0 always (every (lambda (y) (eql y i)) x))))'''
bad = 0
for i in range(rounds):
    p = subprocess.Popen([windfall, "--no-init", *os.environ.get("SWAP_OPTIONS", "").split(), "--shadow", "killed", "--eval", work], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    p.stdout.read(5)
    time.sleep(rnd.random() * 0.03)
    p.kill()
    p.wait()
    r = subprocess.run([windfall, "--no-init", *os.environ.get("SWAP_OPTIONS", "").split(), "--shadow", "killed", "--eval", check, "--quit"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode or r.stdout != b"T": bad += 1; print(i, r)
print("bad", bad)
P
check "kills while arrays are written back (FAULT_SEED=$seed)" "bad 0" "$(timeout 300 python3 kill.py "$W" "$seed" "${FAULT_KILLS:-40}" | tail -n 1)"
check "deleted while it is in use" "one 4 (A \"b\" 1.5d0)" \
    "$(last --shadow gone --load defs.lisp --eval "(mkswap 'greet)" --eval '(delete-file "gone")' --eval '(progn (sys::%swap-evict) (princ (funcall (greet 1) 2)))')"

# -- The buffer --
check "no buffer" "(NO-BUFFER one 4 (A b 1.5d0) T)" \
    "$(last --load defs.lisp --eval "(mkswap 'greet)" --eval '(setsbsize 0)' --eval '(princ (list (reason (lambda () (greet 1))) (remove #\" (with-restart enlarge-buffer (funcall (greet 1) 2))) (plusp (setsbsize))))')"
check "a function that is too big" "(TOO-BIG 3000 T)" \
    "$(last --load defs.lisp --eval "(mkswap 'big)" --eval '(setsbsize 2)' --eval '(princ (list (reason (function big)) (length (with-restart enlarge-buffer (big))) (and (scodep (quote big)) (> (setsbsize) 2))))')"
check "made resident instead" "(3000 NIL 2)" \
    "$(last --load defs.lisp --eval "(mkswap 'big)" --eval '(setsbsize 2)' --eval '(princ (list (length (with-restart make-resident (big))) (scodep (quote big)) (setsbsize)))')"
check "SETSBSIZE in swapped code" "1064" "$(last --load defs.lisp --eval "(mkswap 'deep)" --eval '(princ (deep 1000))')"
check "SETSBSIZE in the handler of a fault" "(100 3000)" \
    "$(last --load defs.lisp --eval "(mkswap 'big)" --eval '(setsbsize 1)' --eval '(let ((n (length (handler-bind ((swap-error (lambda (c) (declare (ignore c)) (setsbsize 100) (invoke-restart (quote retry))))) (big))))) (princ (list (setsbsize) n)))')"
# Little address space: what is too much is refused, the rest goes on.
ldd "$W" | grep -q libasan || check "no memory for an array, for a buffer" "(FULL T FULL 64 2)" "$(ulimit -v 2000000; last --load defs.lisp --eval '(progn (defvar *v* (mkswap (vector 1 2 3)))
    (princ (list (reason (lambda () (mkswap (make-array 400000000 :element-type (quote (unsigned-byte 8)))))) (plusp (aref *v* 0)) (reason (lambda () (setsbsize 1000000))) (setsbsize) (aref *v* 1))))')"
cat >interrupt.lisp <<'L'
(load "defs.lisp")
(defvar *n* 0)
(defun busy (k) (let ((s 0)) (dotimes (i k s) (setq s (+ s (length (funcall (greet 1) 2)))))))
(mapc #'mkswap '(busy greet))
(handler-bind ((interactive-interrupt (lambda (c) (invoke-restart (find-restart 'continue c))))) ; for those that come while the handler below runs
(handler-bind ((interactive-interrupt (lambda (c) (incf *n*) (setsbsize (mod *n* 3)) (when (zerop (mod *n* 3)) (setsbsize 2)) (invoke-restart (find-restart 'continue c)))))
  (princ "READY") (finish-output)
  (loop with seen = 0 until (>= *n* 40)
        do (unless (= (busy 50) 950) (princ "WRONG"))
           (when (< seen *n*) (incf seen) (princ ".") (finish-output)))
  (princ " END") (finish-output)
  (read-line *standard-input* nil)))
L
cat >interrupt.py <<'P'
import os, random, select, signal, subprocess, sys
p = subprocess.Popen([sys.argv[1], "--no-init", *os.environ.get("SWAP_OPTIONS", "").split(), "--load", "interrupt.lisp", "--quit"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
out, sent = b"", 0
while b"END" not in out and p.poll() is None:
    if b"READY" in out and sent == out.count(b"."): # what interrupts a handler goes to the debugger
        p.send_signal(signal.SIGINT)
        sent += 1
    if select.select([p.stdout], [], [], random.random() * 0.01)[0]: out += p.stdout.read1(1000)
print((out + p.communicate(b"\n", timeout=60)[0]).decode().replace(".", "")[-300:])
P
check "SETSBSIZE in the handler of interrupts of swapped code" "READY END" "$(timeout 100 python3 interrupt.py "$W")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
