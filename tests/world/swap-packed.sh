#!/bin/sh
# swap-packed.sh: compressed shadow space: the tests of images, options and faults once more with it, and what is its own: that files are smaller, that
# images with compressed blocks are used in place, verified and the same each time, and what there is without the library that compresses.
cd "$(dirname "$0")/../.." || exit 2
W=$(realpath "${WINDFALL:-build/windfall}")
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
passed=0 failed=0
check() { # name, expected, got
    if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf '%s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    fi
}
run() { timeout 100 "$W" --no-init "$@" --quit 2>&1 </dev/null; }
last() { run "$@" | tail -n 1; }
size() { stat -c %s "$1"; }

# The other scripts; faults with arrays enough beforehand for a dictionary.
echo '(ignore-errors (dotimes (i 400) (mkswap (map-into (make-array 60) (lambda () (random 1000)))))) (gc)' >"$D/warm.lisp"
chmod 755 "$D"
for script in swap "swap-faults --load $D/warm.lisp"; do
    options=${script#* }
    [ "$options" = "$script" ] && options=
    script=${script%% *}
    SWAP_OPTIONS="--shadow-compression zstd $options" FAULT_ROUNDS=${FAULT_ROUNDS:-200} FAULT_KILLS=${FAULT_KILLS:-20} sh "tests/world/$script.sh" >"$D/out" 2>&1
    # shellcheck disable=SC2046 # two words
    set -- $(tail -n 1 "$D/out" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1}))
    [ "${2:-1}" = 0 ] || cat "$D/out"
done

