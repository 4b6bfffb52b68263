#!/bin/sh
# explain.sh: what is told of delivered programs: figures whose sum is the file, true paths, names that are gone or unknown, files that do not belong to
# the program; the page in a browser (skipped, and said so, where there is no chromium).
HERE=$(realpath "$(dirname "$0")")
. "$(dirname "$0")/expect"
# holds NAME PYTHON-EXPRESSION   of d, the facts in app.json
holds() {
    if python3 -c "import json, os, sys; d = json.load(open('app.json')); sys.exit(0 if $2 else 1)" 2>err; then ok; else not_ok "$1" "$2 $(cat err)"; fi
}
# delivered ARGUMENT...
delivered() {
    if timeout 120 "$W" deliver "$@" >out 2>&1; then ok; else not_ok "delivered: $*" "$(cat out)"; fi
}

cat >app.lisp <<'E'
(defpackage "SHAPES" (:use "COMMON-LISP"))
(in-package "SHAPES")
(defvar *scale* (list 1 2 3))
(defvar *big* (make-array 5000 :initial-element 7))
(defclass shape () ((name :initarg :name :reader shape-name)))
(defclass circle (shape) ((radius :initarg :radius :accessor radius)))
(defclass never-made (shape) ())
(defgeneric area (shape))
(defmethod area ((c circle)) (* 3 (radius c) (radius c) (first *scale*)))
(defmethod area ((n never-made)) (error "no area"))
(defun deep () (svref *big* 3))
(defun middle () (+ 1 (deep)))
(defun unused () "what nobody calls")
(defmacro twice (x) `(* 2 ,x))
(defun main () (print (twice (area (make-instance 'circle :radius (middle) :name "c")))) (terpri))
E

# -- The program is the same, asked or not; the sums are exact --
for level in 0 2 5; do
    delivered app.lisp -o plain --level $level
    delivered app.lisp -o app --level $level --explain --json app.json --report app.html
    if cmp -s plain app; then ok; else not_ok "level $level: the same bytes with and without facts" "$(cmp plain app)"; fi
    holds "level $level: the parts are the file" "sum(p[1] for p in d['parts']) == d['bytes'] == os.path.getsize('app')"
    holds "level $level: the runtime is told by room" "sum(p[0].startswith('runtime: room') for p in d['parts']) > 8"
    holds "level $level: the entities are the areas" \
        "sum(sum(e[8][1::2]) for e in d['entities']) + d['staticRest'] == sum(p[1] for p in d['parts'] if p[0] in ('static page', 'dynamic area', 'pure area'))"
    holds "level $level: what is kept is what is owned below" "d['entities'][0][3] == sum(sum(e[8][1::2]) for e in d['entities'])"
    holds "level $level: dominators are a tree" "all(e[4] < i for i, e in enumerate(d['entities']) if i)"
done
matches "the program runs" 0 '384' ./app
holds "nothing but facts in the folder" "sorted(f for f in os.listdir('.') if 'explain' in f) == ['app.explain']"

# -- Without a name --
matches "figures" 0 'app, level 5: .*The file.*Objects by kind.*Objects by package.*SHAPES.*What keeps most.*Shaken off' "$W" explain app
matches "figures, two rows" 0 'more\)' "$W" explain app --top 2

# -- Paths --
matches "a function" 0 'function SHAPES:DEEP: .*the program: function .*refers to function SHAPES:MAIN\|.*calls function SHAPES:MIDDLE\|.*calls function SHAPES:DEEP' "$W" explain app deep
matches "what a link costs" 0 'calls function SHAPES:DEEP\|  Nothing else refers to it: without that reference 4[0-9],[0-9]* bytes would go' "$W" explain app deep
matches "a variable" 0 'variable SHAPES:\*BIG\*: 40,.*function SHAPES:DEEP\|.*reads variable SHAPES:\*BIG\*' "$W" explain app '*big*'
matches "with its package" 0 'calls function SHAPES:MIDDLE' "$W" explain app shapes::middle
matches "a class" 0 'class SHAPES:SHAPE: .*keeps \(link: class\) class SHAPES:SHAPE\|' "$W" explain app shape
matches "a method" 0 'method SHAPES:AREA \(CIRCLE\): .*keeps \(link: method\) method SHAPES:AREA \(CIRCLE\)\|' "$W" explain app area
holds "the big vector is SHAPES' own" "sum(sum(e[8][1::2]) for e in d['entities'] if e[1] == 'SHAPES') > 40000"
holds "links that were cut and put back are counted" "any(l[0] == 'method' and l[2] > l[3] > 0 for l in d['links'])"

# -- What is gone, what never was --
matches "gone" 0 'function SHAPES:UNUSED was shaken off: [0-9]+ bytes.  It would stay by --keep-symbols .shapes::unused' "$W" explain app unused
matches "a macro is gone" 0 'macro SHAPES:TWICE was shaken off: .*--keep-macros t' "$W" explain app twice
matches "a class is gone" 0 'class SHAPES:NEVER-MADE was shaken off: .*--classes-to-keep .shapes::never-made' "$W" explain app never-made
matches "a keyword took it" 0 'function COMMON-LISP:EVAL was shaken off.  It would stay by --keep-eval t' "$W" explain app eval
matches "unknown" 1 'holds nothing called deepp, and nothing so called was shaken off' "$W" explain app deepp
matches "similar" 1 'There are: .*MIDDLE' "$W" explain app iddl
delivered app.lisp -o app --level 5 --explain --keep-symbols shapes::unused
matches "kept by a list" 0 'function SHAPES:UNUSED: .*the list of what is to be kept: symbol SHAPES:UNUSED\|.*function SHAPES:UNUSED' "$W" explain app unused

# -- Files that do not fit --
cp plain other
matches "no program" 2 'no file nothing' "$W" explain nothing
matches "no delivered program" 2 'app.lisp is no delivered program: there is no image in it' "$W" explain app.lisp
matches "no facts" 2 'there are no facts about other: no file other.explain.  Deliver it with --explain' "$W" explain other
matches "facts of another" 2 'app.explain is not about this build of other' "$W" explain other --facts app.explain
head -c 3000 app.explain >cut
matches "cut off" 2 'cut off' "$W" explain app --facts cut
echo nonsense >bad
matches "no facts at all" 2 'not a file of facts' "$W" explain app --facts bad
matches "usage" 2 'which program' "$W" explain
matches "unknown option" 2 'unknown option: --frob' "$W" explain app --frob
matches "help" 0 'usage: windfall explain' "$W" explain --help

# -- Trying --
matches "a dry run" 0 'app-dry, level 5: .*Shaken off' "$W" deliver app.lisp -o app-dry --level 5 --dry-run --json dry.json
if [ ! -e app-dry ] && [ ! -e app-dry.explain ] && [ -s dry.json ]; then ok; else not_ok "a dry run writes no program" "$(ls)"; fi
delivered app.lisp -o app --level 5 --explain --json app.json
holds "a dry run has the figures of a true one" "json.load(open('dry.json'))['entities'] == d['entities']"
delivered app.lisp -o again --level 5 --explain
if [ "$(grep '^[EPK]' app.explain)" = "$(grep '^[EPK]' again.explain)" ]; then ok; else not_ok "what is in the program is told the same each time" "$(diff app.explain again.explain | head -5)"; fi

# -- A superclass: the path is told by the field of the class --
cat >super.lisp <<'E2'
(defclass base () ())
(defclass derived (base) ())
(defvar *class* (find-class 'derived))
(defun main () (print (eq *class* 5)) (terpri))
E2
delivered super.lisp -o super --level 5 --explain
matches "a superclass" 0 'variable COMMON-LISP-USER:\*CLASS\*\|.*class COMMON-LISP-USER:DERIVED\|.*has as (direct superclasses|precedence list|layout) class COMMON-LISP-USER:BASE\|' "$W" explain super base

# -- WHY-LIVE in the running system --
matches "why-live of a symbol" 0 'symbol of package SHAPES.*is symbol SHAPES::CIRCLE' "$W" --load app.lisp --eval "(ext:why-live 'shapes::circle)" --quit
matches "why-live of a function" 0 'symbol of package SHAPES.*function of symbol SHAPES::DEEP\|  is function SHAPES::DEEP' "$W" --load app.lisp --eval "(ext:why-live #'shapes::deep)" --quit
matches "why-live of a superclass" 0 'of class SHAPES::CIRCLE\|.*is class SHAPES::SHAPE' "$W" --load app.lisp --eval "(let ((c (find-class 'shapes::circle)) (s (find-class 'shapes::shape))) (setf (find-class 'shapes::shape) nil) (ext:why-live s) c)" --quit
matches "why-live of a method" 0 'methods of generic function SHAPES::AREA\|  is #<STANDARD-METHOD' "$W" --load app.lisp --eval "(ext:why-live (find-method #'shapes::area '() (list (find-class 'shapes::circle))))" --quit
matches "why-live of a constant" 0 'constant of function SHAPES::UNUSED\|  is "what nobody calls"' "$W" --load app.lisp --eval "(ext:why-live (shapes::unused))" --quit

# -- The page --
delivered app.lisp -o app --level 5 --report app.html
if grep -q '<script src\|<link\|https\?:' app.html; then not_ok "the page needs nothing else" "$(grep -n 'https\?:\|<link' app.html | head -3)"; else ok; fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    echo "SKIPPED: the page in a browser: no chromium here (tools/setup --browser installs it)"
else
    # The copy tries the page out and leaves what it found as text.
    { cat app.html; echo "<script>"; cat "$HERE/report.js"; echo "</script>"; } >try.html
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$T/browser" --window-size=1200,900 --enable-logging=stderr \
        --virtual-time-budget=5000 --dump-dom "file://$T/try.html" >dom.html 2>log
    if grep -q 'CONSOLE.*\(rror\|xception\)' log; then not_ok "the page has no errors" "$(grep CONSOLE log)"; else ok; fi
    count=$(grep -c '^TRIED ok' dom.html)
    if [ "$count" -ge 20 ] && ! grep -q '^TRIED not ok' dom.html; then passed=$((passed + count)); else not_ok "the page in a browser" "$count ok, $(grep '^TRIED not ok' dom.html)"; fi
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
