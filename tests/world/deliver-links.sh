#!/bin/sh
# deliver-links.sh: shaking is exact: of every kind of link (src/shake/links.def), what is unused goes (nothing with GOES- is in the file), and what is used stays and is
# found (STAYS-), at the levels 2 and 5; and when all is to stay, every table is reinstated as it was recorded.
ROOT=$(realpath "$(dirname "$0")/../..")
. "$(dirname "$0")/expect"
said=""
# row "NAME" OPTION...   the program on standard input: what its MAIN prints undelivered it prints at both levels; GOES- goes, STAYS- stays
row() {
    said="$said|$1|" row=$1
    shift
    cat >row.lisp
    wanted=$("$W" --no-init --load row.lisp --eval '(main)' --quit 2>&1)
    for level in 2 5; do one_level "$level" "$@"; done
}
one_level() {
    level=$1
    shift
    name="$row, level $level"
    rm -f app
    if ! timeout 60 "$W" deliver row.lisp -o app --level "$level" "$@" >deliver.out 2>&1; then not_ok "$name: delivered" "$(cat deliver.out)"; return; fi
    expect "$name" 0 "$wanted" ./app
    tr -d '\000' <app >text
    marks=$(grep -aoE 'GOES-[A-Z0-9-]*' text | sort -u | tr '\n' ' ')
    if [ -z "$marks" ]; then ok; else not_ok "$name: what is unused goes" "$marks"; fi
    stays=$(grep -oE 'STAYS-[A-Z0-9-]*' row.lisp | sort -u)
    for stay in $stays; do
        if grep -qaF -- "$stay" text; then ok; else not_ok "$name: what is used stays" "$stay"; fi
    done
}

