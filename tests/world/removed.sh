#!/bin/sh
# removed.sh: what a delivered program says of what delivery took away: functions, symbols, values, packages, classes, directives of FORMAT.
. "$(dirname "$0")/expect"
# program NAME OPTION...   the program on standard input is delivered to ./app, at level 5 unless the options say otherwise
program() {
    name=$1
    shift
    rm -f app
    cat try.lisp - >program.lisp
    timeout 60 "$W" deliver program.lisp -o app "$@" >deliver.out 2>&1 || not_ok "$name: delivered" "$(cat deliver.out)"
}
# Each TRY prints the value of its form, or the error's type and text.
cat >try.lisp <<'E'
(defun up (&rest parts) (string-upcase (apply #'concatenate 'string parts)))
(defmacro try (form) `(handler-case (format t "~S~%" ,form) (error (c) (format t "~A: ~A~%" (type-of c) c))))
E

# -- Names that the program makes --
names() {
    cat <<'E'
(defpackage "TOOLS" (:use "CL") (:nicknames "TL"))
(defun tools::hammer () "hammer")
(defun secret () 1)
(defvar part "value") (defun part () "function")
(defclass thing () ())
(defun (setf place) (v) (list v))
(defun main ()
  (try (package-name (find-package (up "to" "ols"))))
  (try (package-name (find-package (up "t" "l"))))
  (try (find-package (up "no" "where")))
  (try (find-symbol (up "sec" "ret")))
  (try (intern (up "ham" "mer") (up "to" "ols")))
  (try (find-symbol (up "no" "body")))
  (try (find-class (find-symbol (up "thi" "ng"))))
  (try (functionp (fdefinition (list 'setf (find-symbol (up "pla" "ce"))))))
  (try (funcall (find-symbol (up "pa" "rt"))))
  (try (part))
  (try (symbol-value (find-symbol (up "pa" "rt"))))
  (try (progn (set (find-symbol (up "pa" "rt")) 5) (symbol-value (find-symbol (up "pa" "rt"))))))
E
}
names | program "names that are kept"
whole='"TOOLS"
"TOOLS"
NIL
SECRET
TOOLS::HAMMER
NIL
#<STANDARD-CLASS THING>
T
"function"
"function"
"value"
5'
expect "names that are kept" 0 "$whole" ./app
trusted='"TOOLS"
"TOOLS"
NIL
SIMPLE-PACKAGE-ERROR: The symbol SECRET of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it.
SIMPLE-PACKAGE-ERROR: The symbol HAMMER of TOOLS was removed by delivery; :KEEP-SYMBOLS keeps it.
NIL
SIMPLE-PACKAGE-ERROR: The symbol THING of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it.
SIMPLE-PACKAGE-ERROR: The symbol PLACE of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it.
"function"
"function"
UNBOUND-VARIABLE: The variable PART was removed by delivery; :KEEP-SYMBOLS keeps it.
5'
names | program "names that are trusted" --trust --level 3
expect "names that are trusted" 0 "$trusted" ./app
names | sed 's/(defun main/(ext:deliver-trust-names (quote main))(defun main/' | program "a function that is trusted" --level 3
expect "a function that is trusted" 0 "$trusted" ./app
names | program "what is named stays" --trust --keep-symbols 'secret,part,tools::hammer,thing,place'
expect "what is named stays" 0 "$whole" ./app

# -- Packages of the library --
packages() { echo '(defun main () (try (package-name (find-package (up "over" "lays")))) (try (find-package (up "under" "lays"))))'; }
for options in "" --trust; do
    packages | program "packages" $options
    expect "packages $options" 0 'SIMPLE-PACKAGE-ERROR: The package OVERLAYS was removed by delivery; :PACKAGES-TO-KEEP keeps it.
NIL' ./app
    packages | program "packages" $options --packages-to-keep overlays
    expect "packages that are kept $options" 0 '"OVERLAYS"
NIL' ./app
done

# -- Directives of FORMAT in control strings that are made --
directives() {
    cat <<'E'
(defun shown (stream x colon at) (declare (ignore colon at)) (format stream "<~A>" x))
(defun main ()
  (try (format nil (up "~" "r") 17))
  (try (format nil (up "~" "/shown/") 17))
  (try (format nil (up "~" "y") 17)))
E
}
directives | program "directives"
expect "directives" 0 '"seventeen"
SIMPLE-PACKAGE-ERROR: The symbol SHOWN of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it.
FORMAT-ERROR: FORMAT: ~Y is no directive' ./app
directives | program "directives that are trusted" --trust
expect "directives that are trusted" 0 'FORMAT-ERROR: FORMAT: ~R was removed by delivery; a string with it, or (:directive "R") in a keep-file, keeps it
FORMAT-ERROR: FORMAT: ~/ was removed by delivery; a string with it, or (:directive "/") in a keep-file, keeps it
FORMAT-ERROR: FORMAT: ~Y is no directive' ./app
printf '(:directive "R")\n(:directive "/")\n' >some.keep
directives | program "directives of a keep-file" --trust --keep-file some.keep
expect "directives of a keep-file" 0 '"seventeen"
SIMPLE-PACKAGE-ERROR: The symbol SHOWN of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it.
FORMAT-ERROR: FORMAT: ~Y is no directive' ./app

# -- What keywords take away --
program "keywords" --classes-to-remove thing --smash-packages TOOLS --functions-to-remove 'gone,(setf gone)' <<'E'
(defpackage "TOOLS" (:use "CL"))
(defun tools::hammer () "hammer")
(defclass thing () ())
(defun gone () 1)
(defun (setf gone) (v) v)
(defun main ()
  (try (find-class 'thing))
  (try (make-instance 'thing))
  (try (typep 5 (car (list 'thing))))
  (try (tools::hammer))
  (try (gone))
  (try (setf (gone) 5))
  (try (eval '(+ 1 2)))
  (try (load "x"))
  (try (ext:load-system "x")))
E
matches "keywords" 0 'The class THING was removed by delivery; another :CLASSES-TO-REMOVE keeps it\.\|.*The class THING was removed.*\|.*The class THING was removed.*\|.*HAMMER was removed by delivery; another :SMASH-PACKAGES.*\|.*GONE was removed by delivery; another :FUNCTIONS-TO-REMOVE.*\|.*\(SETF GONE\) was removed by delivery; another :FUNCTIONS-TO-REMOVE' ./app

# -- What reads or evaluates stays unless it is told to go --
program "told to go" --keep-eval nil --keep-load-function nil --keep-lisp-reader nil <<'E'
(defun main ()
  (try (eval '(+ 1 2)))
  (try (load "x"))
  (try (ext:load-system "x"))
  (try (read-from-string "x")))
E
expect "told to go" 0 'UNDEFINED-FUNCTION: The function EVAL was removed by delivery; :KEEP-EVAL T keeps it.
UNDEFINED-FUNCTION: The function LOAD was removed by delivery; :KEEP-LOAD-FUNCTION T keeps it.
UNDEFINED-FUNCTION: The function LOAD-SYSTEM was removed by delivery; :KEEP-LOAD-FUNCTION T keeps it.
UNDEFINED-FUNCTION: The function READ-FROM-STRING was removed by delivery; :KEEP-LISP-READER T keeps it.' ./app

# -- A program without conditions: C writes the same --
echo '(defun (setf gone) (v) v) (defun gone () 1) (defun main () (if ext:*command-line-arguments* (gone) (setf (gone) 5)))' >plain.lisp
matches "in C" 0 '^\|$' "$W" deliver plain.lisp -o app --functions-to-remove 'gone,(setf gone)'
matches "in C: a function" 1 'Unhandled UNDEFINED-FUNCTION: The function GONE was removed by delivery; another :FUNCTIONS-TO-REMOVE keeps it\.' ./app x
matches "in C: a function of SETF" 1 'Unhandled UNDEFINED-FUNCTION: The function \(SETF GONE\) was removed by delivery; another :FUNCTIONS-TO-REMOVE keeps it\.' ./app
program "in C" --trust <<'E'
(defun secret () 1)
(defun main () (print (fboundp (find-symbol (if ext:*command-line-arguments* (car ext:*command-line-arguments*) "X")))))
E
matches "in C: a symbol" 1 'Unhandled .*PACKAGE-ERROR: The symbol SECRET of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it' ./app SECRET

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
