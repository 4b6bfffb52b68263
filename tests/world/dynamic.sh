#!/bin/sh
# dynamic.sh: programs that make names at run time (tests/world/dynamic/): delivery at level 5 reports the place and its path, and the program does what it does undelivered;
# --strict refuses; with --trust it does so after --trace, and without fails loudly.
#
# The first line of each program: ";;; FILE: path: P: F", the report's path and function, an extended regular expression; or ";;; FILE: quiet: why", nothing is reported;
# or ";;; FILE: names: why", reported as names that reach no definition, which --strict allows and which keep none.
W=$(realpath "${WINDFALL:-build/windfall}")
PROGRAMS=$(realpath "$(dirname "$0")")/dynamic
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export HOME="$T"
cd "$T" || exit 1
passed=0
failed=0

ok() { passed=$((passed + 1)); }
not_ok() { failed=$((failed + 1)); echo "not ok $1"; printf '%s\n' "$2" | sed 's/^/    /' | cut -c1-400 | head -20; }
check() { # NAME CONDITION-COMMAND... -- what is shown if it fails: $seen
    name=$1
    shift
    if "$@"; then ok; else not_ok "$name" "$seen"; fi
}
same() { [ "$1" = "$2" ]; }
has() { printf '%s\n' "$2" | tr '\n' ' ' | grep -Eq -- "$1"; }
lacks() { ! has "$@"; }
smaller() { [ "$(wc -c <"$1")" -lt "$2" ] || [ "$(wc -c <"$W")" -gt 10000000 ]; } # not asked of builds with sanitizers
deliver() { timeout 60 "$W" deliver "$@" 2>&1; }
run() { timeout 20 ./app 2>&1; }

