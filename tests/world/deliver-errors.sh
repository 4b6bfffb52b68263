#!/bin/sh
# deliver-errors.sh: deliveries that cannot be done: what is said, the exit status, and that nothing is left behind; interrupts and kills; what a terminal is told.
. "$(dirname "$0")/expect"
export W
cat >prog.lisp <<'E'
(defun main () (format t "hello ~A~%" (length (list 1 2))))
E
# refused NAME STATUS PATTERN ARGUMENT...   deliver says that, in all that it says, and makes no ./app
refused() {
    name=$1 status=$2 pattern=$3
    shift 3
    rm -f app
    matches "$name" "$status" "$pattern" "$W" deliver "$@"
    if [ -e app ]; then not_ok "$name: nothing is written" "$(ls -l app)"; else ok; fi
}

# -- The command line --
refused "no file" 2 '^windfall deliver: which file or system\?\|Try windfall deliver --help' -o app
refused "two files" 2 'more than one file: b.lisp' prog.lisp b.lisp -o app
refused "a file that is not there" 2 'there is no file nowhere.lisp, and no system of that name' nowhere.lisp -o app
refused "an option that is not there" 2 'unknown option: --nonsense' prog.lisp -o app --nonsense 1
refused "no value" 2 '-o wants a value' prog.lisp -o
refused "a level that is not there" 2 'the level is a number from 0 to 5' prog.lisp -o app --level 6
refused "a level that is no number" 2 'the level is a number from 0 to 5' prog.lisp -o app --level 5x
refused "a value that is not there" 1 '^windfall deliver: :KEEP-EVAL takes NIL, T; not YES\.\|$' prog.lisp -o app --keep-eval yes
refused "a value that is not there, of several" 1 ':KEEP-CLOS takes :FULL-DYNAMIC-DEFINITION, .*; not :SOME' prog.lisp -o app --keep-clos :some
refused "a value that cannot be read" 2 '^windfall deliver: --keep-symbols nope:x: .*NOPE' prog.lisp -o app --keep-symbols nope:x
refused "a value that has no end" 2 '^windfall deliver: --keep-symbols \(\(: ' prog.lisp -o app --keep-symbols '(('
refused "a package that is not there" 1 'windfall deliver: Cannot deliver .*: There is no package .?NOPE.?' prog.lisp -o app --packages-to-keep nope
refused "a class that is not there" 1 'windfall deliver: Cannot deliver .*: There is no class called NOPE' prog.lisp -o app --classes-to-keep nope
refused "no such main function" 2 'prog.lisp defines no function nope' prog.lisp -o app --main nope
refused "a main function that cannot be read" 2 'nope:x' prog.lisp -o app --main nope:x
refused "a keep-file that is not there" 1 'Cannot open .*none.keep' prog.lisp -o app --keep-file none.keep
matches "an option that is given twice" 0 '^\|$' "$W" deliver prog.lisp -o app --keep-symbols first --keep-symbols second --symbol-names-action nil
for name in FIRST SECOND; do
    if tr -d '\000' <app | grep -qa "$name"; then ok; else not_ok "both lists count: $name" ""; fi
done

# -- Files --
echo '(defun main () (car 1)' >open.lisp
refused "a source without end" 1 'at .*open.lisp:1|open.lisp' open.lisp -o app
printf '(defun main () 1)\n\n(error "at ~%s" "load")\n' A >error.lisp
refused "an error at load" 1 'Unhandled SIMPLE-ERROR: at load\|  at error.lisp:3' error.lisp -o app
head -c 3000 /dev/urandom >noise.wfu
refused "a unit that is none" 1 'The unit noise.wfu cannot be loaded' noise.wfu -o app
mkdir folder
refused "a folder" 1 'the folder folder has no definition of a system' folder -o app
matches "a folder is in the way" 1 '^windfall deliver: Cannot write .*folder: .*Is a directory' "$W" deliver prog.lisp -o folder
matches "no such folder" 1 '^windfall deliver: Cannot write /nowhere/app: .*No such file or directory' "$W" deliver prog.lisp -o /nowhere/app
matches "a device" 1 '^windfall deliver: Cannot write /dev/full: ' "$W" deliver prog.lisp -o /dev/full
matches "no room" 1 '^windfall deliver: Cannot write .*File too large' sh -c 'ulimit -f 100; trap "" XFSZ; exec "$W" deliver prog.lisp -o app2'
matches "no room for the report" 1 'nowhere' "$W" deliver prog.lisp -o app3 --report /nowhere/page.html
echo old >app4
matches "what is there stays if there is no room" 1 'File too large' sh -c 'ulimit -f 100; trap "" XFSZ; exec "$W" deliver prog.lisp -o app4'
if [ "$(cat app4)" = old ]; then ok; else not_ok "what was there" "$(ls -l app4)"; fi
chmod 500 folder
if [ "$(id -u)" != 0 ]; then matches "no permission" 1 'Permission denied' "$W" deliver prog.lisp -o folder/app; fi
rm -f app app3 app4
left=$(find . -name '*.tmp' -o -name 'app*' | tr '\n' ' ')
if [ -z "$left" ]; then ok; else not_ok "nothing is left" "$left"; fi