# -- Packages --
row "package" <<'E'
(defpackage "STAYS-PACKAGE" (:use "CL")) (defpackage "GOES-PACKAGE" (:use "CL")) (defun goes-package::f () 1)
(defun main () (print (package-name (find-package "STAYS-PACKAGE"))) (terpri))
E
row "internal symbol" <<'E'
(defpackage "P" (:use "CL")) (defvar p::stays-internal "found") (defvar p::goes-internal "lost")
(defun main () (multiple-value-bind (s how) (find-symbol "STAYS-INTERNAL" "P") (print (list s how (symbol-value s)))) (terpri))
E
row "external symbol" <<'E'
(defpackage "P" (:use "CL") (:export "STAYS-EXTERNAL" "GOES-EXTERNAL")) (defvar p:stays-external "found") (defvar p:goes-external "lost")
(defun main () (multiple-value-bind (s how) (find-symbol "STAYS-EXTERNAL" "P") (print (list s how (symbol-value s)))) (terpri))
E
row "used package" <<'E'
(defpackage "STAYS-USED" (:use)) (defpackage "GOES-USED" (:use)) (defpackage "P" (:use "STAYS-USED" "GOES-USED"))
(defun main () (print (and (member (find-package "STAYS-USED") (package-use-list "P")) t)) (terpri))
E
row "using package" <<'E'
(defpackage "P" (:use)) (defpackage "STAYS-USING" (:use "P")) (defpackage "GOES-USING" (:use "P"))
(defun main () (print (and (member (find-package "STAYS-USING") (package-used-by-list "P")) t)) (terpri))
E
row "shadowing symbol" <<'E'
(defpackage "P" (:use "CL") (:shadow "STAYS-SHADOWING" "GOES-SHADOWING"))
(defun main () (print (and (member 'p::stays-shadowing (package-shadowing-symbols "P")) t)) (terpri))
E
row "local nickname" <<'E'
(defpackage "LIB") (defpackage "DEAD") (defpackage "P" (:use "CL") (:local-nicknames ("STAYS-NICKNAME" "LIB") ("GOES-NICKNAME" "DEAD")))
(defun main () (print (and (find-package "LIB") (mapcar #'car (remove "LIB" (package-local-nicknames "P") :key (lambda (e) (package-name (cdr e))) :test-not #'equal)))) (terpri))
E

# -- Classes --
row "subclass" <<'E'
(defclass base () ()) (defclass one (base) ()) (defclass two (base) ((x :initform "STAYS-SUBCLASS" :reader x))) (defclass three (one) ())
(defvar *dead* (defclass dead () ((x :initform "GOES-SUBCLASS"))))
(defun main () (print (list (mapcar #'class-name (sys::%direct-subclasses (class-of (make-instance 'base)))) (x (make-instance 'two)) (type-of (make-instance 'one)))) (terpri))
(defclass unused-of-dead (dead) ((y :initform "GOES-SUBCLASS-OF-UNUSED")))
E
row "method of class" <<'E'
(defclass one () ()) (defclass dead () ())
(defgeneric g (x)) (defmethod g ((x one)) "STAYS-METHOD-OF-CLASS") (defmethod g ((x dead)) "GOES-METHOD-OF-CLASS")
(defun main () (print (list (g (make-instance 'one)) (length (sys::%linked (sys::class-field (find-class 'one) sys::direct-methods))))) (terpri))
E
row "method" <<'E'
(defclass one () ()) (defclass sub (one) ()) (defclass dead () ()) (defgeneric g (x y)) (defgeneric dead-generic (x))
(defmethod g ((x one) (y one)) "STAYS-METHOD") (defmethod g ((x one) (y dead)) "GOES-METHOD-BY-SECOND") (defmethod g ((x dead) (y t)) "GOES-METHOD")
(defmethod dead-generic ((x one)) (make-instance 'only-from-there) "GOES-METHOD-OF-GENERIC") (defclass only-from-there () ((x :initform "GOES-METHOD-REACHED")))
(defun main () (print (g (make-instance 'sub) (make-instance 'one))) (terpri))
E
row "built-in class" <<'E'
(defgeneric g (x)) (defmethod g ((x integer)) "STAYS-BUILT-IN") (defmethod g ((x t)) "other")
(defun main () (print (list (g 5) (g "x") (class-name (class-of #\a)))) (terpri))
E
row "class" <<'E'
(defclass used () ((x :initform "STAYS-CLASS" :reader x))) (defclass dead () ((x :initform "GOES-CLASS")))
(defun main () (print (list (x (make-instance 'used)) (class-name (find-class 'used)))) (terpri))
E

# -- What the system knows of names --
row "type" <<'E'
(deftype used () '(member "STAYS-TYPE" 5)) (deftype dead () '(member "GOES-TYPE" 5))
(defun main () (print (list (typep 5 (car (list 'used))) (typep 6 (car (list 'used))))) (terpri))
E
row "structure" <<'E'
(defstruct used (stays-slot "STAYS-STRUCTURE")) (defstruct dead (goes-slot "GOES-STRUCTURE"))
(defun main () (print (make-used)) (terpri))
E
row "accessor" --trust --keep-eval t --keep-macros t --keep-lisp-reader t <<'E'
(defstruct (used (:conc-name stays-of-)) accessor) (defstruct (dead (:conc-name goes-of-)) (accessor "GOES-ACCESSOR"))
(defun main () (let ((s (make-used :accessor 1))) (print (list (eval (list 'setf (list 'stays-of-accessor s) 5)) (stays-of-accessor s)))) (terpri))
E
row "SETF expander" --trust --keep-eval t --keep-macros t --keep-lisp-reader t <<'E'
(defsetf place (x) (v) (list 'list "STAYS-SETF-EXPANDER" x v)) (defsetf dead (x) (v) (list 'list "GOES-SETF-EXPANDER" x v))
(defun main () (print (eval '(setf (place 1) 2))) (terpri))
E
row "SETF function" <<'E'
(defun (setf place) (v x) (list "STAYS-SETF-FUNCTION" v x)) (defun (setf dead) (v x) (list "GOES-SETF-FUNCTION" v x))
(defun main () (print (list (setf (place 1) 2) (funcall (fdefinition (list 'setf 'place)) 3 4))) (terpri))
E
row "compiler macro" --trust --keep-eval t --keep-macros t --keep-lisp-reader t <<'E'
(defun used (x) x) (define-compiler-macro used (x) (list 'list "STAYS-COMPILER-MACRO" x)) (defun dead (x) x) (define-compiler-macro dead (x) (list 'list "GOES-COMPILER-MACRO" x))
(defun main () (print (funcall (compile nil '(lambda () (used 1))))) (terpri))
E
row "symbol macro" --trust --keep-eval t --keep-macros t --keep-lisp-reader t <<'E'
(define-symbol-macro used (list "STAYS-SYMBOL-MACRO")) (define-symbol-macro dead (list "GOES-SYMBOL-MACRO"))
(defun main () (print (eval 'used)) (terpri))
E
row "inline expansion" --trust --keep-eval t --keep-macros t --keep-lisp-reader t <<'E'
(declaim (inline used dead)) (defun used () (list "STAYS-INLINE")) (defun dead () (list "GOES-INLINE"))
(defun main () (let ((f (compile nil '(lambda () (used))))) (fmakunbound 'used) (print (funcall f))) (terpri))
E
row "declared type" <<'E'
(declaim (type (member 5 "STAYS-DECLARED-TYPE") *used*) (type (member 5 "GOES-DECLARED-TYPE") *dead*)) (defvar *used* 5) (defvar *dead* 5)
(defun main () (print (list *used* (sys::%info '*used* 'sys::%global-type))) (terpri))
E
row "documentation" <<'E'
(defun used () "STAYS-DOCUMENTATION" 1) (defun dead () "GOES-DOCUMENTATION" 1) (defvar *dead* 1 "GOES-DOCUMENTATION-OF-VARIABLE")
(defun main () (print (list (used) (documentation 'used 'function))) (terpri))
E
row "property" <<'E'
(setf (get 'used 'kept) "STAYS-PROPERTY" (get 'used 'dropped) "GOES-PROPERTY" (get 'dead 'kept) "GOES-PROPERTY-OF-UNUSED")
(defun main () (print (get 'used 'kept)) (terpri))
E
row "macro" <<'E'
(defmacro used (x) (list 'list "STAYS-MACRO" x)) (defmacro dead (x) (list 'list "GOES-MACRO" x)) (defmacro expanded-before () "expanded")
(defun main () (print (list (macroexpand-1 '(used 1)) (expanded-before))) (terpri))
E

# -- What functions and layouts know --
row "debug information" --keep-debug-mode t --keep-symbol-names stays-debug <<'E'
(defun stays-debug (stays-argument) stays-argument) (defun dead (goes-argument) goes-argument)
(defun main () (print (list (stays-debug 1) (nth-value 2 (function-lambda-expression #'stays-debug)))) (terpri))
E
cat >row.lisp <<'E'
(defun used (goes-argument) goes-argument)
(defun main () (print (used 1)) (terpri))
E
wanted='
1 '
one_level 5
if grep -qaF row.lisp text; then not_ok "source places go" ""; else ok; fi
row "structure's description" <<'E'
(defstruct stays-description x) (defstruct dead (x "GOES-DESCRIPTION"))
(defun main () (print (class-name (class-of (make-stays-description)))) (terpri))
E
row "structure's slots" <<'E'
(defstruct used stays-slots) (defstruct (quiet (:conc-name q-) (:constructor make-quiet (x &aux (goes-slots x)))) goes-slots)
(defun main () (print (make-used :stays-slots 1)) (terpri))
E

# -- Strings, finalizers, users' links, needs --
row "FORMAT directive" <<'E'
(defun main () (format t "~D ~A~%" 5 "STAYS-DIRECTIVE"))
E
for level in 2 5; do
    name="FORMAT directive, level $level"
    timeout 60 "$W" deliver row.lisp -o app --level $level
    tr -d '\000' <app >text
    if [ $level = 5 ] && grep -qaF quadrillion text; then not_ok "$name: ~R goes" ""; else ok; fi
    echo '(defun main () (format t "~R~%" (expt 10 15)))' >roman.lisp
    timeout 60 "$W" deliver roman.lisp -o app --level $level
    expect "$name: ~R stays" 0 "one quadrillion" ./app
done
row "name in a string" <<'E'
(defun stays-named () "STAYS-NAMED-FUNCTION") (defun goes-named () "GOES-NAMED-FUNCTION")
(defun main () (print (funcall (find-symbol "STAYS-NAMED"))) (terpri))
E
row "finalizer" <<'E'
(defvar *used* (list "STAYS-FINALIZED")) (defvar *dead* (list 1)) (defun run (x) (declare (ignore x)) (write-line "finalized")) (defun dead-run (x) (print (list x "GOES-FINALIZER")))
(ext:terminate-when-unreachable *used* 'run) (ext:terminate-when-unreachable *dead* 'dead-run)
(defun main () (print (car *used*)) (terpri) (setq *used* nil) (ext:gc) (dotimes (i 10) (list i)))
E
row "user's link" <<'E'
(defvar *table* (list (cons 1 nil) (cons 2 nil)))
(defun used () "STAYS-USERS-LINK") (defun dead () (chained)) (defun chained () "GOES-USERS-LINK")
(defun entry (e) (cdr e)) (defun (setf entry) (v e) (setf (cdr e) v))
(setf (entry (first *table*)) #'used (entry (second *table*)) #'dead)
(dolist (e *table*) (ext:delivery-shaker-weak-pointer e 'entry))
(defun main () (print (list (used) (and (cdr (first *table*)) (funcall (cdr (first *table*)))))) (terpri))
E
row "need" <<'E'
(defun main () (handler-case (car (length (list 1))) (type-error (c) (print (list "STAYS-NEED" (type-error-datum c))))) (terpri))
E

# -- Chains and cycles through links of several kinds --
row "chain" <<'E'
(defclass one () ((next :initform (chain-2) :reader next))) (defun chain-2 () (get 'chain-3 'link)) (setf (get 'chain-3 'link) '*chain-4*) (defvar *chain-4* (list "STAYS-CHAIN"))
(defclass dead () ((next :initform (dead-2)))) (defun dead-2 () (get 'dead-3 'link)) (setf (get 'dead-3 'link) '*dead-4*) (defvar *dead-4* (list "GOES-CHAIN"))
(defun cycle-a () (cycle-b) "GOES-CYCLE") (defun cycle-b () (make-instance 'cycle)) (defclass cycle () ((x :initform (cycle-a))))
(defmethod in-cycle ((x cycle)) (in-cycle (make-instance 'cycle)) "GOES-CYCLE-METHOD")
(defun main () (print (symbol-value (next (make-instance 'one)))) (terpri))
E

# -- All that is recorded is reinstated if all is to stay --
cp "$ROOT/tests/world/links/tables.lisp" tables.lisp
"$W" --no-init --load tables.lisp --eval '(main)' --quit >wanted 2>&1
timeout 60 "$W" deliver tables.lisp -o app --level 2 --packages-to-keep :all --shake-classes nil --keep-macros t --keep-eval t --keep-clos :full-dynamic-definition --keep-documentation t \
    --keep-structure-info t --keep-debug-mode t --trust >deliver.out 2>&1
./app >got 2>&1
if [ "$(wc -l <wanted)" -gt 3000 ] && cmp -s wanted got; then ok; else not_ok "the tables are reinstated as they were" "$(cat deliver.out; diff wanted got | head)"; fi
timeout 60 "$W" deliver tables.lisp -o app --level 5 --packages-to-keep lib,app --keep-macros t --keep-documentation t --trust >deliver.out 2>&1
./app >got 2>&1
if [ "$(grep -c '^  \(LIB\|APP\)::' wanted)" -gt 30 ] && [ "$(grep '^  \(LIB\|APP\)::\|^LIB\|^APP' wanted)" = "$(grep '^  \(LIB\|APP\)::\|^LIB\|^APP' got)" ]; then ok
else not_ok "those of two packages" "$(cat deliver.out; diff wanted got | grep 'LIB::\|APP::' | head)"; fi

# -- No row of the table is missing --
sed -n 's/^LINK([A-Z_]*, "\([^"]*\)".*/\1/p' "$ROOT/src/shake/links.def" >kinds
while read -r kind; do
    case $said in *"|$kind|"*) ok ;; *) not_ok "a test of every kind of link" "$kind" ;; esac
done <kinds

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
