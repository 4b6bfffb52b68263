#!/bin/sh
# systems.sh: systems of files: what is compiled and loaded, and in which order; where systems are found; what wrong definitions are told; systems delivered.
EXAMPLES=$(realpath "$(dirname "$0")/../../examples")
. "$(dirname "$0")/expect"
mkdir bin
export W PATH="$T/bin:$PATH"
printf '#!/bin/sh\nexec "$W" --no-init --eval "$1" --quit\n' >bin/lisp
printf '#!/bin/sh\nexec lisp "(ext:load-system \\"$1\\" :verbose t)"\n' >bin/load-system
chmod +x bin/*
# compiled NAME FILES COMMAND...   the command compiles exactly these files, in that order
compiled() {
    name=$1 files=$2
    shift 2
    got=$(timeout 60 "$@" 2>&1 | sed -n 's/^; compiling .*\///p' | tr '\n' ' ')
    if [ "$got" = "$files" ]; then ok; else not_ok "$name" "compiled: $got"; fi
}

# -- Order, and what is out of date --
mkdir -p app/core lib
cat >lib/lib.asd <<'E'
(in-package :asdf-user)
(asdf:defsystem #:lib :version "2.1.3" :serial t :components ((:file "package") (:file "macros")) :author "somebody"
  :perform (asdf:test-op (o c) (uiop:symbol-call :lib :test)))
(asdf:defsystem #:lib/tests :depends-on (:lib) :components ((:file "tests")))
E
echo '(defpackage "LIB" (:use "CL") (:export "TWICE"))' >lib/package.lisp
echo '(in-package "LIB") (defmacro twice (x) `(progn ,x ,x))' >lib/macros.lisp
echo '(in-package "LIB") (defun cl-user::test () (write-line "tested"))' >lib/tests.lisp
cat >app/app.asd <<'E'
(defsystem "app"
  :depends-on ("lib" (:feature :no-such-lisp "nowhere") (:feature (:and :windfall (:not :no-such-lisp)) (:version "lib" "2.1")))
  :components ((:file "main" :depends-on ("core" "alone"))
               (:static-file "notes.txt")
               (:file "alone")
               (:file "other-lisp" :if-feature :no-such-lisp)
               (:module "inner" :pathname "core" :components ((:file "second" :depends-on ("first")) (:file "first" :pathname "first-file")) :depends-on ("package"))
               (:module "core" :pathname "" :depends-on ("inner") :components ())
               (:file "package"))
  :build-pathname "program"
  :entry-point "app::main")
E
echo '(defpackage "APP" (:use "CL" "LIB"))' >app/package.lisp
echo '(in-package "APP") (defun first-one () "first")' >app/core/first-file.lisp
echo '(in-package "APP") (defmacro second-one () `(first-one))' >app/core/second.lisp
echo '(defun cl-user::alone () 1)' >app/alone.lisp
echo '(in-package "APP") (defun main () (twice (write-line (second-one))))' >app/main.lisp
compiled "all is compiled, in an order that fits" "package.lisp macros.lisp package.lisp first-file.lisp second.lisp alone.lisp main.lisp " load-system app
compiled "nothing is out of date" "" load-system app
expect "it works" 0 "first
first" lisp '(progn (ext:load-system "app") (funcall (find-symbol "MAIN" "APP")))'
touch app/alone.lisp
compiled "a file and what needs it" "alone.lisp main.lisp " load-system app
touch app/core/first-file.lisp
compiled "through a module" "first-file.lisp second.lisp main.lisp " load-system app
touch lib/macros.lisp
compiled "through another system" "macros.lisp package.lisp first-file.lisp second.lisp alone.lisp main.lisp " load-system app
touch app/app.asd
compiled "the definition is newer" "package.lisp first-file.lisp second.lisp alone.lisp main.lisp " load-system app
head -c 200 app/alone.wfu >cut && mv cut app/alone.wfu
compiled "a unit that cannot be loaded" "alone.lisp main.lisp " load-system app
rm app/core/second.wfu
compiled "a unit that is gone" "second.lisp main.lisp " load-system app
compiled "by force" "package.lisp macros.lisp package.lisp first-file.lisp second.lisp alone.lisp main.lisp " lisp '(ext:load-system "app" :force t :verbose t)'
expect "in one process: what has not changed is not loaded again; what has, is" 0 "loaded
again
loaded
again" lisp '(progn (defvar cl-user::*x* nil) (with-open-file (o "one.lisp" :direction :output) (write-line "(write-line \"loaded\")" o))
  (with-open-file (o "one.asd" :direction :output) (write-line "(defsystem \"one\" :components ((:file \"one\")))" o))
  (ext:load-system "one") (ext:load-system "one") (write-line "again") (ext:load-system "one" :force t) (ext:load-system :one) (write-line "again"))'
expect "nothing is left of the reading of definitions" 0 'NIL' lisp '(progn (ext:load-system "app") (princ (remove-if-not (lambda (p) (search "DEFINITION" (package-name p))) (list-all-packages))) (terpri))'

# -- Units in a folder of their own --
cp -r lib plain && mv plain/lib.asd plain/plain.asd && sed -i 's/#:lib/#:plain/' plain/plain.asd && rm plain/*.wfu
compiled "units elsewhere" "package.lisp macros.lisp " env WINDFALL_UNITS="$T/units" load-system plain
compiled "units elsewhere, again" "" env WINDFALL_UNITS="$T/units" load-system plain
compiled "*UNITS-FOLDER*" "package.lisp macros.lisp " lisp "(let ((ext:*units-folder* #p\"$T/other-units/\")) (ext:load-system \"plain\" :verbose t))"
if [ -e "units$T/plain/macros.wfu" ] && [ -e "other-units$T/plain/macros.wfu" ] && [ ! -e plain/macros.wfu ]; then ok; else not_ok "units elsewhere: files" "$(find . -name '*.wfu')"; fi

# -- A definition as they are commonly written --
mkdir -p common/src && cat >common/common.asd <<'E'
;;;; common.asd
#|  A comment (with "a string |#
(defpackage #:common-system (:use #:cl #:asdf))
(in-package #:common-system)

(defsystem #:common
  :name "common" :version "0.9.12" :author "A. U. Thor <author@example.org>" :license "MIT" :encoding :utf-8
  :description "A library" :long-description "It has
several lines." :homepage "https://example.org" :source-control (:git "https://example.org/common.git")
  :depends-on (#:lib #+no-such-lisp :sb-posix)
  :weakly-depends-on (:nowhere-to-be-found)
  :pathname "src/"
  :serial t
  :components ((:static-file "README.md")
               #-no-such-lisp (:file "package")
               (:module #:deep :pathname #p"" :serial nil
                :components ((:file #:utilities :description "tools") (:file "more" :depends-on (#:utilities)))))
  :in-order-to ((asdf:test-op (asdf:load-op :common/test)))
  :perform (asdf:test-op (o c) (uiop:symbol-call '#:common-test '#:run)))

(defsystem #:common/test :depends-on (#:common #:test-framework) :components ((:file "tests")))
(defmethod asdf:perform ((o asdf:test-op) (c (eql (asdf:find-system :common)))) (funcall (intern "RUN" :common-test)))
(defmethod operation-done-p ((o test-op) (c (eql (find-system :common)))) nil)
E
echo '(defpackage #:common (:use #:cl))' >common/src/package.lisp
echo '(in-package #:common) (defmacro three () 3)' >common/src/utilities.lisp
echo '(in-package #:common) (defun six () (* 2 (three)))' >common/src/more.lisp
expect "a common definition" 0 6 lisp '(progn (require :common) (princ (funcall (find-symbol "SIX" "COMMON"))) (terpri))'
wrong_encoding='(defsystem "bad" :encoding :latin-1)'

# -- Errors in sources --
echo '(defsystem "faulty" :components ((:file "faulty")))' >faulty.asd
printf '(defun fine () 1)\n(defun faulty (x) (let ((y)) (z)))\n(let ((1 2)) 3)\n' >faulty.lisp
matches "an error in a form" 1 'faulty\.lisp:3.*Unhandled .*This form had an error when it was compiled' load-system faulty
matches "and again, from the unit" 1 'Unhandled .*This form had an error when it was compiled' load-system faulty

# -- Where systems are found --
mkdir -p elsewhere/deep/lone
echo '(defsystem "lone" :components ((:file "lone")))' >elsewhere/deep/lone/lone.asd
echo '(write-line "lone")' >elsewhere/deep/lone/lone.lisp
matches "not found" 1 'there is no system "lone": no lone.asd in .*/' load-system lone
expect "the environment's path" 0 "lone" env WINDFALL_SYSTEM_PATH="/nowhere:$T/elsewhere/deep" "$W" --no-init --eval '(ext:load-system "lone")' --quit
expect "*SYSTEM-PATH*" 0 "lone" lisp "(let ((ext:*system-path* (list \"$T/elsewhere/deep/lone\"))) (ext:load-system :lone))"
expect "a pathname" 0 "lone" lisp '(ext:load-system #p"elsewhere/deep/lone/lone.asd")'
expect "REQUIRE, once" 0 "lone" sh -c "cd elsewhere/deep && '$W' --no-init --eval '(progn (require \"lone\") (require \"lone\"))' --eval '(require :lone)' --quit"
matches "REQUIRE of nothing" 1 'The module nothing-at-all is not known' lisp '(require "nothing-at-all")'
expect "a second system of a file" 0 "tested" lisp '(progn (ext:load-system "lib/tests") (test))'

