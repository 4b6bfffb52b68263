#!/bin/sh
# cli.sh: the command line: options, scripts, exit codes, errors, the REPL without a terminal and on one.
#
# expect NAME STATUS OUTPUT COMMAND...   runs the command without input; standard output and exit status must be these
# matches NAME STATUS PATTERN COMMAND... runs it; output and error output together must match the extended regular expression
W=$(realpath "${WINDFALL:-build/windfall}")
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
export HOME="$T"
cd "$T" || exit 1
passed=0
failed=0

ok() { passed=$((passed + 1)); echo "ok $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok $1"; printf '%s\n' "$2" | sed 's/^/    /'; }
expect() {
    name=$1 status=$2 output=$3
    shift 3
    got=$(timeout 60 "$@" </dev/null 2>"$T/err")
    code=$?
    if [ "$code" = "$status" ] && [ "$got" = "$output" ]; then ok "$name"; else not_ok "$name" "status $code, output: $got, errors: $(cat "$T/err")"; fi
}
matches() {
    name=$1 status=$2 pattern=$3
    shift 3
    got=$(timeout 60 "$@" 2>&1 </dev/null)
    code=$?
    if [ "$code" = "$status" ] && printf '%s\n' "$got" | tr '\n' '|' | grep -Eq -- "$pattern"; then ok "$name"; else not_ok "$name" "status $code, output: $got"; fi
}
file() { cat >"$T/$1"; }

# -- Options --
expect version 0 "Windfall 0.1.0" "$W" --version
matches help 0 'usage: windfall.*--eval FORM.*--heap-limit N' "$W" --help
matches unknown-option 2 'unknown option: --nonsense.*usage' "$W" --nonsense
matches missing-argument 2 'an argument is missing: --eval' "$W" --eval
matches bad-heap-limit 2 'not a number of bytes: 12X' "$W" --heap-limit 12X
matches zero-heap-limit 2 'not a possible size' "$W" --heap-limit 0
expect heap-limit 0 "3" "$W" --heap-limit 256M --eval '(princ (+ 1 2))' --quit
expect heap-limit-equals 0 "3" "$W" --heap-limit=1G --eval '(princ (+ 1 2))' --quit
expect eval 0 "hello" "$W" --eval '(princ "hello")' --quit
expect eval-twice 0 "12" "$W" --eval '(princ 1)' --eval '(princ 2)' --quit
expect eval-many-forms 0 "123" "$W" --eval '(princ 1) (princ 2) (princ 3)' --quit
expect eval-package 0 "COMMON-LISP-USER" "$W" --eval '(princ (package-name *package*))' --quit
expect quit-code 0 "" "$W" --eval '(quit)'
expect quit-code-7 7 "" "$W" --eval '(quit 7)'
expect quit-unwinds 3 "cleanup" "$W" --eval '(unwind-protect (quit 3) (princ "cleanup"))'
expect quit-abort 4 "before" "$W" --eval '(progn (princ "before") (unwind-protect (quit 4 :abort t) (princ "cleanup")))'
file a.lisp <<'X'
(princ "a")
X
file b.lisp <<'X'
(princ "b")
X
expect load 0 "a" "$W" --load a.lisp --quit
expect order 0 "axb" "$W" --load a.lisp --eval '(princ "x")' --load b.lisp --quit
matches load-missing 1 'no-such-file' "$W" --load no-such-file.lisp --quit

