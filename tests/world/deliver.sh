#!/bin/sh
# deliver.sh: delivered programs: what they print, what went, what stayed, what they say of what went.
W=$(realpath "${WINDFALL:-build/windfall}")
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export HOME="$T"
cd "$T" || exit 1
passed=0
failed=0

ok() { passed=$((passed + 1)); }
not_ok() { failed=$((failed + 1)); echo "not ok $1"; printf '%s\n' "$2" | sed 's/^/    /'; }
# expect NAME STATUS OUTPUT COMMAND...   standard output and exit status must be these
expect() {
    name=$1 status=$2 output=$3
    shift 3
    got=$(timeout 60 "$@" </dev/null 2>"$T/err")
    code=$?
    if [ "$code" = "$status" ] && [ "$got" = "$output" ]; then ok; else not_ok "$name" "status $code, output: $got, errors: $(cat "$T/err")"; fi
}
# matches NAME STATUS PATTERN COMMAND... output and error output together must match
matches() {
    name=$1 status=$2 pattern=$3
    shift 3
    got=$(timeout 60 "$@" 2>&1 </dev/null)
    code=$?
    if [ "$code" = "$status" ] && printf '%s\n' "$got" | tr '\n' '|' | grep -Eq -- "$pattern"; then ok; else not_ok "$name" "status $code, output: $got"; fi
}
# deliver NAME LEVEL FILE OPTION...   makes $T/app
deliver() {
    name=$1 level=$2 file=$3
    shift 3
    rm -f app
    if timeout 120 "$W" deliver "$file" -o app --level "$level" "$@" >deliver.out 2>&1; then ok; else not_ok "$name: delivered" "$(cat deliver.out)"; fi
}
# bytes NAME yes|no MARKER   does the executable have these characters, as one or four bytes each?
bytes() {
    if tr -d '\000' <app | grep -qaF -- "$3"; then there=yes; else there=no; fi
    if [ "$there" = "$2" ]; then ok; else not_ok "$1: bytes of $3" "there: $there"; fi
}

# -- Hello at all levels --
cat >hello.lisp <<'E'
(defun unused () "MARKER-OF-UNUSED")
(defun main () (write-line "Hello, world") (ext:quit 7))
E
for level in 0 1 2 3 4 5; do
    deliver "hello at $level" $level hello.lisp
    expect "hello at $level" 7 "Hello, world" ./app
done
bytes "what is unused goes" no MARKER-OF-UNUSED
deliver "hello with a keep-list" 5 hello.lisp --keep-symbols unused
bytes "what is asked for stays" yes MARKER-OF-UNUSED

# -- Errors of programs without conditions --
cat >error.lisp <<'E'
(defun f (x) (car x))
(defun main () (write-line "before") (f (length ext:*command-line-arguments*)))
E
deliver "an error without conditions" 5 error.lisp
matches "an error without conditions" 1 '^before\|Unhandled TYPE-ERROR: The value 2 is not of type LIST\.\|$' ./app a b

# -- The command line --
matches "no file" 2 'which file' "$W" deliver
matches "no such file" 2 'there is no file nowhere.lisp' "$W" deliver nowhere.lisp
matches "no such option" 2 'unknown option: --nonsense' "$W" deliver hello.lisp --nonsense 1
matches "no such level" 2 'a number from 0 to 5' "$W" deliver hello.lisp --level 6
echo '(defun f () 1)' >nothing.lisp
matches "no program" 2 'no function MAIN' "$W" deliver nothing.lisp
echo '(defun f (x) (* x x)) (write-line "script") (write-line (if (= (f 3) 9) "nine" "?"))' >script.lisp
deliver "a script" 5 script.lisp
expect "a script" 0 "script
nine" ./app

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
