#!/bin/sh
# deliver-keywords.sh: every keyword of DELIVER has an effect: `about :KEYWORD` begins its checks, and at the end none may be missing.
. "$(dirname "$0")/expect"
said=""
about() { said="$said $1" about=$1; }
# deliver FILE OPTION...   makes ./app, at level 5 unless the options say otherwise
deliver() {
    file=$1
    shift
    rm -f app
    if timeout 120 "$W" deliver "$file" -o app "$@" >deliver.out 2>&1; then ok; else not_ok "$about: delivered" "$(cat deliver.out)"; fi
}
# bytes yes|no MARKER   does the executable have these characters, as one or four bytes each?
bytes() {
    if tr -d '\000' <app | grep -qaF -- "$2"; then there=yes; else there=no; fi
    if [ "$there" = "$1" ]; then ok; else not_ok "$about: bytes of $2" "there: $there"; fi
}
# prints OUTPUT   ./app prints that
prints() { expect "$about" 0 "$1" ./app; }
# says STATUS PATTERN   ./app ends with the status, and its output, with bars for line ends, matches
says() { matches "$about" "$1" "$2" ./app; }

# -- What stays: a program that works in any case, and markers in what it does not use --
cat >plain.lisp <<'E'
(defpackage "P" (:use "CL") (:export "OUT")) (defun p::out () "TEXT-OUT") (defun p::in () "TEXT-IN")
(defclass c () ((a :initform "TEXT-CLASS" :accessor c-a)))
(defclass used () ((slot-of-used :initform 1 :accessor used-accessor)))
(defmacro m () "TEXT-MACRO")
(defun unused () "TEXT-UNUSED")
(defun documented () "TEXT-DOCUMENTATION" 1)
(defgeneric one (x)) (defmethod one (x) x)
(defstruct s (field-of-s "TEXT-STRUCTURE"))
(defstruct (used-structure (:conc-name us-)) (field-of-used 5))
(defun main () (make-instance 'used) (print (one (documented))) (print (one 'main)) (print (us-field-of-used (make-used-structure))) (terpri))
E
plain='
1 
MAIN 
5 '
# plain yes|no MARKER OPTION...   delivered with the options the program works, and has the marker or not
plain() {
    there=$1 marker=$2
    shift 2
    deliver plain.lisp "$@"
    prints "$plain"
    bytes "$there" "$marker"
}
about nothing
plain no TEXT-
about :keep-symbols
plain yes TEXT-UNUSED --keep-symbols unused
about :packages-to-keep
plain yes TEXT-IN --packages-to-keep P
about :never-shake-packages
plain yes TEXT-IN --never-shake-packages P
about :packages-to-keep-externals
plain yes TEXT-OUT --packages-to-keep-externals P
bytes no TEXT-IN
about :shake-externals
plain yes TEXT-OUT --shake-externals nil
about :classes-to-keep
plain yes TEXT-CLASS --classes-to-keep c
about :shake-classes
plain yes TEXT-CLASS --shake-classes nil
about :classes-to-remove
plain no TEXT-CLASS --shake-classes nil --classes-to-remove c
about :shake-class-accessors
plain no USED-ACCESSOR
plain yes USED-ACCESSOR --shake-class-accessors t # their names are in the slot
deliver plain.lisp --shake-class-accessors t --explain
matches "$about t: they are shaken" 0 'method COMMON-LISP-USER:USED-ACCESSOR \(USED\) was shaken off' "$W" explain app used-accessor
deliver plain.lisp --shake-class-accessors nil --explain
matches "$about nil: they stay" 0 'method COMMON-LISP-USER:USED-ACCESSOR \(USED\): ' "$W" explain app used-accessor
about :keep-macros
plain yes TEXT-MACRO --keep-macros t --keep-symbols m
plain no TEXT-MACRO --keep-symbols m
about :keep-documentation
plain yes TEXT-DOCUMENTATION --keep-documentation t
about :keep-debug-mode
plain yes plain.lisp --keep-debug-mode t
about :keep-symbol-names
plain yes C-A --keep-symbol-names c-a
about :symbol-names-action
plain yes DOCUMENTED --symbol-names-action nil
plain no DOCUMENTED --symbol-names-action t
about :smash-packages
plain no TEXT-IN --keep-symbols p::in --smash-packages P
about :delete-packages
plain no '"P"' --delete-packages P
about :generic-function-collapse
plain yes STANDARD-GENERIC-FUNCTION --generic-function-collapse nil
matches "$about" 0 'ONE\|    call of ONE' "$W" deliver plain.lisp -o app --interrogate-symbols one
about :shake-shake-shake
plain yes TEXT-MACRO --shake-shake-shake nil
about :keep-structure-info
plain yes TEXT-STRUCTURE --keep-structure-info t --keep-symbols s
plain no TEXT-STRUCTURE --keep-structure-info :print
echo '(defstruct (quiet (:conc-name qu-) (:constructor make-quiet ())) (field-of-quiet 5)) (defun main () (write-line (if (eql (qu-field-of-quiet (make-quiet)) 5) "five" "?")))' >quiet.lisp
deliver quiet.lisp
prints five
bytes no FIELD-OF-QUIET
deliver quiet.lisp --keep-structure-info :print
prints five
bytes yes FIELD-OF-QUIET

