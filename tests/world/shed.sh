#!/bin/sh
# shed.sh: programs delivered with --shed do what they do undelivered, whatever they look for at run time (tests/world/dynamic/, tests/world/shed/); without their shed, or with
# one that is damaged or another's, they say so and nothing worse happens.
HERE=$(realpath "$(dirname "$0")")
. "$HERE/expect"
check() { if [ "$2" = "$3" ]; then ok; else not_ok "$1" "$2
expected: $3"; fi; }
# What two runs may differ in: addresses, and how many frames of the system are below the program's.
clean() { sed 's/{[0-9A-F]*}/{}/g; s/^ *[0-9]*: (/: (/' | grep -v '^: ((LAMBDA (WINDFALL-SYSTEM::ARGUMENTS))\|^: (WINDFALL-SYSTEM::%\(EVAL\|RUN\|COMMAND\|TOPLEVEL\)'; }
deliver() { rm -rf app app.shed; timeout 60 "$W" deliver "$@" -o app --shed app.shed 2>&1; }
plain() { timeout 60 "$W" --no-init --load "$1.lisp" --eval '(main)' --quit 2>&1 | clean; }
run() { timeout "${LIMIT:-60}" ./app "$@" 2>&1 | clean; }

# -- The same as undelivered --
for file in "$HERE"/dynamic/*.lisp "$HERE"/shed/*.lisp; do
    p=$(basename "$file" .lisp)
    cp "$file" .
    wanted=$(plain "$p")
    check "$p: delivered quietly" "$(deliver "$p.lisp")" ""
    check "$p: the same" "$(run)" "$wanted"
done
for p in language classes asked changed; do
    wanted=$(plain "$p")
    for level in 1 2 3 4; do
        deliver "$p.lisp" --level $level >/dev/null
        check "$p: the same at level $level" "$(run)" "$wanted"
    done
done

# -- Collections behind it --
for p in changed classes heap; do
    wanted=$(plain "$p")
    deliver "$p.lisp" >/dev/null
    for modes in tiny,verify tiny,move,verify gc,move,verify; do
        check "$p: under WINDFALL_TORTURE=$modes" "$(export WINDFALL_TORTURE=$modes LIMIT=300; run)" "$wanted"
    done
done
cat >collect.lisp <<'E'
(defvar *list* (list 1 2 3))
(defclass removed () ((a :initform *list* :accessor a)))
(defun secret () (let ((i (make-instance 'removed))) (push 0 (a i)) (dotimes (k 20) (push k (a i))) (length (a i))))
(defun main () (print (funcall (intern (concatenate 'string "SEC" "RET")))) (terpri))
E
deliver collect.lisp >/dev/null
check "collected everywhere" "$(export WINDFALL_TORTURE=gc,move LIMIT=300; run)" "
24 "

# -- Where the file is looked for --
cat >far.lisp <<'E'
(defun secret () "MARKER-OF-SECRET" (list 1 2 3))
(defun main ()
  (handler-case (print (funcall (intern (concatenate 'string "SEC" "RET"))))
    (error (e) (format t "~A~%" e)))
  (finish-output))
E
deliver far.lisp >/dev/null
wanted="
(1 2 3) "
check "beside the program" "$(run)" "$wanted"
mkdir away else
mv app app.shed away
ln -s ../away/app else/link
check "beside the real place of the program" "$(cd / && timeout 20 "$T/else/link")" "$wanted"
mv away/app.shed else/other
check "where WINDFALL_SHED says" "$(WINDFALL_SHED=else/other away/app)" "$wanted"
check "missing" "$(away/app)" "The symbol SECRET of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it ($T/away/app.shed cannot be read: No such file or directory)."
mv away/app .
mv else/other app.shed
timeout 60 "$W" deliver far.lisp -o inside --shed else/far.shed
check "by its name" "$(./inside)" "$wanted"
bytes() { if tr -d '\000' <"$2" | grep -qaF -- "$3"; then there=yes; else there=no; fi; check "$1" "$there" "$4"; }
bytes "what is unused has left the program" app SECRET no

# -- A file that does not fit --
reason() { printf '%s' "The symbol SECRET of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it ($T/app.shed $1"; }
cp app.shed good
size=$(stat -c %s good)
for n in 0 1 4095 4096 8192 100000 $((size - 4096)) $((size - 1)); do
    head -c "$n" good >app.shed
    check "truncated to $n" "$(./app)" "$(reason "is incomplete).")"
done
(cat good; echo) >app.shed
check "too long" "$(./app)" "$(reason "is incomplete).")"
rm app.shed
mkdir app.shed
check "a directory" "$(./app)" "$(reason "is no file).")"
rmdir app.shed
head -c "$size" /dev/zero >app.shed
check "zeros" "$(./app)" "$(reason "is no shed).")"
sed 's/(list 1 2 3)/(list 3 2 1)/' far.lisp >other.lisp
timeout 60 "$W" deliver other.lisp -o other --shed other.shed
cp other.shed app.shed
check "another program's" "$(./app)" "$(reason "belongs to another build of the program).")"
# Single bits, at places that a seed decides: refused, or (in the padding between the parts) the same.
seed=${SEED:-1}
wrong=
for k in $(seq 1 "${FLIPS:-60}"); do
    at=$(awk -v s=$((seed * 1000 + k)) -v n="$size" 'BEGIN { srand(s); print int(rand() * n) }')
    [ "$k" -le 15 ] && at=$((at % 200))
    cp good app.shed
    byte=$(dd if=good bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1)
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o' $((byte ^ (1 << (k % 8)))))" | dd of=app.shed bs=1 seek="$at" conv=notrunc 2>/dev/null
    got=$(timeout 20 ./app 2>&1)
    code=$?
    case $got in
    "$(reason "is damaged).")" | "$(reason "is no shed).")" | "$(reason "has version")"* | "$wanted") [ $code = 0 ] || wrong="$wrong $at: status $code;" ;;
    *) wrong="$wrong $at: $got;" ;;
    esac
done
check "flipped bits (SEED=$seed)" "$wrong" ""
cp good app.shed
check "and it was the file's fault" "$(run)" "$wanted"

# -- Delivering --
matches "the shed cannot be written" 1 'the file of what was shaken off cannot be made \(No such file or directory\)' "$W" deliver far.lisp -o lost --shed nowhere/lost.shed
timeout 60 "$W" deliver far.lisp -o app --shed again.shed
timeout 60 "$W" deliver far.lisp -o app --shed again.shed2
check "the same program has the same shed" "$(tail -c +4097 again.shed | cksum)" "$(tail -c +4097 again.shed2 | cksum)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
