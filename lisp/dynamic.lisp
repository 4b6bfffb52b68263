;;;; dynamic.lisp: names that a delivered program makes at run time.
;;;;
;;;; The shaker keeps what can be met from the program's entry.  What a program finds by characters (INTERN, READ and kin) nobody meets.  So, before a program
;;;; is shaken, the places are surveyed from which that can happen (src/prim/dynamic.c), with their arguments as far as they are constants, and judged here:
;;;;
;;;;     a constant name        keeps what it means, and nothing is said
;;;;     a name that is made    a dynamic name.  :DYNAMIC-NAMES :KEEP, the default: what it can reach stays, and a report says so;
;;;;                            :STRICT: an error; :TRUST: it reaches only what stays anyway, and the program gets a table of the
;;;;                            names that went, so that finding one is an error and never an empty answer
;;;;
;;;; What symbols, once there, are used for (FUNCALL, SYMBOL-VALUE, FIND-CLASS, MAKE-INSTANCE, TYPEP) makes no names: a symbol that is met as data holds its
;;;; function, value and class, so a list of symbols in the source needs no care.  Where symbols come from counts; and of those that are made, whether they can come
;;;; to such a use at all (src/prim/follow.c, dynamic-uses.lisp): if not, they keep no definitions.
;;;;
;;;; More can have to stay when something stays: so survey and judgement are repeated until nothing is added.
(in-package "SYS")

