#!/bin/sh
# damage.sh: what comes from a file, and what goes to one, when things go wrong: damaged units, kills while files are written, full disks, files that are
# something else, units that are written over while they run.  (Damaged images: image.sh, and tests/c/image.c.)
#
#   DAMAGE_SEED, DAMAGE_ROUNDS, DAMAGE_KILLS   of the random parts
W=$(realpath "${WINDFALL:-build/windfall}")
here=$(realpath "$(dirname "$0")")
T=$(mktemp -d)
trap 'umount "$T/full" 2>/dev/null; rm -rf "$T"' EXIT
chmod 755 "$T"
export HOME="$T"
cd "$T" || exit 1
seed=${DAMAGE_SEED:-$(date +%s)}
passed=0
failed=0

ok() { passed=$((passed + 1)); }
not_ok() { failed=$((failed + 1)); echo "not ok $1"; printf '%s\n' "$2" | sed 's/^/    /'; }
# matches NAME STATUS PATTERN COMMAND... output and error output together must match, lines joined by |
matches() {
    name=$1 status=$2 pattern=$3
    shift 3
    got=$(timeout 300 "$@" 2>&1 </dev/null)
    code=$?
    [ -z "$DAMAGE_SHOW" ] || printf "%s: %s\n" "$name" "$(printf "%s" "$got" | tail -n 2)"
    if [ "$code" = "$status" ] && printf '%s\n' "$got" | tr '\n' '|' | grep -Eq -- "$pattern"; then ok; else not_ok "$name" "status $code, output: $(printf '%s\n' "$got" | tail -n 12)"; fi
}
# file_error NAME PATTERN FORM   the form signals a FILE-ERROR whose text matches
file_error() { matches "$1" 0 "^FILE-ERROR: .*$2" "$W" --eval "(handler-case (print $3) (file-error (c) (format t \"FILE-ERROR: ~A~%\" c)))" --quit; }
# same NAME FILE OLD   the file has these contents still, and nothing temporary lies beside it
same() { if [ "$(cat "$2")" = "$3" ] && ! ls "$(dirname "$2")" | grep -q '\.tmp$'; then ok; else not_ok "$1" "$(ls -l "$(dirname "$2")")"; fi; }