# -- From Lisp --
lisp() { "$W" --no-init --load prog.lisp --eval "(handler-case (print (ext:deliver $1)) (error (c) (format t \"~A: ~A~%\" (type-of c) c)))" --quit; }
wrong() { # NAME PATTERN ARGUMENTS
    got=$(lisp "$3" 2>&1)
    if printf '%s\n' "$got" | grep -Eq -- "$2" && [ ! -e app ]; then ok; else not_ok "$1" "$got"; fi
}
wrong "a level" '^TYPE-ERROR: The value 9 is not of type \(INTEGER 0 5\)' "'main \"app\" 9"
wrong "a function that is not there" '^UNDEFINED-FUNCTION: The function NOPE is not defined' "'nope \"app\" 5"
wrong "no function" '^TYPE-ERROR: The value 17 ' "17 \"app\" 5"
wrong "a system that is not there" '^SYSTEM-DEFINITION-ERROR: there is no system "nope"' '"nope" "app" 5'
wrong "a keyword that is not there" '^DELIVERY-ERROR: :NONSENSE is not a keyword of DELIVER' "'main \"app\" 5 :nonsense t"
wrong "no value" '^DELIVERY-ERROR: The keyword :KEEP-EVAL has no value' "'main \"app\" 5 :keep-eval"
wrong "a value" '^DELIVERY-ERROR: :KEEP-EVAL takes NIL, T; not 5' "'main \"app\" 5 :keep-eval 5"
wrong "no list" '^DELIVERY-ERROR: :KEEP-SYMBOLS takes a list, not CAR' "'main \"app\" 5 :keep-symbols 'car"
wrong "no proper list" '^DELIVERY-ERROR: :KEEP-SYMBOLS takes a list, not \(CAR . CDR\)' "'main \"app\" 5 :keep-symbols '(car . cdr)"
wrong "no file" '^DELIVERY-ERROR: :REPORT takes a file, not 5' "'main \"app\" 5 :report 5"
wrong "no such package" '^DELIVERY-ERROR: Cannot deliver .*: There is no package' "'main \"app\" 5 :delete-packages '(nope)"
wrong "no symbol" '^DELIVERY-ERROR: Cannot deliver ' "'main \"app\" 5 :functions-to-remove '(5)"
wrong "a place" '^SIMPLE-FILE-ERROR: Cannot write /nowhere/app' "'main \"/nowhere/app\" 5"
wrong "a hook that fails" '^DELIVERY-ERROR: Cannot deliver .*: hooked' "(progn (push (lambda (k) (declare (ignore k)) (error \"hooked\")) ext:*delivery-hooks*) 'main) \"app\" 5"

# -- Interrupts, kills, a terminal --
cat >stop.py <<'E'
"""stop: ends deliveries at many instants: the program is whole or not there, nothing else is left."""
import os, pty, re, signal, subprocess, sys, time
W, wrong, tried = os.environ["W"], [], 0
names = set(os.listdir("."))
for sent, status in ((signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1), (signal.SIGKILL, -9)):
    for i in range(15):
        p = subprocess.Popen([W, "deliver", "prog.lisp", "-o", "app"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        time.sleep(0.008 * i)
        if i % 2: p.send_signal(sent)
        else: os.killpg(p.pid, sent)
        p.communicate()
        time.sleep(0.02)
        tried += 1
        if p.returncode not in (status, -sent, 0): wrong.append(f"{sent.name} after {8 * i} ms: status {p.returncode}")
        left = set(os.listdir(".")) - names - {"app"}
        if sent != signal.SIGKILL and left: wrong.append(f"{sent.name} after {8 * i} ms left {left}")
        if os.path.exists("app"):
            if subprocess.run(["./app"], stdout=subprocess.PIPE).stdout != b"hello 2\n": wrong.append(f"{sent.name} after {8 * i} ms: a damaged program")
            os.remove("app")
subprocess.run([W, "deliver", "prog.lisp", "-o", "app"])  # removes what a kill has left
left = set(os.listdir(".")) - names - {"app"}
if left: wrong.append(f"left in the end: {left}")

def at_terminal(*command):
    said = []
    def read(fd):
        said.append(os.read(fd, 4096))
        return said[-1]
    status = pty.spawn([W, *command], read, lambda fd: b"")
    return status, b"".join(said).decode().replace("\r", "")
sys.stdout.flush()
null = os.open("/dev/null", os.O_WRONLY)
keep = os.dup(1)
os.dup2(null, 1)
status, said = at_terminal("deliver", "prog.lisp", "-o", "app")
os.dup2(keep, 1)
if status or not re.fullmatch(r"; gathering\n; shaking [1-9]\d* KB\n; shaken: left [1-9]\d* KB\n; writing\n", said): wrong.append(f"at a terminal: {status} {said!r}")
quiet = subprocess.run([W, "deliver", "prog.lisp", "-o", "app"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
if quiet: wrong.append(f"at no terminal: {quiet!r}")
print(f"{tried + 3 - len(wrong)} {len(wrong)}", *wrong, sep="\n")
E
timeout 120 python3 stop.py >stopped 2>&1
read -r well badly <stopped
case $well$badly in
*[!0-9]* | '') not_ok "interrupts" "$(cat stopped)" ;;
*) passed=$((passed + well)) ; [ "$badly" = 0 ] || { not_ok "interrupts, kills, a terminal" "$(cat stopped)"; failed=$((failed + badly - 1)); } ;;
esac

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
