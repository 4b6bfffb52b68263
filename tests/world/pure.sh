#!/bin/sh
# pure.sh: pure space in images: mapped read-only from the file and shared, taken back, made anew, saved again and again, relocated when its place is taken.
W=$(realpath "${WINDFALL:-build/windfall}")
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export HOME="$T"
cd "$T" || exit 1
passed=0
failed=0

# expect NAME OUTPUT COMMAND...   status 0, and standard output must be this
expect() {
    name=$1 output=$2
    shift 2
    got=$(timeout 60 "$@" </dev/null 2>"$T/err")
    code=$?
    if [ "$code" = 0 ] && [ "$got" = "$output" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok $name: status $code, output: $got, expected: $output, errors: $(cat "$T/err")"
    fi
}
# ./run IMAGE FORM...   evaluates the forms in the image ("": the system's own); ./start the same without reading all of the file first
cat >run <<'E'
#!/bin/sh
image=$1
shift
for form; do set -- "$@" --eval "$form"; shift; done
[ -n "$image" ] && set -- --image "$image" "$@"
[ "${0##*/}" = run ] && set -- --verify-image "$@"
exec "$W" "$@" --no-init --quit
E
chmod +x run && ln run start
export W

cat >look.lisp <<'E'
(in-package "CL-USER")
(defun lines (start file)
  "The lines of the file from the one that begins with START on, up to the next mapping."
  (with-open-file (in file)
    (loop for line = (read-line in nil) while line
          when (and (> (length line) (length start)) (string= start line :end2 (length start)))
            return (cons line (loop for next = (read-line in nil) while (and next (upper-case-p (char next 0))) collect next)))))
(defun pure-mapping ()
  "Permissions of the mapping at the beginning of pure space, whether a file is mapped there, and the kilobytes of it that are this process's own."
  (let* ((all (lines "20000000-" "/proc/self/smaps")) (line (first all)))
    (list (subseq line (1+ (position #\Space line)) (+ 5 (position #\Space line))) (and (position #\/ line) t)
          (loop for next in (rest all) when (search "Anonymous:" next) return (parse-integer next :start 10 :junk-allowed t)))))
(defun pure () (list (plusp (ext:pure-bytes)) (ext:pure-p #'lines) (ext:pure-p (symbol-name 'lines)) (ext:pure-p (documentation 'lines 'function))))
E

# -- The system's own image --
expect system "(T T T)" ./run "" '(prin1 (list (plusp (ext:pure-bytes)) (ext:pure-p (function mapcar)) (ext:pure-p (symbol-name (quote mapcar)))))'
expect system-mapping '("r--p" T 0)' ./run "" '(load "look.lisp")' '(ext:gc)' '(prin1 (pure-mapping))'
expect system-garbage "0" ./run "" '(prin1 (ext:pure-garbage))'
expect system-out "(0 (1 2 3) 0)" ./run "" '(ext:impurify)' '(prin1 (list (ext:pure-bytes) (sort (list 3 1 2) (function <)) (ext:verify-heap)))'
expect system-out-in '(T (1 2 3) 0)' ./run "" '(ext:impurify)' '(ext:purify)' '(prin1 (list (plusp (ext:pure-bytes)) (sort (list 3 1 2) (function <)) (ext:verify-heap)))'

# -- The keywords --
save() { "$W" --load look.lisp --eval "(ext:save-image \"$1.wfi\" $2)" --quit --no-init; }
save default "" && save purified ":purify t" && save impurified ":impurify t" && save anew ":impurify t :purify t" && save neither ":purify nil"
expect default "(T T T T)" ./run default.wfi '(prin1 (pure))'
expect default-is-purify "" cmp default.wfi purified.wfi
expect default-mapping '("r--p" T 0)' ./start default.wfi '(ext:gc)' '(prin1 (pure-mapping))'
expect application "(T T T T)" sh -c "'$W' --load look.lisp --eval '(ext:save-application \"a\" :executable t :toplevel-function (lambda () (prin1 (pure))))' && ./a"
expect impurify "(NIL NIL NIL NIL)" ./run impurified.wfi '(prin1 (pure))'
expect impurify-no-section NIL ./start impurified.wfi '(prin1 (lines "20000000-" "/proc/self/smaps"))'
expect anew "(T T T T)" ./run anew.wfi '(prin1 (pure))'
expect neither "(T NIL NIL NIL)" ./run neither.wfi '(prin1 (pure))'
expect neither-old "T" ./run neither.wfi '(prin1 (ext:pure-p (function mapcar)))'
expect impurified-purifies "((T T T T) 0)" ./run impurified.wfi '(ext:purify)' '(prin1 (list (pure) (ext:verify-heap)))'

# -- A started image is like the running system --
expect gone-none "0" ./run default.wfi '(prin1 (ext:pure-garbage))'
expect redefined "(:NEW T (T T) T)" ./run default.wfi '(defun pure () :new)' \
    '(let ((garbage (ext:pure-garbage)) (all (ext:pure-bytes))) (prin1 (list (pure) (plusp garbage) (multiple-value-bind (back gone) (ext:impurify) (list (= gone garbage) (= (+ back gone) all))) (zerop (ext:pure-bytes)))))'
expect room "T" ./run default.wfi '(prin1 (and (search "pure space" (with-output-to-string (*standard-output*) (room))) t))'
expect write '"PURE-MAPPING"' ./run default.wfi '(handler-case (setf (char (symbol-name (quote pure-mapping)) 0) #\x) (ext:pure-memory-error (c) (prin1 (ext:pure-memory-error-object c))))'
expect write-literal '"An attempt to change \"literal\", which lies in pure space (read-only; see WINDFALL:IMPURIFY)."' \
    sh -c "'$W' --eval '(defun f () \"literal\")' --eval '(ext:save-image \"l.wfi\")' --quit; '$W' --image l.wfi --eval '(handler-case (setf (char (f) 0) #\\x) (error (c) (prin1 (let ((*package* (find-package \"KEYWORD\"))) (princ-to-string c)))))' --quit"
expect write-after-impurify '"Literal"' ./run l.wfi '(ext:impurify)' '(progn (setf (char (f) 0) #\L) (prin1 (f)))'
WINDFALL_TORTURE=gc,move,verify expect torture "((T T T T) 0)" ./start default.wfi '(ext:gc)' '(prin1 (list (pure) (ext:verify-heap)))'
WINDFALL_TORTURE=move,verify expect torture-out "((NIL NIL NIL NIL) (T T T T))" ./start default.wfi '(ext:impurify)' '(prin1 (list (pure) (progn (ext:purify) (pure))))'

# -- Generations: the saved image starts, adds and redefines, and saves itself --
generations() { # DIRECTORY KEYWORDS
    mkdir -p "$1"
    ./run "" '(load "look.lisp")' '(defun first-one () (list 1 "one"))' '(defun changing () "1")' "(ext:save-image \"$1/1\" $2)"
    ./run "$1/1" '(defun second-one () (list* 2 "two" (first-one)))' '(defun changing () "22")' "(ext:save-image \"$1/2\" $2)"
    ./run "$1/2" '(defun third-one () (list* 3 "three" (second-one)))' '(defun changing () "333")' "(ext:save-image \"$1/3\" $2)"
    ./run "$1/3" "(ext:save-image \"$1/4\" $2)"
}
generations g "" && generations h "" && generations anew ":impurify t :purify t" && generations out ":impurify t"
answer='((3 "three" 2 "two" 1 "one") "333" T 0)'
form='(prin1 (list (third-one) (changing) (equal (multiple-value-list (ext:impurify)) (list 0 0)) (ext:verify-heap)))'
kept='(prin1 (list (third-one) (changing) (and (ext:pure-p (function first-one)) (ext:pure-p (function second-one)) (ext:pure-p (function third-one)) (pure) t) (ext:verify-heap)))'
expect third "$answer" ./run g/3 "$kept"
expect fourth "$answer" ./run g/4 "$kept"
expect third-anew "$answer" ./run anew/3 "$kept"
expect third-out "$answer" ./run out/3 "$form"
expect third-mapping '("r--p" T 0)' ./start g/4 '(prin1 (pure-mapping))'
expect obsolete-kept "T" ./run g/3 '(prin1 (plusp (ext:pure-garbage)))'
expect obsolete-gone "0" ./run anew/3 '(prin1 (ext:pure-garbage))'
expect third-impurify "$answer" ./run g/3 '(ext:impurify)' "$form"
for n in 1 2 3 4; do expect "reproducible $n" "" cmp g/$n h/$n; done
expect nothing-new "" cmp g/3 g/4

# -- Code of compiled files --
for n in one two three; do echo "(defun unit-$n (x) (labels ((f (y) (list x y \"$n\"))) #'f)) (defvar *$n* (unit-$n 5)) (defun name-$n () '$n)" >$n.lisp; done
./run "" '(dolist (f (list "one" "two" "three")) (compile-file f))' >/dev/null 2>&1
rm -f one.lisp two.lisp three.lisp
load='(dolist (f (list "one" "two" "three")) (load (concatenate (quote string) f ".wfu")))'
for name in a b; do ./run "" "$load" "(ext:save-image \"unit-$name.wfi\")" '(unless (= 3 (length (ext:units))) (princ "units are gone"))'; done
./run "" "$load" '(ext:save-image "unit-plain.wfi" :purify nil)' '(ext:save-image "unit-out.wfi" :impurify t)'
expect units-reproducible "" cmp unit-a.wfi unit-b.wfi
rm -f ./*.wfu
called='((1 2 "one") (5 6 "three") TWO 0 0)'
call='(prin1 (list (funcall (unit-one 1) 2) (funcall *three* 6) (name-two) (length (ext:units)) (ext:verify-heap)))'
for image in a plain out; do expect "units $image" "$called" ./run unit-$image.wfi "$call"; done
expect units-pure "(T T T T)" ./run unit-a.wfi '(prin1 (list (ext:pure-p (function unit-one)) (ext:pure-p *two*) (ext:pure-p (symbol-name (quote name-two))) (ext:pure-p (third (funcall *two* 1)))))'
expect units-impurify "$called" ./run unit-a.wfi '(ext:impurify)' "$call"
expect units-not-pure "NIL" ./run unit-out.wfi '(prin1 (ext:pure-p (function unit-one)))'

# -- The preferred address is taken --
for place in 0x20000000 0x5ffff000 0x200000000000; do
    printf '#define _GNU_SOURCE\n#include <sys/mman.h>\n__attribute__((constructor)) static void take(void) { mmap((void *)%s, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0); }\n' $place >take.c
    ! ldd "$W" | grep -q libasan && cc -shared -fPIC -o "take-$place.so" take.c 2>/dev/null
done
elsewhere='(let ((line (lines "20000000-" "/proc/self/maps"))) (and line (search "windfall" (first line))))'
cat >tables.lisp <<'E'
(defvar *table* (make-hash-table :test 'eq))
(do-external-symbols (s "CL") (setf (gethash (symbol-name s) *table*) s))
(defun found () (let ((n 0)) (do-external-symbols (s "CL" n) (when (eq s (gethash (symbol-name s) *table*)) (incf n)))))
E
./run "" '(load "look.lisp")' '(load "tables.lisp")' '(ext:save-image "tables.wfi")'
for place in 0x20000000 0x5ffff000 0x200000000000; do
    so=$T/take-$place.so
    [ -f "$so" ] || continue
    expect "taken $place" "((T T T T) 978 0)" env LD_PRELOAD="$so" "$W" --image tables.wfi --eval '(prin1 (list (pure) (found) (ext:verify-heap)))' --quit
    expect "taken $place, in and out" "(978 0 T 978 0)" env LD_PRELOAD="$so" "$W" --image tables.wfi --eval '(prin1 (list (progn (ext:impurify) (found)) (ext:pure-bytes) (plusp (ext:purify)) (found) (ext:verify-heap)))' --quit
    WINDFALL_TORTURE=move,verify expect "taken $place, torture" "((T T T T) 978 0)" env LD_PRELOAD="$so" "$W" --image tables.wfi --eval '(ext:gc)' --eval '(prin1 (list (pure) (found) (ext:verify-heap)))' --quit
    env LD_PRELOAD="$so" "$W" --image tables.wfi --eval '(defun more () "more")' --eval '(ext:save-image "elsewhere.wfi")' --quit
    expect "saved elsewhere $place" '((T T T T) "more" 978 0 T)' ./run elsewhere.wfi '(prin1 (list (pure) (more) (found) (ext:verify-heap) (ext:pure-p (function more))))'
    expect "saved elsewhere $place, mapping" '("r--p" T 0)' ./start elsewhere.wfi '(prin1 (pure-mapping))'
done
[ -f take-0x20000000.so ] && expect elsewhere NIL env LD_PRELOAD="$T/take-0x20000000.so" "$W" --load look.lisp --eval "(prin1 $elsewhere)" --quit

# -- Where address space is short: what is not needed is not reserved --
ldd "$W" | grep -q libasan || expect address-space "(T T T)" sh -c "ulimit -v 2000000; '$W' --load look.lisp --eval '(progn (ext:purify) (prin1 (list (ext:pure-p (function lines)) (progn (ext:impurify) (zerop (ext:pure-bytes))) (plusp (ext:purify)))))' --quit"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