# -- Damaged units --
cat >sample.lisp <<'X'
(defpackage "SAMPLE" (:use "CL") (:export "SHAPE"))
(defstruct shape (name 'sample:shape) (sides #(1 2 3 4)))
(defgeneric area (x))
(defmethod area ((x shape)) (reduce #'+ (shape-sides x)))
(defparameter *table* (let ((h (make-hash-table :test 'equal))) (setf (gethash "a" h) '(1 2.5d0 #c(1 2) 123456789012345678901234567890 #\Ω . x)) h))
(defun adder (n) (let ((count 0)) (lambda (x) (setq count (+ count n)) (+ count x))))
(defun sample (n &key (from 1))
  "Some of everything."
  (let ((add (adder from)) (list '()))
    (flet ((note (x) (push x list)))
      (dotimes (i n) (note (funcall add i)))
      (note (area (make-shape)))
      (note (gethash "a" *table*))
      (note (catch 'out (unwind-protect (block nil (mapc (lambda (x) (when (eql x 3) (return x))) '(1 2 3)) (throw 'out 1)) (note :clean))))
      (note (let ((x 1.5d0)) (declare (double-float x)) (* x (+ x n))))
      (nreverse list))))
X
"$W" --eval '(compile-file "sample.lisp")' --quit >compile.log 2>&1 || not_ok sample "$(cat compile.log)"
matches "damaged units (DAMAGE_SEED=$seed)" 0 'refused [0-9]+ of [0-9]+\|bad 0\|$' "$W" "$here/damage.lisp" "$seed" "${DAMAGE_ROUNDS:-2000}"

# -- Kills: the old file or the new one, and no leavings after the next --
cat >kill.py <<'X'
import os, random, signal, subprocess, sys, time
windfall, seed, rounds, what = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
rnd = random.Random(seed)
null = subprocess.DEVNULL
if what == "unit":
    target = "killed.wfu"
    source = "(defun version () {0})\n" + "".join(f"(defun f{k} (x) (list x {k} \"text {k}\" (lambda (y) (+ x y {k}))))\n" for k in range(500))
    def prepare(i): open(f"killed-{i}.lisp", "w").write(source.format(i))
    def form(i): return f'(compile-file "killed-{i}.lisp" :output-file "killed.wfu")'
    check = [windfall, "--load", "killed.wfu", "--eval", "(prin1 (version))", "--quit"]
else:
    target = "killed.wfi"
    def prepare(i): pass
    def form(i): return f'(progn (defvar *v* {i}) (ext:save-application "killed.wfi"))'
    check = [windfall, "--verify-image", "--image", "killed.wfi", "--eval", "(prin1 *v*)", "--quit"]
def start(i):
    prepare(i)
    p = subprocess.Popen([windfall, "--no-init", "--eval", "(progn (write-char #\\.) (finish-output))", "--eval", form(i), "--quit"],
                         start_new_session=True, stdin=null, stdout=subprocess.PIPE, stderr=null)
    p.stdout.read(1)
    return p
def finish(i):
    p = start(i)
    p.stdout.read()
    return p.wait()
def leavings(): return [f for f in os.listdir(".") if f.startswith(target + ".") and f.endswith(".tmp")]
finish(-1)
began = time.monotonic()
for i in range(3): finish(-1)
takes = (time.monotonic() - began) / 3
bad = new = left = 0
last = -1
for i in range(rounds):
    p = start(i)
    time.sleep(rnd.random() ** 1.5 * takes)
    if rnd.random() < 0.5: p.kill()
    try: os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError: pass
    p.stdout.read()
    p.wait()
    left += len(leavings()) > 0
    r = subprocess.run(check, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=null)
    got = r.stdout.decode()
    if r.returncode or got not in (str(i), str(last)): bad += 1; print(i, last, r.returncode, got, r.stderr[:300])
    if got == str(i): new += 1
    last = int(got) if got else last
    if what == "unit": os.unlink(f"killed-{i}.lisp")
if finish(rounds) or leavings(): bad += 1; print("leavings", leavings())
print(what, "new", new, "left", left, "of", rounds, "bad", bad)
X
kills=${DAMAGE_KILLS:-200}
matches "kills of COMPILE-FILE (DAMAGE_SEED=$seed)" 0 'bad 0\|$' python3 kill.py "$W" "$seed" "$kills" unit
matches "kills of SAVE-APPLICATION (DAMAGE_SEED=$seed)" 0 'bad 0\|$' python3 kill.py "$W" "$seed" "$kills" image
: >x.wfi.99999.tmp
matches left-behind 0 '^\|?$' "$W" --eval '(ext:save-image "x.wfi")' --quit
[ ! -e x.wfi.99999.tmp ] && ok || not_ok left-behind "$(ls)"
: >y.wfi.99998.tmp
flock y.wfi.99998.tmp -c "'$W' --eval '(ext:save-image \"y.wfi\")' --quit"
[ -e y.wfi.99998.tmp ] && ok || not_ok left-in-use "$(ls)"
rm -f y.wfi.99998.tmp

# -- No room --
writers='compile-file save-image save-application'
form_of() {
    case $1 in
    compile-file) echo "(compile-file \"sample.lisp\" :output-file \"$2\")" ;;
    save-image) echo "(ext:save-image \"$2\")" ;;
    save-application) echo "(ext:save-application \"$2\" :executable t)" ;;
    esac
}
mkdir few full
for w in $writers; do
    echo old >few/a.x
    matches "$w-file-size-limit" 0 'FILE-ERROR: .*File too large' bash -c "ulimit -f 1; '$W' --eval '(handler-case $(form_of $w few/a.x) (file-error (c) (format t \"FILE-ERROR: ~A~%\" c)))' --quit | cat"
    same "$w-file-size-limit-old" few/a.x old
done
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=64k none full 2>/dev/null; then
    head -c 58000 /dev/zero >full/filling
    for w in $writers; do
        echo old >full/a.x
        file_error "$w-disk-full" 'No space left' "$(form_of $w full/a.x)"
        same "$w-disk-full-old" full/a.x old
    done
    umount full
else
    echo "damage.sh: not root, or no mount: the full disk is not tested, only the limit of a file's size"
fi

# -- What is something else --
mkdir dir dir.wfu dir.wfi
: >empty.wfu
head -c 5000 /dev/zero >zeros.wfu
printf '(princ 1)' >text.wfu
cp zeros.wfu zeros.wfi
: >empty.wfi
mknod device.x p 2>/dev/null || mkfifo device.x
for w in $writers; do
    file_error "$w-to-directory" 'directory' "$(form_of $w dir.wfu)"
    file_error "$w-to-no-directory" 'No such file' "$(form_of $w no/such/a.x)"
    file_error "$w-to-device" 'Invalid argument' "$(form_of $w device.x)"
    file_error "$w-long-name" 'name too long' "$(form_of $w "$(printf 'n%.0s' $(seq 300)).x")"
done
[ -p device.x ] && ok || not_ok device "$(ls -l device.x)"
for f in empty.wfu zeros.wfu text.wfu; do file_error "load-$f" "$f cannot be loaded: it is no unit" "(load \"$f\")"; done
for f in dir dir.wfu; do file_error "load-$f" 'directory' "(load \"$f\")"; done
file_error load-missing 'No such file' '(load "missing.wfu")'
file_error compile-directory 'directory' '(compile-file "dir")'
for f in empty.wfi zeros.wfi; do matches "image-$f" 2 "^windfall: $f: it is no image" "$W" --image $f; done
matches image-directory 2 '^windfall: dir.wfi: Is a directory' "$W" --image dir.wfi
"$W" --eval '(ext:save-image "n.wfi")' --quit
mkdir locked
echo old >locked/a.x
cp sample.wfu locked/secret.wfu
cp n.wfi locked/secret.wfi
chmod 600 locked/secret.*
chmod 755 locked
nobody=''
[ "$(id -u)" = 0 ] && nobody='setpriv --reuid 65534 --regid 65534 --clear-groups' # root may do everything
[ "$(id -u)" = 0 ] || chmod 000 locked/secret.*
[ "$(id -u)" = 0 ] || chmod 555 locked
cp "$W" windfall-here 2>/dev/null && chmod 755 windfall-here
if $nobody ./windfall-here --no-init --eval '(princ 1)' --quit >/dev/null 2>&1; then
    for w in $writers; do
        matches "$w-read-only-directory" 0 'FILE-ERROR: .*Permission denied' $nobody ./windfall-here --no-init --eval "(handler-case $(form_of $w locked/a.x) (file-error (c) (format t \"FILE-ERROR: ~A~%\" c)))" --quit
        same "$w-read-only-directory-old" locked/a.x old
    done
    matches unreadable-unit 0 'FILE-ERROR: .*Permission denied' $nobody ./windfall-here --no-init --eval '(handler-case (load "locked/secret.wfu") (file-error (c) (format t "FILE-ERROR: ~A~%" c)))' --quit
    matches unreadable-image 2 'locked/secret.wfi: Permission denied' $nobody ./windfall-here --image locked/secret.wfi
else
    echo "damage.sh: no way to be another user: read-only directories and unreadable files are not tested"
fi
chmod 755 locked

# -- A unit that somebody writes to, cuts off or removes while it is loaded: it goes on as it was --
cat >used.lisp <<'X'
(defmacro define-many (n)
  `(progn ,@(loop for i below n collect `(defun ,(intern (format nil "MANY-~D" i)) (x) (list ,(format nil "text ~D" i) (lambda (y) (+ x y ,i)))))))
(define-many 500)
(defun all ()
  (let ((sum 0)) (dotimes (i 500 sum) (incf sum (funcall (second (funcall (intern (format nil "MANY-~D" i)) i)) 1)))))
X
"$W" --eval '(compile-file "used.lisp" :output-file "kept.wfu")' --quit >/dev/null 2>&1
# overwritten NAME COMMAND [FORM]   loads the unit (after FORM), has the shell change the file, and uses the unit
overwritten() {
    cp kept.wfu used.wfu
    matches "$1" 0 '^250000 0 250000\|$' "$W" --no-init --eval "${3:-nil}" --eval '(load "used.wfu")' --eval "(format t \"~D ~D \" (all) (ext:run-program \"sh\" '(\"-c\" \"$2\")))" \
        --eval '(progn (ext:gc) (format t "~D~%" (all)))' --quit
}
overwritten cut-off 'head -c 100 kept.wfu >used.wfu'
overwritten cut-to-nothing ': >used.wfu'
overwritten copied-over 'cp sample.wfu used.wfu'
overwritten zeros-over 'dd if=/dev/zero of=used.wfu bs=1000 count=100 conv=notrunc 2>/dev/null'
overwritten removed 'rm used.wfu'
overwritten renamed-over 'cp sample.wfu z.wfu; mv z.wfu used.wfu'
overwritten while-it-was-open-for-writing 'truncate -s 100 used.wfu' '(defvar *o* (open "used.wfu" :direction :io :if-exists :overwrite))'
overwritten many-units 'truncate -s 100 used.wfu' "(defvar *kept* (loop for i below 300 do (load \"sample.wfu\") collect #'sample))"
"$W" --eval '(ext:save-image "cut.wfi")' --quit
matches image-cut-off 2 'windfall: .*cut off' "$W" --image cut.wfi --eval '(progn (ext:run-program "truncate" (list "-s" "8192" "cut.wfi")) (ext:gc) (dotimes (i 3) (do-all-symbols (s) (symbol-name s))) (ext:gc))' --quit

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