# -- What goes, and what it says then --
cat >load.lisp <<'E'
(write-line "loaded")
E
cat >calls.lisp <<'E'
(defmacro try (form) `(handler-case ,form (error (c) (princ c) (terpri))))
(defgeneric g (x))
(defun gone () (write-line "not gone"))
(defun main ()
  (try (gone))
  (try (progn (princ (eval '(+ 1 2))) (terpri)))
  (try (load "load.lisp"))
  (try (progn (princ (read-from-string "(a)")) (terpri)))
  (try (progn (princ (complex 1 2)) (terpri)))
  (try (progn (defclass late () ()) (princ (class-name (class-of (make-instance 'late)))) (terpri)))
  (try (progn (defmethod g ((x integer)) (* 2 x)) (princ (g 5)) (terpri)))
  (try (with-input-from-string (*standard-input* "q") (inspect 1))))
E
all='not gone
3
loaded
(A)
#C(1 2)
LATE
10
'
about :dynamic-names
deliver calls.lisp # the default: what is called is kept
says 0 '^not gone\|3\|loaded\|\(A\)\|#C\(1 2\)\|LATE\|10\|.*INSPECT was removed by delivery; :KEEP-TOP-LEVEL T keeps it'
deliver calls.lisp --dynamic-names :trust
says 0 '^not gone\|The function EVAL was removed by delivery; :KEEP-EVAL T keeps it\.\|The function LOAD was removed by delivery; :KEEP-LOAD-FUNCTION T keeps it\.\|The function READ-FROM-STRING was removed by delivery; :KEEP-LISP-READER T keeps it\.\|#C\(1 2\)\|.*:KEEP-CLOS :FULL-DYNAMIC-DEFINITION keeps it\.\|.*:KEEP-CLOS :METHOD-DYNAMIC-DEFINITION keeps it'
matches "$about :strict" 1 'places make names at run time; none is allowed' "$W" deliver calls.lisp -o app --dynamic-names :strict
matches "$about: another value" 1 ':DYNAMIC-NAMES takes :KEEP, :STRICT, :TRUST; not :FROB' "$W" deliver calls.lisp -o app --dynamic-names :frob
about :functions-to-remove
deliver calls.lisp --functions-to-remove gone
says 0 'GONE was removed by delivery; another :FUNCTIONS-TO-REMOVE keeps it'
about :keep-stub-functions
deliver calls.lisp --functions-to-remove gone --keep-stub-functions nil --trust
says 0 '^The function #:\|\| was removed by delivery'
bytes no GONE
about :keep-eval
deliver calls.lisp --keep-eval nil
says 0 'EVAL was removed by delivery; :KEEP-EVAL T keeps it'
deliver calls.lisp --trust --keep-eval t
says 0 '^not gone\|3\|The function LOAD'
about :keep-load-function
deliver calls.lisp --trust --keep-load-function t --keep-eval t --keep-lisp-reader t
says 0 'not gone\|3\|loaded\|'
about :keep-lisp-reader
deliver calls.lisp --trust --keep-lisp-reader t
says 0 '\|\(A\)\|'
about :keep-complex-numbers
deliver calls.lisp --keep-complex-numbers nil
says 0 'The function COMPLEX was removed by delivery; :KEEP-COMPLEX-NUMBERS T keeps it'
about :keep-clos
deliver calls.lisp --trust --keep-clos :full-dynamic-definition
says 0 '\|LATE\|10\|'
deliver calls.lisp --trust --keep-clos :method-dynamic-definition
says 0 ':KEEP-CLOS :FULL-DYNAMIC-DEFINITION keeps it\.\|10\|'
about :keep-top-level
deliver calls.lisp --keep-top-level t
matches "$about" 0 '^not gone.*\|10\|.*(1|INTEGER|fixnum)' ./app
about :keep-conditions
echo '(defun main () (handler-case (car (length ext:*command-line-arguments*)) (error () (write-line "handled"))))' >handles.lisp
deliver handles.lisp
prints "handled"
deliver handles.lisp --keep-conditions nil
says 1 '^Unhandled TYPE-ERROR: The value 0 is not of type LIST\.\|$'
about :keep-pretty-printer
echo "(defun main () (let ((*print-pretty* t) (*print-right-margin* 20)) (print '(defun some-function (argument) (list argument argument))) (terpri)))" >pretty.lisp
deliver pretty.lisp
prints "$("$W" --no-init --load pretty.lisp --eval '(main)' --quit)"
deliver pretty.lisp --keep-pretty-printer nil
says 1 'PRETTY-PRINT was removed by delivery; :KEEP-PRETTY-PRINTER T keeps it'

# -- Names --
cat >names.lisp <<'E'
(defun cmd-add () (write-line "added")) (defun cmd-mul () (write-line "multiplied"))
(defun look (name) (find-symbol (concatenate 'string "CMD-" (string-upcase name)) "COMMON-LISP-USER"))
(defun main () (funcall (look (if ext:*command-line-arguments* (car ext:*command-line-arguments*) "add"))))
E
about :trace-names
deliver names.lisp --trace-names t --level 0
matches "$about" 0 '^added\|$' env WINDFALL_NAMES="$T/found" ./app
matches "$about: the file" 0 '\(:SYMBOL "COMMON-LISP-USER" "CMD-ADD"\)' cat found
about :keep-files
deliver names.lisp --trust --keep-files '#p"found"'
prints added
matches "$about: what is not there" 1 'CMD-MUL of COMMON-LISP-USER was removed by delivery' ./app mul
about :trusted-functions
matches "$about" 0 '^\|$' "$W" deliver names.lisp -o app --trusted-functions look --strict
says 1 'CMD-ADD of COMMON-LISP-USER was removed by delivery'

# -- What is told --
about :interrogate-symbols
matches "$about" 0 'DOCUMENTED\|    call of DOCUMENTED|    function DOCUMENTED' "$W" deliver plain.lisp -o app --interrogate-symbols documented
about :run-it
matches "$about" 0 '^\|1 \|MAIN ' "$W" deliver plain.lisp -o app --run-it t
about :call-count
matches "$about" 0 'shaken: .*internal symbol' "$W" deliver plain.lisp -o app --call-count t
about :explain
rm -f facts
deliver plain.lisp --explain
matches "$about" 0 'app, level 5' "$W" explain app
matches "$about: a file" 0 '^\|$' "$W" --no-init --load plain.lisp --eval '(ext:deliver (quote main) "app" 5 :explain "facts")' --quit
matches "$about: a file" 0 'app, level 5' "$W" explain app --facts facts
about :report
deliver plain.lisp --report page.html
matches "$about" 0 '<!DOCTYPE html>' head -c 300 page.html
about :json
deliver plain.lisp --json facts.json
matches "$about" 0 '^[1-9]' python3 -c 'import json; print(json.load(open("facts.json"))["bytes"])'
about :shed
cat >shed.lisp <<'E'
(defun unused () "TEXT-UNUSED")
(defun main () (print (funcall (intern (concatenate 'string "UN" "USED")))) (terpri))
E
deliver shed.lisp --shed shed.shed
bytes no UNUSED
prints '
"TEXT-UNUSED" '
rm -f app
matches "$about: T" 0 'TEXT-UNUSED' "$W" --no-init --load shed.lisp --eval '(ext:deliver (quote main) "app" 5 :shed t :run-it t)' --quit
if [ -e app.shed ]; then ok; else not_ok "$about: T" "$(ls)"; fi
matches "$about: another value" 1 'takes a file, not' "$W" --no-init --load shed.lisp --eval '(ext:deliver (quote main) "app" 5 :shed 5)' --quit
about :dry-run
deliver plain.lisp --dry-run
if [ -e app ]; then not_ok "$about writes nothing" "$(ls -l app)"; else ok; fi

# -- None is missing --
missing=$("$W" --no-init --eval '(dolist (entry sys::*delivery-keywords*) (format t "~(~S~)~%" (car entry)))' --quit | while read -r keyword; do
    case " $said " in *" $keyword "*) ;; *) echo "$keyword" ;; esac
done)
if [ -z "$missing" ]; then ok; else not_ok "every keyword has a check" "$missing"; fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
