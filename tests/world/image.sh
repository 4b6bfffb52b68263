#!/bin/sh
# image.sh: images and executables: saved, started, relocated, damaged.  (damage.sh: killed while they are written, full disks.)
. "$(dirname "$0")/expect"

# -- A world with something of everything --
cat >world.lisp <<'E'
(defvar *eq* (make-hash-table :test 'eq)) (defvar *equal* (make-hash-table :test 'equal)) (defvar *weak* (make-hash-table :test 'eq :weakness :key))
(defvar *keys* (loop for i below 500 collect (list i)))
(dolist (k *keys*) (setf (gethash k *eq*) (car k) (gethash k *weak*) (car k) (gethash (format nil "~D" (car k)) *equal*) k))
(defclass point () ((x :initarg :x :accessor x)))
(defmethod size ((p point)) (* 2 (x p)))
(defgeneric size-of (x)) (defmethod size-of ((x integer)) 1) (defmethod size-of ((x point)) (size x))
(defvar *p* (make-instance 'point :x 21))
(defstruct place name)
(defvar *s* (make-place :name "Ωmega"))
(defvar *closure* (let ((n 0)) (lambda () (incf n)))) (funcall *closure*)
(defvar *special* :global)
(defvar *pointer* (ext:make-weak-pointer *s*))
(defvar *file* (open "world.lisp"))
(defvar *gone* nil)
(ext:terminate-when-unreachable (list 1 2 3) (lambda (x) (setq *gone* x)))
(defvar *kept* (list :finalized))
(ext:terminate-when-unreachable *kept* (lambda (x) (format t "finalized ~S~%" x)))
(defun check ()
  (list (loop for k in *keys* always (and (eql (gethash k *eq*) (car k)) (eql (gethash k *weak*) (car k)) (eq (gethash (format nil "~D" (car k)) *equal*) k)))
        (size-of *p*) (size-of 3) (place-name *s*) (funcall *closure*) *special* (eq (ext:weak-pointer-value *pointer*) *s*) (open-stream-p *file*)
        (typep *p* 'point) (expt 3 70) (symbol-plist 'marked) (hash-table-count *weak*)))
(setf (get 'marked 'colour) 'red)
E
checked='(T 42 1 "Ωmega" 2 :GLOBAL T NIL T 2503155504993241601315571986085849 (COLOUR RED) 500)'

expect save 0 '"w.wfi"' "$W" --load world.lisp --eval '(let ((*special* :bound)) (prin1 (namestring (ext:save-image "w.wfi"))))' --quit
expect reload 0 "$checked" "$W" --image w.wfi --eval '(prin1 (check))' --quit
expect reload-verified 0 "$checked" "$W" --verify-image --image=w.wfi --eval '(prin1 (check))' --quit
expect reload-collect 0 "$checked" "$W" --image w.wfi --eval '(progn (ext:gc) (ext:gc))' --eval '(prin1 (check))' --quit
expect finalizer-kept 0 'finalized (:FINALIZED)' "$W" --image w.wfi --eval '(setq *kept* nil)' --eval '(ext:gc)' --quit
expect save-again 0 "$checked" sh -c "'$W' --image w.wfi --eval '(ext:save-image \"w2.wfi\")' --quit; '$W' --image w2.wfi --eval '(prin1 (check))' --quit"
expect compile-after 0 "(1 4 9)" "$W" --image w.wfi --eval '(progn (defun square (x) (* x x)) (compile (quote square)) (prin1 (mapcar (quote square) (list 1 2 3))))' --quit
WINDFALL_TORTURE=move,verify expect torture 0 "$checked" "$W" --image w.wfi --eval '(dotimes (i 5) (ext:gc))' --eval '(prin1 (check))' --quit
expect goes-on 0 "5" "$W" --eval '(let ((x 2)) (ext:save-image "g.wfi") (princ (+ x 3)))' --quit
expect ends 0 "before" "$W" --eval '(progn (princ "before") (ext:save-application "g.wfi") (princ "after"))' --quit
expect cleanup-not-in-child 0 "x" "$W" --eval '(progn (with-open-file (o "kept.txt" :direction :output) (ext:save-image "g.wfi") (princ "x" o)) (princ (with-open-file (i "kept.txt") (read-line i))))' --quit
expect buffered-once 0 "abc" "$W" --eval '(progn (princ "abc") (ext:save-image "g.wfi"))' --quit
expect global-package 0 "COMMON-LISP-USER" "$W" --image g.wfi --eval '(princ (package-name *package*))' --quit

# -- Pure space and compiled files come along --
cat >unit.lisp <<'E'
(defun adder (n) (lambda (x) (+ x n)))
(defun unit-sum (list) (let ((s 0)) (dolist (x list s) (setq s (funcall (adder s) x)))))
(defvar *adder* (adder 5))
(defvar *deep* (lambda (a) (lambda (b) (lambda (c) (list a b c)))))
E
expect purified 0 "$checked" sh -c "'$W' --load world.lisp --eval '(progn (ext:purify) (ext:save-image \"pure.wfi\"))' --quit; '$W' --verify-image --image pure.wfi --eval '(prin1 (check))' --quit"
expect purify-after 0 "$checked" "$W" --image pure.wfi --eval '(progn (ext:purify) (ext:gc) (prin1 (check)))' --quit
"$W" --eval '(compile-file "unit.lisp")' --eval '(load (compile-file-pathname "unit.lisp"))' --eval '(ext:save-image "unit.wfi")' --quit >/dev/null
rm -f unit.wfu unit.lisp
expect unit 0 "(10 6 (1 2 3))" "$W" --image unit.wfi --eval '(progn (ext:gc) (prin1 (list (unit-sum (list 1 2 3 4)) (funcall *adder* 1) (funcall (funcall (funcall *deep* 1) 2) 3))))' --quit

# -- Hooks, applications --
cat >hooks.lisp <<'E'
(push (lambda () (princ "e1")) ext:*save-exit-functions*) (push (lambda () (princ "e2")) ext:*save-exit-functions*)
(push (lambda () (princ "r1")) ext:*restore-lisp-functions*) (push (lambda () (princ "r2")) ext:*restore-lisp-functions*)
(push (lambda () (princ "s1")) ext:*lisp-startup-functions*)
(defun main () (format t "~{[~A]~}" ext:*command-line-arguments*) (ext:quit 7))
(ext:save-image "h.wfi") (ext:save-application "h" :toplevel-function #'main :prepend-kernel t :mode #o644)
E
expect save-hooks 0 "e2e1e2e1" "$W" hooks.lisp
expect start-hooks 0 "r1r2s1x" "$W" --image h.wfi --eval '(princ "x")' --quit
expect arguments 7 "r1r2s1[a][--eval][--help]" ./h a --eval --help
expect mode 0 "755" stat -c %a h
expect plain-mode 0 "600" sh -c "'$W' --eval '(ext:save-image \"m.wfi\" :mode #o600)' --quit; stat -c %a m.wfi"
matches bad-hook 1 'Cannot save .*hook broke' "$W" --eval '(progn (push (lambda () (error "hook broke")) ext:*save-exit-functions*) (ext:save-image "bad.wfi"))' --quit
expect bad-hook-no-file 1 "" test -e bad.wfi
matches error-quit 1 'Unhandled.*oops' sh -c "'$W' --eval '(ext:save-application \"e\" :executable t :toplevel-function (lambda () (error \"oops\")))'; ./e"
matches error-quietly 1 '^\|?$' sh -c "'$W' --eval '(ext:save-application \"e\" :executable t :error-handler :quit-quietly :toplevel-function (lambda () (error \"oops\")))'; ./e"
echo '(princ "init")' >init.lisp
expect init-file 0 "initmain" sh -c "'$W' --eval '(ext:save-application \"e\" :executable t :init-file \"init.lisp\" :toplevel-function (lambda () (princ \"main\")))'; ./e"
expect application-class 0 "APP run" sh -c "'$W' --eval '(progn (defclass app (ext:application) ()) (defmethod ext:toplevel-function ((a app) init) (format t \"~A run\" (type-of ext:*application*))))' --eval '(ext:save-application \"e\" :executable t :application-class (quote app))'; ./e"
matches bad-class 1 'NO-SUCH' "$W" --eval '(ext:save-application "e2" :application-class (quote no-such))' --quit
expect prepend-file 0 "r1r2s1[z]" sh -c "'$W' --load hooks.lisp >/dev/null; '$W' --eval '(ext:save-image \"p\" :prepend-kernel \"h\" :mode #o755 :toplevel-function (lambda () (format t \"r1r2s1~{[~A]~}\" ext:*command-line-arguments*)))' --quit; ./p z"
expect one-image-only 0 "T" sh -c "[ \$(stat -c %s p) -lt \$((\$(stat -c %s h) + 100000)) ] && echo T"

# -- An executable needs libc and nothing else --
mkdir empty && cp h empty/ && (cd empty && expect empty-directory 7 "r1r2s1[q]" env -i ./h q; echo "$passed $failed" >../counts)
read -r passed failed <counts
if [ "$(id -u)" = 0 ]; then
    mkdir -p root && cp h root/
    ldd h | grep -o '/[^ ]*' | while read -r f; do mkdir -p "root$(dirname "$f")" && cp "$f" "root$f"; done
    expect libc-only 1 "" sh -c "ldd h | grep -vE 'libc\.so|libm\.so|ld-linux|linux-vdso|libasan|libubsan|libgcc|libstdc|libdl|librt|libpthread'"
    expect chroot 7 "r1r2s1[in]" env -i /usr/sbin/chroot root /h in
fi

# -- Compressed --
save_compressed() { "$W" --load world.lisp --eval "(ext:save-image \"$1\" :compression $2)" --quit; }
save_compressed z.wfi t && save_compressed z1.wfi 1 && save_compressed z19.wfi 19 && save_compressed zz.wfi t && save_compressed plain.wfi nil
for image in z z1 z19; do expect "compressed $image" 0 "$checked" "$W" --image $image.wfi --eval '(prin1 (check))' --quit; done
expect compressed-verified 0 "$checked" "$W" --verify-image --image z.wfi --eval '(progn (ext:gc) (prin1 (check)))' --quit
expect compressed-smaller 0 "T" sh -c 's() { stat -c %s $1.wfi; }; [ $(s z19) -lt $(s z1) ] && [ $(s z) -lt $(($(s plain) / 3)) ] && echo T'
expect compressed-reproducible 0 "" cmp z.wfi zz.wfi
expect compressed-pure 0 '(T T 0 T)' "$W" --image z.wfi --eval '(prin1 (list (plusp (ext:pure-bytes)) (ext:pure-p (function check)) (ext:verify-heap) (handler-case (setf (char (symbol-name (quote check)) 0) #\x) (ext:pure-memory-error () t))))' --quit
expect compressed-impurify 0 "$checked" "$W" --image z.wfi --eval '(progn (ext:impurify) (prin1 (check)))' --quit
expect compressed-default 0 "" sh -c "'$W' --load world.lisp --eval '(ext:save-image \"d.wfi\")' --quit; cmp d.wfi plain.wfi"
matches bad-level 1 'TYPE-ERROR|not of type' "$W" --eval '(ext:save-image "bad.wfi" :compression 20)' --quit
expect bad-levels 0 '(T T T)' "$W" --eval '(prin1 (mapcar (lambda (c) (handler-case (ext:save-image "bad.wfi" :compression c) (type-error () t))) (list 0 -1 :best)))' --quit
"$W" --load world.lisp --eval '(ext:save-application "hz" :executable t :compression t :toplevel-function (lambda () (prin1 (check))))'
expect compressed-executable 0 "$checked" env -i ./hz
if [ -d root ]; then
    cp hz h "$W" root/
    expect compressed-chroot 0 "$checked" env -i /usr/sbin/chroot root /hz
    matches compress-without-library 1 'Cannot save .*compression needs the library libzstd.so.1' env -i /usr/sbin/chroot root "/$(basename "$W")" --eval '(ext:save-image "/x" :compression t)' --quit
fi

# -- The same bytes for the same inputs --
cat >same.lisp <<'E'
(load "world.lisp")
(ext:save-image (first ext:*command-line-arguments*))
E
"$W" same.lisp one.wfi; (FOO=bar "$W" --heap-limit 900M same.lisp two.wfi extra arguments)
expect reproducible 0 "" cmp one.wfi two.wfi

# -- Addresses that are taken --
cat >taken.c <<'E'
#define _GNU_SOURCE
#include <sys/mman.h>
__attribute__((constructor)) static void take(void) { mmap((void *)0x200000000000, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0); }
E
cat >low.c <<'E'
#define _GNU_SOURCE
#include <sys/mman.h>
__attribute__((constructor)) static void take(void) { mmap((void *)0x10000000, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0); }
E
if cc -shared -fPIC -o taken.so taken.c 2>/dev/null && cc -shared -fPIC -o low.so low.c && ! ldd "$W" | grep -q libasan; then
    expect relocated 0 "$checked" env LD_PRELOAD=./taken.so "$W" --image w.wfi --eval '(prin1 (check))' --quit
    expect relocated-collect 0 "$checked" env LD_PRELOAD=./taken.so WINDFALL_TORTURE=move,verify "$W" --image w.wfi --eval '(ext:gc)' --eval '(prin1 (check))' --quit
    env LD_PRELOAD=./taken.so "$W" same.lisp elsewhere.wfi
    expect saved-elsewhere 0 "$checked" "$W" --verify-image --image elsewhere.wfi --eval '(prin1 (check))' --quit
    expect compressed-relocated 0 "$checked" env LD_PRELOAD=./taken.so "$W" --image z.wfi --eval '(prin1 (check))' --quit
    expect static-taken 2 "" env LD_PRELOAD=./low.so "$W" --eval 1 --quit
fi

# -- What is refused --
matches no-file 2 'no-such.wfi: No such file' "$W" --image no-such.wfi
matches no-image 2 'no image' "$W" --image world.lisp
"$W" --eval '(progn (defvar *big* (make-array 1000000)) (ext:save-image "big.wfi"))' --quit
matches small-heap 2 'heap may have' "$W" --heap-limit 4M --image big.wfi
expect large-object 0 "1000000" "$W" --image big.wfi --eval '(princ (length *big*))' --quit
matches directory 2 '/: .*' "$W" --image /

# -- Damage: flipped bits, truncations; never a crash --
cat >damage.py <<'E'
import random, subprocess, sys
windfall, seed, rounds, original, options = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:]
rnd = random.Random(seed)
image = open(original, "rb").read()
good = subprocess.run([windfall, "--image", original, "--eval", "(prin1 (check))", "--quit"], stdout=subprocess.PIPE).stdout
bad = 0
for i in range(rounds):
    data = bytearray(image)
    kind = rnd.randrange(4)
    if kind == 0: data = data[:rnd.randrange(len(data))]
    elif kind == 1: data[rnd.randrange(4096)] ^= 1 << rnd.randrange(8)
    elif kind == 2: data[-1 - rnd.randrange(64)] ^= 1 << rnd.randrange(8)
    else:
        for _ in range(rnd.randrange(1, 4)): data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
    open("d.wfi", "wb").write(data)
    p = subprocess.run([windfall] + options + ["--image", "d.wfi", "--eval", "(prin1 (check))", "--quit"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    refused = p.returncode == 2 and p.stderr.startswith(b"windfall: d.wfi: ") and p.stderr.count(b"\n") == 1
    if not refused and not (p.returncode == 0 and p.stdout == good):
        bad += 1
        print("damage", i, "kind", kind, "status", p.returncode, p.stdout[:100], p.stderr[:200])
print("bad", bad)
E
seed=${IMAGE_SEED:-$(date +%s)}
matches "damage (IMAGE_SEED=$seed)" 0 'bad 0\|$' python3 damage.py "$W" "$seed" "${IMAGE_ROUNDS:-400}" w.wfi --verify-image
matches "damage, compressed (IMAGE_SEED=$seed)" 0 'bad 0\|$' python3 damage.py "$W" "$seed" "${IMAGE_ROUNDS:-400}" z.wfi

matches no-directory 0 'CAUGHT' "$W" --eval '(handler-case (ext:save-image "no/such/dir") (file-error () (princ "CAUGHT")))' --quit
expect no-leavings 1 "" sh -c 'ls | grep "\.tmp$"'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