# The whole library swapped: what is stored, what is saved.
cat >"$D/work.lisp" <<'L'
(defun work ()
  (let ((h (make-hash-table :test 'equal)))
    (dotimes (i 300) (setf (gethash (format nil "~R" i) h) (list i (* i i))))
    (format t "~A ~S ~A~%" (hash-table-count h) (gethash "two hundred one" h) (eval '(let ((x 3)) (funcall (compile nil `(lambda (y) (+ ,x y))) 4))))))
(defun all () (sys::%swap-everything) (gc))
(defun part () (let ((s (swap-statistics))) (< (* 2 (getf s :stored)) (getf s :bytes))))
(defun packed () (let ((s (swap-statistics))) (list (= (getf s :packed) (getf s :arrays)) (part))))
L
want='300 (201 40401) 7'
check "it is off" "NIL 0" "$(last --load "$D/work.lisp" --eval '(all)' --eval '(format t "~S ~D~%" (shadow-compression) (getf (swap-statistics) :packed))')"
check "stored in less than half" "3 (T T)" "$(last --shadow-compression zstd --load "$D/work.lisp" --eval '(all)' --eval '(format t "~S ~S~%" (shadow-compression) (packed))')"
check "asked for in Lisp, later" "NIL (T T)" "$(last --load "$D/work.lisp" --eval '(let ((before (getf (swap-statistics) :packed))) (setf (shadow-compression) 9) (all) (format t "~S ~S~%" (plusp before) (packed)))')"
check "set to none again" "0 0" "$(last --shadow-compression zstd --load "$D/work.lisp" --eval '(setf (shadow-compression) nil)' --eval '(all)' --eval '(format t "~D ~D~%" (getf (swap-statistics) :packed) (- (getf (swap-statistics) :bytes) (getf (swap-statistics) :stored)))')"
check "no such level" "TYPE-ERROR" "$(last --eval '(princ (handler-case (setf (shadow-compression) 20) (error (c) (type-of c))))')"
check "no such option" "2" "$(run --shadow-compression gzip >/dev/null; echo $?)"
check "it runs in a small buffer" "$want" "$(last --shadow-compression zstd --load "$D/work.lisp" --eval '(all)' --eval '(setsbsize 8)' --eval '(work)')"
check "collections move what is compressed" "$want 0" \
    "$(WINDFALL_TORTURE=move run --shadow-compression zstd --load "$D/work.lisp" --eval '(all)' --eval '(setsbsize 8)' --eval '(dotimes (i 4) (make-list 5000) (gc))' --eval '(work)' --eval '(prin1 (verify-heap))' | tail -n 2 | tr '\n' ' ' | sed 's/ $//')"

for kind in none zstd; do
    run --shadow-compression $kind --load "$D/work.lisp" --eval '(all)' --eval "(save-image \"$D/$kind.image\")" >/dev/null
    run --shadow-compression $kind --load "$D/work.lisp" --eval '(all)' --eval "(save-application \"$D/$kind\" :toplevel-function 'work :executable t)" >/dev/null
done
check "an image is smaller" yes "$([ $(($(size "$D/none.image") - $(size "$D/zstd.image"))) -gt 400000 ] && echo yes)"
check "an executable is smaller" yes "$([ $(($(size "$D/none") - $(size "$D/zstd"))) -gt 400000 ] && echo yes)"
check "the executable" "$want" "$("$D/zstd" 2>&1)"
check "the image, verified" "$want" "$(last --verify-image --image "$D/zstd.image" --eval '(work)')"
check "the image is used in place" "0 T" "$(last --image "$D/zstd.image" --eval '(work)' --eval '(format t "~D ~S~%" (getf (swap-statistics) :file) (part))')"
check "without the option, what changes is stored as it is" "3 0 3" \
    "$(run --shadow-compression zstd --eval '(defvar *v* (loop for i below 3 collect (mkswap (make-array 300 :initial-element i))))' --eval "(save-image \"$D/data.image\")" >/dev/null
        last --image "$D/data.image" --eval '(format t "~D " (getf (swap-statistics) :packed))' --eval '(dolist (v *v*) (setf (aref v 7) 7))' --eval '(setsbsize 32)' --eval '(format t "~D ~D~%" (getf (swap-statistics) :packed) (count 7 *v* :key (lambda (v) (aref v 7))))')"
run --shadow-compression zstd --load "$D/work.lisp" --eval '(all)' --eval "(save-image \"$D/again.image\")" >/dev/null
check "the same image again" same "$(cmp "$D/zstd.image" "$D/again.image" && echo same)"
run --shadow-compression zstd --image "$D/none.image" --eval "(save-image \"$D/later.image\")" >/dev/null
check "an image compressed later" "$want yes" "$(last --verify-image --image "$D/later.image" --eval '(work)') $([ "$(size "$D/later.image")" -lt $(($(size "$D/none.image") - 400000)) ] && echo yes)"
run --image "$D/zstd.image" --eval "(save-image \"$D/plain.image\")" >/dev/null
check "an image no longer compressed" "$want 0" "$(run --verify-image --image "$D/plain.image" --eval '(work)' --eval '(prin1 (getf (swap-statistics) :packed))' | tr '\n' ' ')"
run --load "$D/work.lisp" --eval '(all)' --eval "(save-image \"$D/both.image\" :compression t)" >/dev/null
check ":COMPRESSION of SAVE-IMAGE compresses it too" "$want T" "$(run --image "$D/both.image" --eval '(work)' --eval '(prin1 (part))' | tr '\n' ' ' | sed 's/ $//')"
check "other heap limits" "$want" "$(last --image "$D/zstd.image" --heap-limit 40M --eval '(work)')"

# Chapters with all code swapped and evicted at every safe point; the second with a collection there too, the third with all arrays of the tests swapped and compressed.
chapter() { # torture, chapter, other options
    # shellcheck disable=SC2086 # no word, or several
    result=$(WINDFALL_TORTURE=$1 timeout -k 5 120 "$W" --no-init --shadow-compression zstd --load tests/harness.lisp $3 --eval "(cl-test::run-file \"tests/lisp/$2.lisp\")" --quit 2>&1 </dev/null)
    n=$(printf '%s\n' "$result" | tail -n 1 | sed -n 's/^.*: \([0-9]*\) passed, 0 failed$/\1/p')
    passed=$((passed + ${n:-0}))
    [ -n "$n" ] || check "$2, torture $1" "no failures" "$result"
}
chapter swap compile
chapter swap,gc,move swapped-arrays
chapter "" arrays "--load tests/swapped.lisp"

# The dictionary is before the blocks: damaged, the image is refused.
python3 - "$D/zstd.image" "$D/bad.image" <<'P'
import struct, sys
d = bytearray(open(sys.argv[1], "rb").read())
header = len(d) - struct.unpack_from("<Q", d, len(d) - 48)[0]
shadow = struct.unpack_from("<Q", d, header + 328 + 40 * 7)[0]
d[header + shadow + 5000] ^= 1
open(sys.argv[2], "wb").write(d)
P
check "a damaged dictionary" "windfall: $D/bad.image: the image's swapped arrays are damaged" "$(last --image "$D/bad.image" --eval 1)"

# Without the library: what is compressed is read, and more cannot be compressed.
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$D/root/lib64" "$D/root/tmp"
    ldd "$D/zstd" | grep -o '/[^ ]*' | while read -r file; do mkdir -p "$D/root$(dirname "$file")" && cp "$file" "$D/root$file"; done
    cp "$D/zstd" "$W" "$D/zstd.image" "$D/root/"
    bare() { env -i /usr/sbin/chroot "$D/root" "$@" 2>&1 </dev/null | grep -v '^==[0-9]*==WARNING: reading executable name'; } # what the sanitizers say there
    check "an executable with nothing but libc" "$want" "$(bare /zstd)"
    check "the option" "windfall: --shadow-compression needs the library libzstd.so.1, which cannot be opened" "$(bare /windfall --shadow-compression zstd --eval 1 --quit)"
    check "from Lisp" "NIL Compression needs the library libzstd.so.1, which cannot be opened." "$(bare /windfall --image /zstd.image --no-init --eval '(handler-case (setf (shadow-compression) t) (error (c) (format t "~S ~A" (shadow-compression) c)))' --quit)"
else
    echo "skipped: nothing but libc (needs root)"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