# -- Scripts --
file args.lisp <<'X'
(format t "~S~%" *command-line-arguments*)
X
expect script 0 '("x" "--eval" "y z")' "$W" args.lisp x --eval "y z"
expect script-option 0 '("1")' "$W" --script args.lisp 1
expect script-no-args 0 'NIL' "$W" args.lisp
file hashbang <<X
#!$W
(princ "script")
X
chmod +x "$T/hashbang"
expect hashbang 0 "script" "$T/hashbang"
file code.lisp <<'X'
(quit 42)
X
expect script-status 42 "" "$W" code.lisp
matches script-missing 1 'no-such-script' "$W" no-such-script
file input.lisp <<'X'
(let ((n 0)) (loop (let ((line (read-line *standard-input* nil))) (if line (incf n (length line)) (return)))) (print n))
X
got=$(printf 'ab\ncde\nf' | timeout 60 "$W" input.lisp)
[ "$got" = "
6 " ] && ok script-input || not_ok script-input "$got"
got=$(printf '(princ (+ 1 2))' | timeout 60 "$W" -)
[ "$got" = "3" ] && ok script-from-input || not_ok script-from-input "$got"
file utf8.lisp <<'X'
(write-line "Grüße → 😀")
(write-line (first *command-line-arguments*))
X
expect utf8 0 "Grüße → 😀
ä" "$W" utf8.lisp ä

# -- Errors --
file error.lisp <<'X'
(defun inner (x)
  (error "bad thing ~S" x))

(defun outer (y)
  (inner (list y 1))
  nil)

(outer :why)
(princ "not reached")
X
matches error-report 1 'Unhandled SIMPLE-ERROR: bad thing \(:WHY 1\)\|  at .*error\.lisp:2\|Backtrace:\|.*INNER \(:WHY 1\).*OUTER :WHY' "$W" error.lisp
expect error-output-only 1 "" "$W" error.lisp
matches eval-error 1 'Unhandled DIVISION-BY-ZERO' "$W" --eval '(/ 1 0)' --quit
matches undefined-function 1 'UNDEFINED-FUNCTION.*NO-SUCH-FUNCTION' "$W" --eval '(no-such-function 1)' --quit
matches unbound-variable 1 'UNBOUND-VARIABLE.*NO-SUCH-VARIABLE' "$W" --eval 'no-such-variable' --quit
matches error-cleanup 1 'cleaned' "$W" --eval '(unwind-protect (error "x") (princ "cleaned"))' --quit
matches unprintable 1 'Unhandled SIMPLE-ERROR' "$W" --eval '(progn (defstruct bad) (defmethod print-object ((x bad) s) (error "no")) (error "look: ~A" (make-bad)))' --quit
file unfinished.lisp <<'X'
(princ "a")
(defun f (x
X
matches unfinished 1 'END-OF-FILE' "$W" unfinished.lisp
expect handled 0 "caught" "$W" --eval '(handler-case (error "x") (error () (princ "caught")))' --quit
expect warning-goes-on 0 "on" "$W" --eval '(progn (warn "careful") (princ "on"))' --quit
"$W" --eval '(loop (write-line "y"))' --quit 2>"$T/err" | head -1 >"$T/out"
[ "$(cat "$T/out")" = y ] && [ ! -s "$T/err" ] && ok broken-pipe || not_ok broken-pipe "$(head -5 "$T/err")"
"$W" --eval '(write-line "lost")' --quit >/dev/full 2>"$T/err"
[ $? = 1 ] && grep -q "Standard output cannot be written: No space left" "$T/err" && ok full-output || not_ok full-output "$(head -5 "$T/err")"

# -- Interrupts --
# interrupt NAME STATUS PATTERN COMMAND...: the command gets SIGINT after a second
interrupt() {
    name=$1 status=$2 pattern=$3
    shift 3
    got=$(timeout -s INT 2 "$@" 2>&1 </dev/null; echo "status $?")
    if printf '%s\n' "$got" | tr '\n' '|' | grep -Eq -- "$pattern"; then ok "$name"; else not_ok "$name" "$got"; fi
}
interrupt interrupt-loop 130 'Interrupted' "$W" --eval '(loop)' --quit
interrupt interrupt-sleep 130 'Interrupted' "$W" --eval '(sleep 30)' --quit
interrupt interrupt-handled 0 'caught' "$W" --eval '(handler-case (loop) (interactive-interrupt () (princ "caught")))' --quit
mkfifo "$T/fifo"
sleep 20 >"$T/fifo" &
sleeper=$!
got=$(timeout -s INT 2 "$W" --eval '(read-line)' --quit 2>&1 <"$T/fifo"; echo "status $?")
kill "$sleeper"
case $got in *Interrupted*) ok interrupt-read ;; *) not_ok interrupt-read "$got" ;; esac

# -- Init file --
file .windfallrc <<'X'
(defvar *init* :loaded)
X
expect init 0 "LOADED" "$W" --eval '(princ *init*)' --quit
expect no-init 0 "NIL" "$W" --no-init --eval "(princ (boundp '*init*))" --quit
file noinit.lisp <<'X'
(princ (boundp '*init*))
X
expect script-no-init 0 "NIL" "$W" noinit.lisp
rm "$T/.windfallrc"

# -- The REPL without a terminal --
repl() {
    name=$1 status=$2 pattern=$3 input=$4
    got=$(printf '%s' "$input" | timeout 60 "$W" --no-init 2>&1)
    code=$?
    if [ "$code" = "$status" ] && printf '%s' "$got" | tr '\n' '|' | grep -Eq -- "$pattern"; then ok "$name"; else not_ok "$name" "status $code, output: $got"; fi
}
repl repl-values 0 '^3$' '(+ 1 2)'
repl repl-many-values 0 '^1\|2\|3$' '(values 1 2 3)'
repl repl-no-values 0 '^:X$' '(values) :x'
repl repl-variables 0 '^5\|6\|\(6 5\)\|\(LIST \* \*\*\)$' "5 (1+ *) (list * **) (identity +)"
repl repl-slash 0 '^1\|2\|\(1 2\)$' '(values 1 2) /'
repl repl-lines 0 '^\(1 2\)$' '(list 1
   2)'
repl repl-package 0 'KEYWORD' '(in-package "KEYWORD") (cl:princ (cl:package-name cl:*package*))'
repl repl-error 1 'SIMPLE-ERROR: oops\|.*Restarts:\|  0: \[ABORT\]' '(error "oops")'
repl repl-back 0 'SIMPLE-ERROR: oops.*\|7$' '(error "oops") :q 7'
repl repl-restart 0 '\|:CHOSEN$' '(restart-case (error "oops") (my-restart () :chosen)) 0'
repl repl-restart-r 0 '\|:CHOSEN$' '(restart-case (error "oops") (my-restart () :chosen)) :r 0
'
repl repl-continue 0 '\|:DONE$' '(progn (cerror "Go on." "oops") :done) :c'
repl repl-nested 0 'first.*second.*:BOTTOM$' '(error "first") (error "second") :a
:a
:bottom'
repl repl-backtrace 0 'INNER 5' '(defun inner (x) (error "bad ~A" x)) (inner 5) :bt
:q'
repl repl-frame 0 'argument 0 = 5' '(defun inner (x) (error "bad ~A" x)) (inner 5) :f 0
:q'
repl repl-help 0 ':bt' '(error "x") :help :q'
repl repl-eval-in-debugger 0 '\|42\|' '(error "x") (* 6 7) :q 1'
repl repl-debugger-streams 1 '\|:SEEN' '(with-output-to-string (*standard-output*) (error "x")) (progn (print :seen) 1)'
repl repl-debugger-handlers 1 'second.*CL-ERROR' '(handler-bind ((warning (lambda (c) c))) (error "first")) (error "second") :cl-error'
repl repl-break 0 'Break.*\|NIL$' '(break) 0'

# -- The REPL on a terminal --
if command -v python3 >/dev/null; then
    python3 - "$W" <<'X' >"$T/pty" 2>&1
import os, pty, re, select, signal, sys, time
def session(name, steps, environment={}):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm"}, **environment)
        os.execv(sys.argv[1], [sys.argv[1], "--no-init"])
    seen, good = "", True
    def wait(pattern, seconds=30):
        nonlocal seen
        end = time.time() + seconds
        while not re.search(pattern, seen, re.S):
            left = end - time.time()
            if left <= 0 or not select.select([fd], [], [], left)[0]: return False
            try: data = os.read(fd, 4096).decode(errors="replace")
            except OSError: return bool(re.search(pattern, seen, re.S))
            if not data: return False
            seen += data
        return True
    for pattern, send in steps:
        if not wait(pattern):
            good = False
            break
        seen = ""
        if send is not None: os.write(fd, send.encode())
    print(("ok " if good else "not ok ") + name + ("" if good else f": waiting for {pattern!r}, saw {seen!r}"))
    os.close(fd)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
P = r"CL-USER> "
session("terminal-prompt", [(P, "(+ 1 2)\r"), (r"\r\n3\r\n.*" + P, "(quit)\r")])
session("terminal-lines", [(P, "(list 1\r"), (r"\r\n", "2)\r"), (r"\(1 2\)\r\n.*" + P, "(quit)\r")])
session("terminal-debugger", [(P, "(error \"oops\")\r"), (r"oops.*Restarts:.*CL-USER\[1\]> ", ":q\r"), (P, "(quit)\r")])
session("terminal-interrupt", [(P, "(loop)\r"), (r"\r\n", None)] and [(P, "(progn (princ :start) (finish-output) (loop))\r"), (r"START", "\x03"), (r"Interrupted.*CL-USER\[1\]> ", ":q\r"), (P, "(quit)\r")])
session("terminal-interrupt-at-prompt", [(P, "\x03"), (r"CL-USER\[1\]> ", ":q\r"), (P, "(quit)\r")])
session("terminal-history", [(P, "(* 6 7)\r"), (r"\r\n42\r\n.*" + P, "\x1b[A"), (r"\(\* 6 7\)", "\r"), (r"\r\n42\r\n.*" + P, "(quit)\r")])
session("terminal-edit", [(P, "(+ 1 22\x7f\x7f2)\r"), (r"\r\n3\r\n.*" + P, "(quit)\r")])
session("terminal-read-line", [(P, "(length (read-line))\r"), (r"\r\n", "abc\r"), (r"\r\n3\r\n.*" + P, "(quit)\r")])
session("terminal-unicode", [(P, "(char-code (char \"→\" 0))\r"), (r"\r\n8594\r\n.*" + P, "(quit)\r")], {"LC_ALL": "C.UTF-8"})
session("terminal-commands", [(P, "(defun f (x) (error \"bad\"))\r"), (P, "(f 7)\r"), (r"\[1\]> ", ":bt\r"), (r"0: \(F 7\).*\[1\]> ", ":f 0\r"), (r"argument 0 = 7.*\[1\]> ", ":q\r"), (P, "(quit)\r")])
session("terminal-dumb", [(P, "(+ 1 2)\r"), (r"3\r\n.*" + P, "(quit)\r")], {"TERM": "dumb"})
X
    cat "$T/pty"
    passed=$((passed + $(grep -c '^ok ' "$T/pty")))
    failed=$((failed + 11 - $(grep -c '^ok ' "$T/pty")))
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