(export '(ext::deliver-trust-names) "EXT")

(defparameter *dynamic-functions*
  '((intern "INTERN" :symbol 0 1) (find-symbol "FIND-SYMBOL" :symbol 0 1) (find-all-symbols "FIND-ALL-SYMBOLS" :symbol 0 nil)
    (%package-symbols "DO-SYMBOLS" :symbols nil 0) (%package-iterator "WITH-PACKAGE-ITERATOR" :symbols nil 0)
    (%all-symbols "DO-ALL-SYMBOLS" :symbols nil nil) (apropos "APROPOS" :symbols nil 1) (apropos-list "APROPOS-LIST" :symbols nil 1)
    (find-package "FIND-PACKAGE" :package 0 nil) (list-all-packages "LIST-ALL-PACKAGES" :package nil nil)
    (read "READ" :reader) (read-preserving-whitespace "READ-PRESERVING-WHITESPACE" :reader) (read-from-string "READ-FROM-STRING" :reader)
    (read-delimited-list "READ-DELIMITED-LIST" :reader)
    (eval "EVAL" :evaluator) (compile "COMPILE" :evaluator) (compile-file "COMPILE-FILE" :evaluator) (load "LOAD" :loader) (require "REQUIRE" :loader)
    (ext:load-system "LOAD-SYSTEM" :loader)
    (format "FORMAT" :format 1 nil)
    (documentation "DOCUMENTATION" :option (:keep-documentation)) (describe "DESCRIBE" :option (:keep-documentation :keep-debug-mode :keep-macros))
    (function-lambda-expression "FUNCTION-LAMBDA-EXPRESSION" :option (:keep-debug-mode)) (ext:why-live "WHY-LIVE" :option (:keep-debug-mode :symbol-names-action))
    (ext:backtrace-as-list "BACKTRACE-AS-LIST" :option (:keep-debug-mode)) (ext:print-backtrace "PRINT-BACKTRACE" :option (:keep-debug-mode)))
  "Functions that find something by characters: symbol, how it is called in reports, kind, place of the argument that is the name, and of the package.
And functions that ask for what the levels take away without an error: kind :OPTION, and the keywords whose defaults yield if the program calls them.")

(defparameter *vouched-places*
  '(;; development: what a developer types or asks for
    ("lisp/debug.lisp" . "the debugger") ("lisp/repl.lisp" . "the REPL") ("lisp/overlays.lisp" . "the editor") ("lisp/advice.lisp" . "advice")
    ("lisp/swap.lisp" . "all functions there are") ("lisp/units.lisp" . "all functions there are") ("WINDFALL-SYSTEM::%ALL-SYMBOLS" . "whoever calls it is a place itself") ("lisp/images.lisp" . "all names there are")
    ("lisp/deliver.lisp" . "delivery") ("lisp/dynamic.lisp" . "delivery") ("lisp/dynamic-trace.lisp" . "delivery")
    ("lisp/explain.lisp" . "reports") ("lisp/explain-command.lisp" . "reports") ("lisp/memory.lisp" . "reports") ("lisp/deliver-command.lisp" . "delivery")
    ("WINDFALL-SYSTEM::%ASK-FOR-VALUES" . "a restart asks a person") ("WINDFALL-SYSTEM::%READ-REPLACEMENT" . "a restart asks a person")
    ;; whoever calls these is a place itself
    ("lisp/eval.lisp" . "EVAL") ("lisp/load.lisp" . "LOAD") ("lisp/systems.lisp" . "LOAD-SYSTEM") ("lisp/compile-file.lisp" . "COMPILE-FILE") ("lisp/reader.lisp" . "READ")
    ("(LAMBDA NIL)" "lisp/packages.lisp" . "WITH-PACKAGE-ITERATOR")
    ;; names that are given in full: by a definition, a symbol, or another package
    ("lisp/loop.lisp" . "words of LOOP, when it is expanded") ("WINDFALL-SYSTEM::%DEFPACKAGE" . "names of a definition")
    ("WINDFALL-SYSTEM::%SYMBOLS-FROM" . "names of a definition") ("WINDFALL-SYSTEM::%PACKAGE-NAMED" . "a package of a definition")
    ("EXPORT" . "conflicts of a symbol's name") ("IMPORT" . "conflicts of a symbol's name") ("UNEXPORT" . "conflicts of a symbol's name")
    ("WINDFALL-SYSTEM::%USER-CONFLICT" . "conflicts of a symbol's name") ("WINDFALL-SYSTEM::%USE-ONE" . "conflicts of symbols' names")
    ("DELETE-PACKAGE" . "symbols that lose their home")
    ;; keywords of parameters and slots, which nothing is found by
    ("WINDFALL-SYSTEM::%KEYWORD-OF" . "the keyword of a parameter") ("WINDFALL-SYSTEM::%KEYWORD-CONSTRUCTOR" . "the keyword of a slot")
    ("WINDFALL-SYSTEM::%STRUCTURE-SLOT-DEFINITIONS" . "the keyword of a slot") ("WINDFALL-SYSTEM::%PRINT-STRUCTURE" . "the keyword of a slot")
    ;; fresh names
    ("GENTEMP" . "a name that was not there")
    ;; names of the system, which stay while they are needed (needs.def)
    ("WINDFALL-SYSTEM::%SIMPLE-CLASS" . "the simple class of a condition") ("FUNCTION-LAMBDA-EXPRESSION" . "the name of a function of C")
    ;; code made of what is there; without the compiler they do without
    ("WINDFALL-SYSTEM::%BUILD-CONSTRUCTOR" . "constructors") ("WINDFALL-SYSTEM::%FAST-CONSTRUCTOR" . "constructors") ("WINDFALL-SYSTEM::%FORM-FUNCTION" . "effective methods")
    ;; control strings that stand in the source: they are looked through, for ~/name/ too
    ("lisp/format.lisp" . "~/name/ and errors of FORMAT") ("lisp/conditions.lisp" . "the report of a condition") ("lisp/print-objects.lisp" . "descriptions")
    ("WINDFALL-SYSTEM::%ASK-QUESTION" . "a question"))
  "Places of the library that make names without need to report them: a function, or a function and its file, or a file, and why.")