for file in "$PROGRAMS"/*.lisp; do
    p=$(basename "$file" .lisp)
    cp "$file" "$p.lisp"
    kind=$(sed -n '1s/^;;; [^:]*: \([a-z]*\): .*/\1/p' "$p.lisp")
    wanted=$(sed -n '1s/^;;; [^:]*: path: \(.*\)$/\1/p' "$p.lisp")
    path=${wanted%: *} function=${wanted##*: }
    plain=$(timeout 20 "$W" --no-init --load "$p.lisp" --eval '(main)' --quit 2>&1)
    seen=$(deliver "$p.lisp" -o app)
    if [ "$kind" = quiet ]; then
        check "$p: nothing to report" same "$seen" ""
    elif [ "$kind" = names ]; then
        check "$p: names only" has 'reaches: names only' "$seen"
        check "$p: no definitions" lacks 'every symbol' "$seen"
        check "$p: small" smaller app 900000
    else
        check "$p: reported" has ": ${function%% *} .*path: $path +;     reaches" "$seen"
    fi
    seen=$(run)
    check "$p: the same" same "$seen" "$plain"
    [ "$kind" = quiet ] && continue
    if [ "$kind" = names ]; then
        seen=$(deliver "$p.lisp" -o app --strict)
        check "$p: --strict" lacks 'every symbol|READ' "$seen"
        continue
    fi
    seen=$(deliver "$p.lisp" -o app --strict)
    check "$p: --strict" has 'make(s)? names at run time\.' "$seen"
    seen=$(deliver "$p.lisp" -o app --trust --trace ./app)
    seen="$seen$(run)"
    check "$p: traced" has "^$(printf '%s' "$plain" | head -1 | sed 's/[][\\.*^$()+?{}|/]/./g')" "$seen"
    seen=$(run)
    check "$p: trusted with its trace" same "$seen" "$plain"
done

# What is trusted and was not traced fails, and says why.
cp "$PROGRAMS/intern.lisp" bare.lisp
seen=$(deliver bare.lisp -o app --trust)
check "trusted: quiet" same "$seen" ""
seen=$(run)
check "removed names say so" has 'The symbol CMD-ADD of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it' "$seen"

echo '(defun main () (print (list (intern (concatenate (quote string) "NO" "BODY") :keyword) (find-symbol (concatenate (quote string) "NEV" "ER")))) (terpri))' >keyword.lisp
seen=$(deliver keyword.lisp -o app --trust)$(run)
check "new names are new" has ':NOBODY NIL' "$seen"

# The reader asks for definitions at #. and #S; a symbol made anew says that its definition went, however it is asked.
cat >anew.lisp <<'E'
(defstruct point x)
(defun gone () "MARK-GONE")
(defun try (text) (handler-case (print (read-from-string text)) (error (c) (format t "~&~A~%" c))))
(define-condition missing (error) ())
(defvar *signal* 'error)
(defun main ()
  (try "gone") (try "#.(car '(1))") (try "#S(POINT :X 3)")
  (handler-case (funcall *signal* (read-from-string "missing")) (error (c) (format t "~&~A~%" c))))
E
seen=$(deliver anew.lisp -o app)$(run)
check "names made anew" has 'names only.* GONE +The function EVAL was removed by delivery; :KEEP-EVAL T keeps it. +#S.POINT :X 3. +The symbol MISSING of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it' "$seen"
seen=$(tr -d '\000' <app | grep -ac MARK-GONE)
check "what is only read keeps no function" same "$seen" 0
cat >asked.lisp <<'E'
(defun gone () 1) (defvar *gone* 2) (defclass missing () ()) (setf (get 'priced 'price) 3)
(defun try (name function) (handler-case (print (funcall function (read-from-string name))) (error (c) (format t "~&~A~%" c))))
(defun main ()
  (try "gone" #'funcall) (try "gone" #'fboundp) (try "*gone*" #'symbol-value) (try "*gone*" #'boundp) (try "missing" (lambda (s) (class-name (find-class s))))
  (try "priced" #'symbol-plist) (try "priced" (lambda (s) (get s 'price))) (try "fresh" #'fboundp) (try "fresh" #'symbol-plist))
E
seen=$(deliver asked.lisp -o app --strict)
check "what is asked for definitions" has 'every symbol of your packages.*, by .*make(s)? names at run time' "$seen"
seen=$(deliver asked.lisp -o app)$(run)
check "what is asked for definitions has them" has ' 1 +T +2 +T +MISSING +.PRICE 3. +3 +NIL +NIL' "$seen"

# EVAL reaches what the program and the standard define; what is for development says that it went.
cat >evaluates.lisp <<'E'
(defun twice (x) (* 2 x))
(defun main ()
  (let ((text "(progn (print (twice (length (mapcar #'1+ (list 1 2 3))))) (print (macroexpand-1 '(when a b))) (handler-case (ext:deliver 'main \"x\" 5) (error (c) (terpri) (princ c))))"))
    (eval (read-from-string text)) (terpri)))
E
seen=$(deliver evaluates.lisp -o app)$(run)
check "EVAL" has ' 6 +.IF A B. +The function DELIVER was removed by delivery; :KEEP-SYMBOLS keeps it' "$seen"
seen=$(deliver evaluates.lisp -o app --keep-symbols ext:deliver)$(tr -d '\000' <app | grep -ac 'is not a keyword of DELIVER')
check "EVAL with what is for development" has '[1-9][0-9]* *$' "$seen"

# Functions can be trusted one by one.
(cat "$PROGRAMS/intern.lisp"; echo "(ext:deliver-trust-names 'run) (ext:deliver-keep-symbols 'cmd-add 'cmd-mul)") >vouched.lisp
seen=$(deliver vouched.lisp -o app --strict)$(run)
check "vouched for" has '^ *7 +12 *$' "$seen"

# Traces are united; the file is sorted.
printf '(:symbol "COMMON-LISP-USER" "ZEBRA")\n' >intern.keep
seen=$(deliver intern.lisp -o app --trust --trace ./app --trace ./app)$(cat intern.keep)
check "traces are united" has '1 name, 0 new|3 names, 0 new.*"CMD-ADD"\) \(:symbol "COMMON-LISP-USER" "CMD-MUL"\) \(:symbol "COMMON-LISP-USER" "ZEBRA"\)' "$seen"
printf '(:nonsense 1)\n' >intern.keep
seen=$(deliver intern.lisp -o app)
check "a bad keep-file" has 'says nothing that a keep-file can say' "$seen"

# Every place of the library is vouched for, and a program that makes no names hears nothing.
echo '(defun main () (write-line "Hello, world"))' >hello.lisp
seen=$(deliver hello.lisp -o app --strict)
check "hello" same "$seen" ""
seen=$(deliver hello.lisp -o app --strict --packages-to-keep :all)
check "the library's places" same "$seen" ""

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