# -- Wrong definitions: what is wrong, and the line --
wrong() { # NAME PATTERN TEXT   bad.asd with that text
    printf '%s\n' "$3" >bad.asd
    matches "$1" 1 "$2" load-system bad
}
echo '(write-line "a")' >a.lisp
wrong "a file that is missing" 'bad\.asd:3: there is no file .*/zz\.lisp' '(defsystem "bad"
  :components ((:file "a")
               (:file "zz")))'
wrong "a component that is missing" 'bad\.asd:2: there is no component "b" here; there are: "a" "c"' '(defsystem "bad" :components ((:file "a")
   (:file "c" :depends-on ("b"))))'
wrong "a cycle of components" 'bad\.asd:[0-9]: components need each other: a > c > a' '(defsystem "bad" :components ((:file "a" :depends-on ("c"))
   (:file "c" :depends-on ("a"))))'
wrong "an unknown keyword" 'bad\.asd:2: :COMPONENT is not known here; what is: .*:COMPONENTS' ';; first
(defsystem "bad" :component ((:file "a")))'
wrong "an unknown keyword of a component" 'bad\.asd:2: :DEPEND-ON is not known here' '(defsystem "bad" :components
   ((:file "a" :depend-on ("b"))))'
wrong "an unknown kind of component" 'bad\.asd:1: :C-FILE is no kind of component' '(defsystem "bad" :components ((:c-file "a")))'
wrong "two components of a name" 'bad\.asd:1: there are two components "a"' '(defsystem "bad" :components ((:file "a") (:file "a")))'
wrong "no property list" 'bad\.asd:1: "x" is no keyword' '(defsystem "bad" "x")'
wrong "another system" 'bad\.asd defines no system "bad"; it defines: "good" "fine"' '(defsystem "good") (defsystem "fine")'
wrong "another form" 'bad\.asd:2: only DEFSYSTEM forms' '(defsystem "bad")
(print 1)'
wrong "no end" 'bad\.asd:2: the form that begins here has no end' '
(defsystem "bad" :components ((:file "a")'
wrong "a package that is not there" 'bad\.asd:1: .*NOPE' '(defsystem "bad" :depends-on (nope:x))'
wrong "nothing is evaluated" 'bad\.asd:1: .*(#\.|READ-EVAL)' '(defsystem "bad" :components #.(list (print "evaluated")))'
if [ "${got#*evaluated}" = "$got" ]; then ok; else not_ok "nothing was evaluated" "$got"; fi
wrong "a system that is missing" 'bad\.asd:2: there is no system "gone": no gone\.asd in .*' '
(defsystem "bad" :depends-on ("gone"))'
wrong "a version" 'bad\.asd:1: version 2\.2 of lib is needed, and .*lib\.asd has 2\.1\.3' '(defsystem "bad" :depends-on ((:version "lib" "2.2")))'
wrong "a dependency that is none" 'is no dependency' '(defsystem "bad" :depends-on ((:require "sb-posix")))'
wrong "another encoding" 'bad\.asd:1: sources are in UTF-8, not :LATIN-1' "$wrong_encoding"
wrong "a version that is no string" ':VERSION is a string' '(defsystem "bad" :version (:read-file-form "v"))'
echo '(defsystem "worse" :depends-on ("bad"))' >worse.asd
wrong "a cycle of systems" 'worse\.asd:1: systems need each other: bad > worse > bad' '(defsystem "bad" :depends-on ("worse"))'
echo '(write-line "unfinished"' >a.lisp
wrong "a source that cannot be read" 'bad\.asd:1: .*a\.lisp cannot be read' '(defsystem "bad" :components ((:file "a")))'
matches "the condition" 0 'SYSTEM-DEFINITION-ERROR' lisp '(handler-case (ext:load-system "bad") (ext:system-definition-error (c) (print (type-of c))))'

# -- Delivering --
matches "quiet when standard error is no terminal" 0 '^\|$' "$W" deliver app
expect "beside the definition, by :BUILD-PATHNAME" 0 "first
first" app/program
rm app/program
matches "the folder" 0 '^\|$' "$W" deliver ./app/
matches "the definition file" 0 '^\|$' "$W" deliver app/app.asd -o here
expect "-o" 0 "first
first" ./here
matches "without type" 0 '^\|$' "$W" deliver app/app -o here
cp -r app copy
matches "in its folder, again" 0 '^\|$' sh -c "cd copy && '$W' deliver app -o app && '$W' deliver app -o app"
expect "again" 0 "first
first" copy/app
rm -r copy
matches "--main" 0 '^\|$' "$W" deliver lib/lib.asd --main 'cl-user::list-all-packages' -o here
matches "no entry point" 1 '^windfall deliver: .*/lib\.asd:2: the system lib has no :ENTRY-POINT\|$' "$W" deliver lib
matches "an entry point that is none" 1 'windfall deliver: .*/app\.asd:1: the system app defines no function app::nothing' "$W" deliver app --main app::nothing
matches "an entry point that cannot be read" 1 'the entry point nowhere:main: ' "$W" deliver app --main nowhere:main
matches "no system, no file" 2 'there is no file nowhere, and no system of that name in .*/' "$W" deliver nowhere
mkdir empty
matches "a folder without a definition" 1 'the folder empty has no definition of a system: no empty\.asd' "$W" deliver empty
matches "from Lisp" 0 '^T\|$' lisp '(progn (ext:deliver "app" "from-lisp" 5) (princ t) (terpri))'
expect "from Lisp" 0 "first
first" ./from-lisp
echo '(:symbol "APP" "KEPT-BY-FILE")' >app/program.keep
echo '(in-package "APP") (defun main () (twice (write-line (second-one)))) (defun kept-by-file () "MARKER-KEPT")' >app/main.lisp
matches "the keep-file beside it" 0 '^\|$' "$W" deliver app -o here
if tr -d '\000' <here | grep -qa MARKER-KEPT; then ok; else not_ok "the keep-file beside it is read" ""; fi

matches "--compile" 0 '^\|$' sh -c "rm -f app/main.wfu here && '$W' deliver app --compile -o here && [ -e app/main.wfu ] && [ ! -e here ]"
matches "--compile of a file" 2 'main.lisp is no system' "$W" deliver app/main.lisp --compile
matches "the same bytes, whether compiled at once or before" 0 '^\|$' sh -c "rm -f app/*.wfu lib/*.wfu && '$W' deliver app -o one && '$W' deliver app -o two && cmp one two && rm app/alone.wfu && '$W' deliver app -o two && cmp one two"
echo '(in-package "APP") (defun main () (oops' >app/main.lisp
matches "what cannot be compiled" 1 'app.asd:3: .*main.lisp cannot be read' "$W" deliver app -o here

# -- The example --
cp -r "$EXAMPLES" examples && cd examples || exit 1
matches "the ledger is delivered" 0 '1 place makes names|2 places make names' "$W" deliver ledger
expect "the ledger" 0 "2026-01                   918.07 EUR
2026-02                   862.15 EUR
2026-03                   970.71 EUR" ledger/ledger data/household.journal monthly expenses

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