(defvar *library-packages*) ; library-end.lisp
(defvar *trusted-functions* '() "What DELIVER-TRUST-NAMES declared.")

(defun ext:deliver-trust-names (&rest names)
  "Declares that the names which the functions make at run time reach only what delivered programs keep anyway."
  (setq *trusted-functions* (union names *trusted-functions* :test #'equal)))

;;; -- What a place can reach --

(defun %constant-package (argument)
  "The package that a constant argument designates, or NIL."
  (case (car argument)
    ((:string :package) (find-package (cadr argument)))
    (:symbol (if (cadr argument) (find-package (caddr argument)) nil))
    (t nil)))

(defun %constant-name (argument)
  (case (car argument)
    (:string (cadr argument))
    ((:symbol :package) (car (last argument)))
    (t nil)))

(defun %site-argument (site place)
  "What is known of an argument: a list; NIL: nothing; :NONE: there is none."
  (let ((arguments (getf site :arguments)))
    (cond ((or (null place) (getf site :data) (eq arguments t)) nil)
          ((< place (length arguments)) (nth place arguments))
          (t :none))))

(defun %names-only-p (site)
  "Does nothing ask for the definitions of what the place makes (src/prim/follow.c)?"
  (and (getf site :followed) (null (getf site :use))))

(defun %site-keys (site)
  "What the place can reach: keys, see %KEY-ROOTS; and true if it makes names."
  (destructuring-bind (symbol shown kind &optional name-place package-place) (nth (getf site :callee) *dynamic-functions*)
    (declare (ignore symbol shown))
    (let* ((name-argument (if (eq kind :option) nil (%site-argument site name-place)))
           (name (if (consp name-argument) (%constant-name name-argument) nil))
           (package-argument (%site-argument site package-place))
           (package (if (consp package-argument) (%constant-package package-argument) nil)))
      (ecase kind
        (:symbol
         (cond (name (list (list :named name (and package (package-name package)))))
               ((%names-only-p site) (values '((:names)) t))
               (package (values (list (list :symbols (package-name package))) t))
               (t (values '((:everything)) t))))
        (:symbols
         (if package (values (list (list :symbols (package-name package))) t) (values '((:everything)) t)))
        (:package (if (and name-place name) (list (list :package name)) (values '((:packages)) t)))
        (:reader (values (if (%names-only-p site) '((:option :keep-lisp-reader) (:names) (:structures)) '((:option :keep-lisp-reader) (:everything))) t))
        (:evaluator (values '((:option :keep-eval) (:option :keep-macros) (:option :keep-clos) (:everything)) t))
        (:loader (values '((:option :keep-load-function) (:option :keep-lisp-reader) (:option :keep-eval) (:option :keep-macros) (:option :keep-clos) (:everything)) t))
        (:option (mapcar (lambda (keyword) (list :option keyword)) name-place))
        (:format (if (consp name-argument) '() (values '((:directives)) t)))))))

(defun %users-packages ()
  (remove-if (lambda (package) (%member-string (package-name package) *library-packages*)) (list-all-packages)))

(defun %accessible-symbols (package)
  "The symbols that a name can reach in the package: its own and those that it inherits."
  (let ((symbols '()))
    (do-symbols (symbol package symbols) (push symbol symbols))))

(defparameter *development-functions*
  '(ext:deliver ext:why-live ext:verify-heap ext:save-image ext:save-application ext:swap-cold-code ext:swap-statistics ext:count-swap-hits ext:setsbsize
    ext:mkswap ext:mkswapp ext:mkunswap ext:scodep ext:ccodep ext:swparrayp ext:unload ext:units ext:unit-functions ext:unit-file ext:unit-code-bytes ext:purify ext:impurify)
  "Functions of WINDFALL that a name made at run time does not reach: they look after a system that is being developed.")

(defun %everything ()
  "What a name can reach: the symbols of the program's packages, and those that the library exports."
  (append (mapcan (lambda (package) (cons package (%symbols-of package nil))) (%users-packages))
          (%symbols-of (find-package "COMMON-LISP") t)
          (set-difference (%symbols-of (find-package "WINDFALL") t) *development-functions*)))

(defun %users-structures ()
  "Names of the program's structures, and of their constructors, which #S looks for."
  (mapcan (lambda (package)
            (mapcan (lambda (symbol)
                      (let ((description (%info symbol '%structure)))
                        (and description (cons symbol (remove nil (mapcar #'car (remove-if #'cdr (%sd-constructors description))))))))
                    (%symbols-of package nil)))
          (%users-packages)))

(defun %guests ()
  "Symbols that are present in a package of the program which is not their home: by their home alone they could not be made anew there."
  (mapcan (lambda (package)
            (let ((guests '()))
              (do-symbols (symbol package guests)
                (unless (or (eq (symbol-package symbol) package) (not (member (nth-value 1 (find-symbol (symbol-name symbol) package)) '(:internal :external))))
                  (push symbol guests)))))
          (%users-packages)))

(defun %symbols-named (name package)
  (let ((packages (if package (list (find-package package)) (append (%users-packages) (list (find-package "COMMON-LISP") (find-package "WINDFALL"))))) (symbols '()))
    (dolist (p packages symbols)
      (multiple-value-bind (symbol status) (and p (find-symbol name p))
        (when status (pushnew symbol symbols)))
      (when (and p package) (push p symbols)))))

(defun %key-roots (key)
  "The objects that the key says must stay."
  (ecase (car key)
    (:named (%symbols-named (cadr key) (caddr key)))
    (:symbols (let ((package (find-package (cadr key))))
                (cond ((null package) '())
                      ((eq package (find-package "KEYWORD")) '())
                      (t (cons package (%accessible-symbols package))))))
    (:everything (%everything))
    (:symbol (let ((package (find-package (cadr key)))) (if package (%symbols-named (caddr key) (cadr key)) '())))
    (:directive (list (concatenate 'string "~" (cadr key))))
    (:package (let ((package (find-package (cadr key)))) (and package (list package))))
    ((:packages :names) (%users-packages))
    (:structures (%users-structures))
    (:directives (list (copy-seq "~A~S~D~B~O~X~R~C~W~F~E~G~$~%~&~|~~~I~T~*~?~_~(~)~[~;~]~{~}~<~>~^~P~/cl-user::x/")))
    (:option '())))

(defun %key-names (key)
  "Symbols whose names must stay."
  (cond ((equal key '(:everything)) (append *development-functions* (%symbols-of (find-package "KEYWORD") t)))
        ((equal key '(:symbols "KEYWORD")) (%symbols-of (find-package "KEYWORD") t))
        ((equal key '(:names)) (%guests))
        (t '())))

(defun %reach-text (keys)
  (format nil "~{~A~^; ~}"
          (mapcan (lambda (key)
                    (case (car key)
                      (:symbols (list (format nil "every symbol of ~A" (cadr key))))
                      (:everything (list "every symbol of your packages, and what COMMON-LISP and WINDFALL export"))
                      (:names (list "names only: nothing asks for their definitions"))
                      (:packages (list "every package"))
                      (:directives (list "every FORMAT directive"))
                      (t '())))
                  keys)))

;;; -- Judgement --

(defun %function-named-p (text name)
  "Is NAME the name of the function that a survey tells as TEXT, or of one that it is in?"
  (let ((own (%name-text name)))
    (or (string= text own)
        (let ((tail (format nil ":IN ~A)" own)))
          (and (> (length text) (length tail)) (string= tail text :start2 (- (length text) (length tail))))))))

(defun %name-text (name)
  "A function's name as the survey writes it."
  (cond ((consp name) (format nil "(~{~A~^ ~})" (mapcar #'%name-text name)))
        ((not (symbolp name)) (princ-to-string name))
        ((member (symbol-package name) (list nil (find-package "COMMON-LISP") (find-package "COMMON-LISP-USER"))) (symbol-name name))
        ((keywordp name) (format nil ":~A" name))
        (t (format nil "~A::~A" (package-name (symbol-package name)) name))))

(defun %vouched-p (site trusted)
  (let ((name (getf site :function)) (file (getf site :file)))
    (cond ((getf site :library)
           (or (eql (mismatch "(WINDFALL-SYSTEM::MACRO " name) 24) ; expands what is a place itself
               (some (lambda (entry) (string= name (%name-text (car entry)))) *dynamic-functions*)
               (some (lambda (entry)
                       (if (consp (cdr entry))
                           (and (string= name (car entry)) (equal file (cadr entry)))
                           (or (string= name (car entry)) (equal file (car entry)))))
                     *vouched-places*)))
          (t (some (lambda (function) (and name (%function-named-p name function))) trusted)))))

(defun %read-survey (text)
  (with-standard-io-syntax
    (let ((*read-eval* nil))
      (read-from-string text))))

(defun %apply-option (options keyword)
  "A keyword that only the level sets yields to a program that uses what it takes away, and that has no shed to fetch it from."
  (unless (or (%memq keyword (getf options :given)) (getf options :shed))
    (setf (getf options keyword) (case keyword (:keep-clos :full-dynamic-definition) (:symbol-names-action nil) (t t)))))

(defun %with-kept-options (options)
  "The options, with what keep-files say of them."
  (dolist (key (getf options :dynamic-keys) options)
    (when (eq (car key) :option) (%apply-option options (cadr key)))))

(defun %dynamic-roots (options)
  (mapcan #'%key-roots (copy-list (getf options :dynamic-keys))))

(defun %report-sites (sites action)
  (format *error-output* "; ~D place~:P make~:[~;s~] names at run time; ~A~%" (length sites) (null (cdr sites)) action)
  (dolist (site sites)
    (destructuring-bind (shown kind &rest places) (cdr (nth (getf site :callee) *dynamic-functions*))
      (declare (ignore places))
      (let ((file (getf site :file)) (keys (%site-keys site)))
        (format *error-output* ";   ~A~@[, ~A~]: ~A ~A~%;     path: ~{~A~^ > ~}~%;     reaches: ~A~@[, by ~{~A~^ in ~}~]~%"
                (getf site :function "data") (and file (format nil "~A:~D" (%shown-file file) (getf site :line)))
                shown (case kind (:symbol "of a name made at run time") (:package "of a name made at run time") (:format "with a control string made at run time") (t "of what comes at run time"))
                (remove "(LAMBDA (WINDFALL-SYSTEM::ARGUMENTS))" (getf site :path) :test #'string= :count 1) (%reach-text keys) (getf site :use))))))

(defun %report-keep-list (unmet)
  (when unmet
    (format *error-output* "; What of the program stays only because of that; put what is really found at run time into a source, for --trust:~%")
    (format *error-output* "(ext:deliver-keep-symbols~{~%  '~A~})~%"
            (mapcar (lambda (symbol) (let ((symbol (find-symbol (cadr symbol) (car symbol)))) (with-standard-io-syntax (let ((*package* (find-package "KEYWORD"))) (prin1-to-string symbol)))))
                    (sort unmet (lambda (a b) (or (string< (car a) (car b)) (and (string= (car a) (car b)) (string< (cadr a) (cadr b))))))))))

(defun %dynamic-places (sites trusted)
  "Those of the sites that make names and that nobody vouches for."
  (remove-if-not (lambda (site) (and (not (%vouched-p site trusted)) (nth-value 1 (%site-keys site)))) sites))

(defun %constant-keys (sites)
  (mapcan (lambda (site) (multiple-value-bind (keys dynamic) (%site-keys site) (if (or dynamic (getf site :library)) '() (copy-list keys)))) sites))

(defun %review (plan options)
  "A function that judges what a survey found: NIL, the plan is good; the plan, changed; or a string, what is wrong."
  (let ((first t))
    (lambda (text)
      (handler-case (prog1 (or (%judge plan options first text) (%forget-what-is-not-kept options)) (setq first nil))
        (error (condition) (princ-to-string condition))))))

(defun %judge (plan options first text)
  (destructuring-bind (sites unmet) (%read-survey text)
    (let* ((mode (getf options :dynamic-names)) (all (%dynamic-places sites '())) (known (getf options :dynamic-keys))
           (dynamic (%dynamic-places all (append (getf options :trusted-functions) *trusted-functions*)))
           (reaching (remove-if #'%names-only-p dynamic))
           (keys (append (%constant-keys sites)
                         (if (eq mode :trust) '() (mapcan (lambda (site) (copy-list (%site-keys site))) dynamic))))
           (new (set-difference (remove-duplicates keys :test #'equal) known :test #'equal)))
      (when (and first dynamic (or (eq mode :keep) (and reaching (eq mode :strict))))
        (%report-sites (if (eq mode :strict) reaching dynamic) (if (eq mode :strict) "none is allowed." "what they can reach stays."))
        (when reaching (%report-keep-list unmet))
        (finish-output *error-output*))
      (cond ((and reaching (eq mode :strict)) (format nil "~D place~:P make~:[~;s~] names at run time" (length reaching) (null (cdr reaching))))
            (t (when all
                 (%note-removed plan options
                                (cond ((getf options :shed) :error)
                                      ((some #'%names-only-p all) :anew)
                                      ((or (eq mode :trust) (not (eql (length all) (length dynamic))) (%member-equal '(:directives) keys)) :error)
                                      (t nil))))
               (if new (%extend-plan plan options new) nil))))))

(defun %member-equal (x list) (member x list :test #'equal))

(defun %note-removed (plan options how)
  "The program gets a table of packages that went; HOW true: also of symbols and values.  Then its packages stay, if empty: so it can look symbols up in them.  If some places
make nothing but names, :ANEW: a symbol is made anew when it is looked up.  If there are others only, and some of what they make is trusted (names in ~/name/ of control
strings always are), :ERROR: that is an error."
  (setf (getf options :note-packages) t)
  (when how
    (setf (getf options :note-removed) how (svref plan 1) (append (%users-packages) (svref plan 1))))
  (setf (svref plan 4) (%delivery-flags options)))

(defun %extend-plan (plan options keys)
  "The plan, with more to stay."
  (setf (getf options :dynamic-keys) (append keys (getf options :dynamic-keys)))
  (dolist (key keys)
    (when (eq (car key) :option) (%apply-option options (cadr key))))
  (setf (svref plan 1) (%delivery-roots options)
        (svref plan 4) (%delivery-flags options)
        (svref plan 6) (%removed-functions options)
        (svref plan 7) (%delivery-names options))
  plan)
