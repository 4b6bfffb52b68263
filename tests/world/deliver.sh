#!/bin/sh
# deliver.sh: delivered programs: what they print, what went, what stayed.  (deliver-keywords.sh: each keyword; removed.sh: what they say of what went.)
manual=$(tools/delivery-manual --check 2>&1) && manual=good
. "$(dirname "$0")/expect"
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

# -- The manual's tables are the code's --
if [ "$manual" = good ]; then ok; else not_ok "docs/manual/delivering.md" "$manual"; fi

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

# -- Shaking is exact: of each kind of link, what is unused goes (MARK-...), what is used stays (STAY-...) --
cat >exact.lisp <<'E'
(defpackage "LIB" (:use "CL") (:export "USED" "UNUSED"))
(defun lib::used () "STAY-EXTERNAL") (defun lib::unused () "MARK-EXTERNAL") (defun lib::internal () "MARK-INTERNAL")
(defpackage "DEAD" (:use "CL" "LIB")) (defun dead::f () "MARK-PACKAGE")
(defvar *unused* "MARK-VARIABLE") (defvar *used* "STAY-VARIABLE")
(defmacro unused-macro () "MARK-MACRO")
(defclass base () ())
(defclass used-class (base) ((x :initform "STAY-INITFORM" :reader x)))
(defclass unused-class (base) ((x :initform "MARK-SUBCLASS")))
(defgeneric describe-it (x))
(defmethod describe-it ((x used-class)) (concatenate 'string "STAY-METHOD " (x x)))
(defmethod describe-it ((x unused-class)) "MARK-METHOD")
(defclass only-from-dead-method () ((x :initform "MARK-REACHED-CLASS")))
(defgeneric dead-generic (x)) (defmethod dead-generic ((x t)) (make-instance 'only-from-dead-method) "MARK-DEAD-GENERIC")
(defmethod describe-it ((x (eql 'some-symbol))) "STAY-EQL-METHOD")
(defgeneric two (x y)) (defmethod two ((x used-class) (y unused-class)) "MARK-SECOND-SPECIALIZER") (defmethod two ((x used-class) (y used-class)) "STAY-TWO")
(defstruct unused-structure (slot "MARK-STRUCTURE"))
(deftype unused-type () '(member "MARK-TYPE"))
(deftype used-type () '(member :stay))
(defsetf unused-place (x) (v) (list 'list "MARK-SETF-EXPANDER" x v))
(defun (setf unused-function) (v x) (list v x "MARK-SETF-FUNCTION"))
(defvar *cell* 0) (defun (setf used-function) (v) (setq *cell* (list v "STAY-SETF-FUNCTION")))
(defun with-compiler-macro (x) x) (define-compiler-macro with-compiler-macro (x) (list 'progn "MARK-COMPILER-MACRO" x))
(define-symbol-macro unused-symbol-macro (list "MARK-SYMBOL-MACRO"))
(defun chain-1 () (chain-2)) (defun chain-2 () (funcall 'chain-3)) (defun chain-3 () (symbol-value '*chain-4*)) (defvar *chain-4* "STAY-CHAIN")
(defun cycle-a () (cycle-b) "MARK-CYCLE") (defun cycle-b () (cycle-a))
(setf (get 'plist 'used) "STAY-PROPERTY" (get 'plist 'unused) "MARK-PROPERTY" (get 'elsewhere 'used) "MARK-PROPERTY-OF-UNUSED")
(set-macro-character #\$ (lambda (stream char) (declare (ignore stream char)) "MARK-READTABLE"))
(set-pprint-dispatch '(cons (eql fooble)) (lambda (stream x) (declare (ignore x)) (write-string "MARK-PPRINT" stream)))
(define-method-combination unused-combination :documentation "MARK-COMBINATION")
(define-condition unused-condition (error) () (:report "MARK-CONDITION"))
(defun typed (x) (if (typep x 'used-type) "STAY-TYPE" "?"))
(defun documented () "MARK-DOCUMENTATION" 1)
(defvar *say* (list "STAY-DATA"))
(defun main ()
  (documented)
  (setf (used-function) 1)
  (dolist (x (list (lib:used) *used* (describe-it (make-instance 'used-class)) (describe-it 'some-symbol) (two (make-instance 'used-class) (make-instance 'used-class))
                   (second *cell*) (with-compiler-macro "STAY-FUNCTION") (chain-1) (get 'plist 'used) (typed :stay) (car *say*)))
    (write-line x)))
E
expected=$("$W" --no-init --load exact.lisp --eval '(main)' --quit)
[ "$(printf '%s\n' "$expected" | grep -c STAY)" = 11 ] && ok || not_ok "what is used is printed" "$expected"
for level in 2 5; do
    deliver "exact at $level" $level exact.lisp
    expect "exact at $level" 0 "$expected" ./app
    found=$(tr -d '\000' <app | grep -aoE 'MARK-[A-Z-]*' | sort -u | tr '\n' ' ')
    [ $level = 2 ] && found=$(echo "$found" | sed 's/MARK-PPRINT MARK-READTABLE //') # the debugger of level 2 prints and reads
    if [ -z "$found" ]; then ok; else not_ok "what is unused goes at $level" "$found"; fi
done
bytes "source places go" no exact.lisp

# -- Tables are reinstated as they were --
cat >tables.lisp <<'E'
(defpackage "LIB" (:use "CL") (:nicknames "L") (:export "SHOWN"))
(defpackage "USER" (:use "CL" "LIB") (:shadow "LAST") (:local-nicknames ("X" "LIB")))
(defun user::last () 1)
(defclass a () ()) (defclass b (a) ()) (defclass c (a) ())
(defgeneric g (x) (:method ((x b)) 1) (:method ((x c)) 2) (:method ((x a)) 3))
(defun main ()
  (let ((*package* (find-package "USER")))
    (print (list 'lib:shown 'lib::hidden 'user::last 'car (find-symbol "SHOWN" "USER") (nth-value 1 (find-symbol "SHOWN" "USER"))
                 (nth-value 1 (find-symbol "HIDDEN" "L")) (mapcar #'package-name (package-use-list "USER")) (mapcar #'package-name (package-used-by-list "LIB"))
                 (package-shadowing-symbols "USER"))))
  (print (list (g (make-instance 'b)) (g (make-instance 'c)) (g (make-instance 'a)) (class-name (class-of (make-instance 'b))) (find-class 'b) (typep (make-instance 'c) 'a)))
  (terpri))
E
expected=$("$W" --no-init --load tables.lisp --eval '(main)' --quit | sed 's/{[0-9A-F]*}//g')
deliver "tables" 5 tables.lisp
expect "tables" 0 "$expected" sh -c "./app | sed 's/{[0-9A-F]*}//g'"

# -- Users' links, cleanup functions, hooks --
cat >user.lisp <<'E'
(defvar *table* (list (cons :used nil) (cons :unused nil)))
(defun used-one () "STAY-BY-OTHERS") (defun unused-one () "MARK-IN-TABLE")
(defun entry-value (entry) (cdr entry)) (defun (setf entry-value) (value entry) (setf (cdr entry) value))
(setf (cdr (first *table*)) #'used-one (cdr (second *table*)) #'unused-one)
(dolist (entry *table*) (ext:delivery-shaker-weak-pointer entry 'entry-value :dead-value :dead))
(defvar *extra* (list "MARK-CLEANED"))
(ext:delivery-shaker-cleanup *table* (lambda (table) (declare (ignore table)) (setq *extra* (list "STAY-CLEANED"))))
(defvar *hooked* "MARK-HOOKED")
(push (lambda (options) (declare (ignore options)) (setq *hooked* "STAY-HOOKED")) ext:*delivery-hooks*)
(ext:deliver-keep-symbols 'kept-by-declaration)
(defun kept-by-declaration () "STAY-DECLARED")
(defun main () (write-line (used-one)) (write-line (if (eq (cdr (second *table*)) :dead) "dead" "alive"))
  (write-line (if (functionp (cdr (first *table*))) (funcall (cdr (first *table*))) "?")) (write-line (car *extra*)) (write-line *hooked*))
E
deliver "users' links" 5 user.lisp
expect "users' links" 0 "STAY-BY-OTHERS
dead
STAY-BY-OTHERS
STAY-CLEANED
STAY-HOOKED" ./app
found=$(tr -d '\000' <app | grep -aoE 'MARK-[A-Z-]*' | sort -u | tr '\n' ' ')
if [ -z "$found" ]; then ok; else not_ok "users' links: what is unused goes" "$found"; fi
bytes "declared in the source" yes STAY-DECLARED

# -- What was removed says so --
cat >removed.lisp <<'E'
(defun main ()
  (handler-case (eval '(+ 1 2)) (undefined-function (c) (format t "~A~%" c)))
  (handler-case (read-from-string "1") (undefined-function (c) (format t "~A~%" c)))
  (handler-case (gone) (undefined-function (c) (format t "~A~%" c)))
  (compile 'main))
(defun gone () 1)
E
deliver "removed functions" 5 removed.lisp --functions-to-remove gone --trust
matches "removed functions" 1 'EVAL was removed by delivery; :KEEP-EVAL T keeps it.*READ-FROM-STRING was removed by delivery; :KEEP-LISP-READER T.*GONE was removed.*COMPILE was removed by delivery' ./app
sed -i '/defun gone/d' removed.lisp
deliver "kept functions" 5 removed.lisp --keep-eval t --keep-lisp-reader t
expect "kept functions" 0 "The function GONE is not defined." ./app

# -- Documentation stays if the program asks for it --
cat >asks.lisp <<'E'
(defun f () "of f" 1)
(defclass c () ((a :documentation "of a")) (:documentation "of c"))
(defgeneric g (x) (:documentation "of g"))
(defvar *v* 1 "of v")
(defun main () (print (list (f) (documentation 'f 'function) (documentation 'c 'type) (documentation #'g t) (documentation '*v* 'variable))) (terpri))
E
deliver "a program that asks for documentation" 5 asks.lisp
expect "a program that asks for documentation" 0 '
(1 "of f" "of c" "of g" "of v") ' ./app
deliver "a program that must not have it" 5 asks.lisp --keep-documentation nil
expect "a program that must not have it" 0 '
(1 NIL NIL NIL NIL) ' ./app

# -- Lambda lists, macros, names, classes stay as far as the program asks for them --
cat >asks.lisp <<'E'
(defun f (a &optional b) (list a b))
(defmacro m (x) `(list ,x))
(defun show (x) (prin1 x) (terpri))
(defun main ()
  (show (multiple-value-list (overlays:arglist 'f)))
  (show (overlays:fntyp 'm))
  (show (nth-value 2 (function-lambda-expression #'f))))
E
undelivered="$("$W" --no-init --eval '(load "asks.lisp")' --eval '(main)' --quit)"
deliver "a program that asks for lambda lists" 5 asks.lisp
expect "a program that asks for lambda lists" 0 "$undelivered" ./app
cat >asks.lisp <<'E'
(defmacro m (x) `(list ,x))
(defun main ()
  (print (list (fboundp 'm) (fboundp 'when) (fboundp 'nothing) (handler-case (fdefinition 'm) (undefined-function (c) (princ-to-string c)))))
  (terpri))
E
deliver "a macro that nothing expands" 2 asks.lisp
expect "a macro that nothing expands" 0 '
(T T NIL "The function M was removed by delivery; :KEEP-MACROS T keeps it.") ' ./app
cat >asks.lisp <<'E'
(defclass c () ((a :initarg :a :reader reader-of-a)))
(defun main ()
  (print (reader-of-a (make-instance 'c :a 1)))
  (eval '(defclass c () ((a :initarg :a))))
  (print (handler-case (reader-of-a (make-instance 'c :a 1)) (error () "no reader")))
  (eval '(defun (setf place) (v x) (list v x)))
  (print (setf (place 1) 2))
  (terpri))
E
undelivered="$("$W" --no-init --eval '(let ((*error-output* (make-broadcast-stream))) (load "asks.lisp"))' --eval '(main)' --quit)"
deliver "definitions at run time" 5 asks.lisp
expect "definitions at run time" 0 "$undelivered" ./app

# -- Names that are looked up --
cat >names.lisp <<'E'
(defun secret () 1)
(defun known () (write-line "called"))
(defun directive (stream argument colon at) (declare (ignore colon at)) (format stream "<~A>" argument))
(defun main ()
  (funcall (intern "KNOWN"))
  (format t "~/directive/~%" 1)
  (print (find-symbol (concatenate 'string "NEVER" "-WAS")))
  (handler-case (print (find-symbol (concatenate 'string "SEC" "RET"))) (package-error (c) (terpri) (princ c)))
  (handler-case (funcall (intern (concatenate 'string "SEC" "RET"))) (package-error (c) (terpri) (princ c)))
  (terpri))
E
deliver "names" 5 names.lisp --trust
expect "names" 0 'called
<1>

NIL 
SECRET 
The symbol SECRET of COMMON-LISP-USER was removed by delivery; :KEEP-SYMBOLS keeps it.' ./app

# -- What is needed only if it can be: logical pathnames, the type system --
cat >logical.lisp <<'E'
(defun show (name) (format t "~A ~A~%" (namestring (translate-logical-pathname name)) (probe-file name)))
(defun main () (show "app:data;x.text") (show "/no/such/file"))
E
sed -e '1i (setf (logical-pathname-translations "APP") (list (list "**;*.*" "/no/where/**/*.*")))' logical.lisp >logical-before.lisp
sed -e 's/(defun main ()/& (setf (logical-pathname-translations "APP") (list (list "**;*.*" "\/no\/where\/**\/*.*")))/' logical.lisp >logical-within.lisp
deliver "a host that is there" 5 logical-before.lisp
expect "a host that is there" 0 "/no/where/data/x.text NIL
/no/such/file NIL" ./app
deliver "a host that is made" 5 logical-within.lisp
expect "a host that is made" 0 "/no/where/data/x.text NIL
/no/such/file NIL" ./app
deliver "no host" 5 logical.lisp
expect "no host" 0 "app:data;x.text NIL
/no/such/file NIL" ./app
cat >types.lisp <<'E'
(deftype small () '(mod 200))
(defun main ()
  (with-open-file (out "types.data" :direction :output :element-type '(unsigned-byte 8) :if-exists :supersede) (write-byte 65 out) (print (stream-element-type out)))
  (with-open-file (in "types.data") (print (list (read-char in) (stream-element-type in))))
  (print (list (map 'vector #'1+ '(1 2)) (map 'string #'char-upcase "ab") (map 'list #'+ '(1 2) #(3 4)) (map nil #'identity "a")
               (make-array 2 :element-type 'character :fill-pointer 0 :adjustable t) (array-element-type (make-array 3 :element-type '(unsigned-byte 8) :initial-contents '(1 2 3)))))
  (let ((kinds (list 'small '(or (eql 1) (eql 0)) 'base-char)))
    (print (mapcar (lambda (type) (array-element-type (make-array 1 :element-type type))) kinds))
    (with-open-file (in "types.data" :element-type (first kinds)) (print (stream-element-type in)))
    (print (map (list 'vector (second kinds)) #'identity '(1 0)))))
E
timeout 20 "$W" --no-init --load types.lisp --eval '(main)' --quit >types.plain 2>&1
deliver "types" 5 types.lisp
expect "types" 0 "$(cat types.plain)" ./app

# -- Finalizers, startup functions, cleanup forms --
cat >others.lisp <<'E'
(defun gone-finalizer (x) (print (list x "MARK-FINALIZER")))
(defun used-finalizer (x) (declare (ignore x)) (write-line "finalized"))
(defvar *unused* (list 1)) (defvar *used* (list 2))
(ext:terminate-when-unreachable *unused* 'gone-finalizer)
(ext:terminate-when-unreachable *used* 'used-finalizer)
(push (lambda () (write-line "started")) ext:*lisp-startup-functions*)
(defun main ()
  (print (car *used*))
  (setq *used* nil)
  (ext:gc)
  (dotimes (i 10) (list i))
  (terpri)
  (unwind-protect (error "over") (write-line "cleaned")))
E
deliver "finalizers" 5 others.lisp
expect "finalizers" 1 'started

2 finalized

cleaned' ./app
bytes "finalizers of what is gone" no MARK-FINALIZER

# -- Swapped code and arrays --
cat >swap.lisp <<'E'
(defun helper (x) (list x (* x x)))
(defvar *array* (ext:mkswap (vector 'some-symbol 2 'car "text")))
(defvar *closure* (let ((n 1)) (defun next () (incf n)) (lambda () (incf n))))
(defun main ()
  (print (list (ext:scodep 'helper) (ext:scodep 'next) (ext:scodep *closure*) (ext:scodep 'main)))
  (print (list (next) (funcall *closure*)))
  (print (helper 7)) (print (aref *array* 0)) (print (funcall (aref *array* 2) (list (aref *array* 3)))) (terpri))
(ext:mkswap 'helper)
(ext:mkswap 'next)
(ext:mkswap *closure*)
E
deliver "swapped" 5 swap.lisp
expect "swapped" 0 '
(T T T NIL) 
(2 3) 
(7 49) 
SOME-SYMBOL 
"text" ' ./app

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
