;;;; deliver.lisp: DELIVER: one executable that holds an application and what it needs (LispWorks' DELIVER; docs/manual/delivering.md).
;;;;
;;;; A level is nothing but a row of defaults for keywords, *DELIVERY-KEYWORDS*.  What they ask for becomes a *plan*, a vector that src/prim/deliver.c works
;;;; through.  The plan is made in the process that writes the program, forked for it, by the last Lisp code that runs there: so what this
;;;; file changes on the way (functions removed, packages deleted) the process that asks does not see.
;;;;
;;;; This file knows keywords, classes and generic functions; the shaker knows links (src/shake/links.def).
(in-package "SYS")

(export '(ext::deliver ext::deliver-keep-symbols ext::deliver-keep-symbol-names ext::deliver-keep-packages ext::deliver-keep-classes
          ext::delivery-shaker-weak-pointer ext::delivery-shaker-cleanup ext::*delivery-hooks* ext::delivery-error)
        "EXT")

(define-condition ext:delivery-error (simple-error) ()
  (:documentation "What DELIVER was asked for cannot be done, or the program cannot be written."))

(defun %delivery-error (control &rest arguments)
  (error 'ext:delivery-error :format-control control :format-arguments arguments))

;;; -- Levels and keywords --

(defparameter *delivery-keywords*
  '((:shake-shake-shake (nil nil t t t t) "Shake: drop what cannot be reached from the program.")
    (:keep-symbols nil "Symbols that stay, with function, value and properties.")
    (:keep-symbol-names nil "Symbols whose names stay.")
    (:symbol-names-action (nil nil nil nil nil t) "T: a symbol that is only called or bound, and never seen as data, loses its name; NIL: it keeps it.")
    (:packages-to-keep nil "Packages all of whose symbols stay; :ALL.")
    (:packages-to-keep-externals nil "Packages all of whose external symbols stay; :ALL.")
    (:shake-externals (nil nil t t t t) "NIL: external symbols of all packages but KEYWORD and WINDFALL-SYSTEM stay.")
    (:never-shake-packages nil "The same as :PACKAGES-TO-KEEP.")
    (:delete-packages nil "Packages that are deleted before: their symbols stay where they are referred to, without a home.")
    (:smash-packages nil "Packages that are deleted, and their symbols lose function, value, properties and class, even where they are referred to.")
    (:shake-classes (nil nil t t t t) "NIL: all classes stay.")
    (:shake-class-accessors (nil nil nil t :remove :remove)
     "NIL: readers and writers of slots stay with their classes; T: they are shaken like other methods; :REMOVE: slots also forget their names.")
    (:classes-to-keep nil "Names of classes that stay.")
    (:classes-to-remove nil "Names of classes that are forgotten before.")
    (:functions-to-remove nil "Names of functions that go even where they are called.")
    (:keep-macros (t t nil nil nil nil) "T: macro functions stay with their names; NIL: only if something can expand macros.")
    (:keep-eval (t nil nil nil nil nil) "NIL: EVAL, COMPILE, COMPILE-FILE and the compiler go.")
    (:keep-load-function (t t t nil nil nil) "NIL: LOAD and REQUIRE go.")
    (:keep-lisp-reader (t t t t t nil) "NIL: READ and its kin go.")
    (:keep-top-level (t t t t t nil) "NIL: the REPL, the interactive debugger, TRACE, INSPECT and ED go.  An error that nobody handles is reported in one line.")
    (:keep-debug-mode (t t nil nil nil nil) "T: functions keep names, lambda lists and places in the source; NIL: only their names, if symbols keep theirs.")
    (:keep-documentation (t t nil nil nil nil) "NIL: documentation strings go; where only the level says so, if the program does not ask for them.")
    (:keep-pretty-printer (t t t t t t) "NIL: the pretty printer goes; T: it stays if something can make *PRINT-PRETTY* true or calls it.")
    (:keep-complex-numbers (t t t t t t) "NIL: COMPLEX, REALPART and the other functions of complex numbers go.  (Arithmetic that knows them is the C runtime's and stays.)")
    (:keep-clos (:full-dynamic-definition :method-dynamic-definition :no-dynamic-definition :no-dynamic-definition :no-dynamic-definition :no-dynamic-definition)
     ":NO-DYNAMIC-DEFINITION: DEFCLASS, DEFMETHOD and kin cannot be run any more; :METHOD-DYNAMIC-DEFINITION: DEFCLASS cannot.")
    (:keep-structure-info (t t :print :print :print nil)
     "T: descriptions of structures stay with their names; :PRINT: names of slots stay; NIL: they stay only if something can print an object.")
    (:keep-conditions (t t t t t t) "NIL: an error inside the system ends the program with one line, whatever handlers there are.")
    (:keep-stub-functions (t t t t t t) "T: the error of a call of a function that is gone tells the keyword that keeps it.")
    (:generic-function-collapse (nil nil nil t t t) "T: a generic function with one method, for all arguments, becomes a plain function.")
    (:dynamic-names (:keep :keep :keep :keep :keep :keep)
     "What becomes of names that the program makes at run time.  :KEEP: what they can reach stays, and a report tells the places; :STRICT: they are an error; :TRUST: they reach only what stays anyway.")
    (:keep-files nil "Files of names that stay, as --trace writes them.")
    (:trace-names nil "T: the program notes the names that it finds, in the file that the environment variable WINDFALL_NAMES names; for level 0.")
    (:trusted-functions nil "Names of functions whose dynamic names are trusted.")
    (:call-count nil "T: tells what was left of each kind of link.")
    (:interrogate-symbols nil "Symbols of which is told what keeps them.")
    (:shed nil "A file, or T, the name of the program with .shed: what is shaken off is not thrown away but kept there, and comes back into the running program when something is missed.")
    (:run-it nil "T: runs the program when it is written.")
    (:explain nil "T, or a file: facts about the program are written there, by default to its name with .explain, for `windfall explain`.")
    (:report nil "A file: those facts as an HTML page.")
    (:json nil "A file: those facts as JSON.")
    (:dry-run nil "T: everything but writing the program; tells its size."))
  "Each keyword of DELIVER, its defaults at the levels 0 to 5 (or NIL at all), and what it does.")

(defparameter *delivery-values*
  '((:dynamic-names :keep :strict :trust) (:shake-class-accessors nil t :remove) (:keep-structure-info nil t :print)
    (:keep-clos :full-dynamic-definition :method-dynamic-definition :no-dynamic-definition))
  "Keywords whose values are not T or NIL, nor lists, and what can be given.")

(defun %list-keyword-p (keyword)
  "Does the keyword of DELIVER take a list?"
  (and (null (cadr (assoc keyword *delivery-keywords*)))
       (not (member keyword '(:trace-names :call-count :run-it :explain :report :json :shed :dry-run)))))

(defun %check-delivery-value (keyword value)
  (let ((values (or (cdr (assoc keyword *delivery-values*)) '(nil t))))
    (cond ((%list-keyword-p keyword)
           (unless (or (and (listp value) (null (cdr (last value)))) (and (eq value :all) (member keyword '(:packages-to-keep :packages-to-keep-externals))))
             (%delivery-error "~S takes a list, not ~S." keyword value)))
          ((member keyword '(:explain :report :json :shed))
           (unless (typep value '(or string pathname (member nil t))) (%delivery-error "~S takes a file, not ~S." keyword value)))
          ((not (member value values)) (%delivery-error "~S takes ~{~S~^, ~}; not ~S." keyword values value)))))

(defun %delivery-options (level keywords)
  "The keywords with their values: those given, else the level's."
  (do ((tail keywords (cddr tail))) ((null tail))
    (unless (assoc (car tail) *delivery-keywords*) (%delivery-error "~S is not a keyword of DELIVER." (car tail)))
    (unless (consp (cdr tail)) (%delivery-error "The keyword ~S has no value." (car tail)))
    (%check-delivery-value (car tail) (cadr tail)))
  (when (getf keywords :shed) (setq keywords (append keywords '(:dynamic-names :trust)))) ; what names reach is fetched
  (list* :given (do ((tail keywords (cddr tail)) (given '() (cons (car tail) given))) ((null tail) given))
         :dynamic-keys (append (if (getf keywords :shed) '((:names)) '()) (mapcan #'%read-keep-file (copy-list (getf keywords :keep-files)))) :note-removed nil :note-packages nil :smashed '() :swapped '()
         (mapcan (lambda (entry)
                   (list (car entry) (getf keywords (car entry) (nth level (cadr entry)))))
                 *delivery-keywords*)))

;;; -- Declarations: keep-lists in sources --

(defvar *library-end*) ; library-end.lisp, the library's last file, makes it
(defvar *dynamic-functions*) ; dynamic.lisp
(defvar *delivery-keeps* '() "What DELIVER-KEEP-SYMBOLS and kin declared: a property list of lists.")

(defun %declare-delivery (keyword items)
  (setf (getf *delivery-keeps* keyword) (union items (getf *delivery-keeps* keyword))))

(defun ext:deliver-keep-symbols (&rest symbols)
  "Declares that delivered programs keep the symbols, as :KEEP-SYMBOLS does."
  (%declare-delivery :keep-symbols symbols))
(defun ext:deliver-keep-symbol-names (&rest symbols)
  "Declares that delivered programs keep the names of the symbols, as :KEEP-SYMBOL-NAMES does."
  (%declare-delivery :keep-symbol-names symbols))
(defun ext:deliver-keep-packages (&rest packages)
  "Declares that delivered programs keep all symbols of the packages, as :PACKAGES-TO-KEEP does."
  (%declare-delivery :packages-to-keep (mapcar #'string packages)))
(defun ext:deliver-keep-classes (&rest names)
  "Declares that delivered programs keep the classes, as :CLASSES-TO-KEEP does."
  (%declare-delivery :classes-to-keep names))

(defun %kept-by-options (options keyword)
  "The list that is the keyword's value, with what was declared."
  (let ((value (getf options keyword)) (declared (getf *delivery-keeps* keyword)))
    (if (listp value) (union value declared :test #'equal) value)))

;;; -- Users' links --

(defvar ext:*delivery-hooks* '() "Functions called with the keyword list before a program is shaken, in the process that writes it.")
(defvar *delivery-weak-places* '())
(defvar *delivery-cleanups* '())

(defun ext:delivery-shaker-weak-pointer (object accessor &key (setter (fdefinition `(setf ,accessor))) dead-value)
  "Declares that what (ACCESSOR OBJECT) returns is not to be kept by OBJECT when a program is shaken.  If nothing else keeps it,
the place gets DEAD-VALUE.  SETTER: a function of the new value and the object."
  (push (list object accessor setter dead-value) *delivery-weak-places*)
  object)

(defun ext:delivery-shaker-cleanup (object function)
  "Declares that FUNCTION is to be called with OBJECT after the shake, if OBJECT is still there; with OBJECT T, always.  Then the program is shaken once more."
  (push (cons (if (eq object t) t (ext:make-weak-pointer object)) function) *delivery-cleanups*)
  object)

(defun %weak-place-links ()
  "Breaks the places that DELIVERY-SHAKER-WEAK-POINTER was told of; their links."
  (mapcar (lambda (place)
            (destructuring-bind (object accessor setter dead-value) place
              (let ((value (funcall accessor object)))
                (funcall setter dead-value object)
                (vector "USER" nil 0 nil (list setter value object) object value))))
          *delivery-weak-places*))

;;; -- Classes and generic functions --

(defun %live-funcallables ()
  (remove nil (mapcar #'ext:weak-pointer-value *funcallables*)))

(defun %all-classes ()
  (let ((classes '()))
    (labels ((visit (class)
               (unless (%memq class classes)
                 (push class classes)
                 (mapc #'visit (%direct-subclasses class)))))
      (visit *class-t*))
    classes))

(defun %method-links (generics)
  "Generic function to method: it stays while the generic function and all classes it specializes on do."
  (mapcan (lambda (generic)
            (mapcar (lambda (method)
                      (apply #'vector "METHOD" (%instance-slots generic) (position 'methods *generic-fields*) nil method
                             generic (remove-if #'%eql-specializer-p (method-field method specializers))))
                    (generic-field generic methods)))
          generics))

(defun %weak-list-links (kind objects position)
  "Links that lists of weak pointers in the slot vectors hold, behind a number (objects.lisp): class to subclass, specializer to method."
  (mapcan (lambda (object)
            (let ((slots (%instance-slots object)))
              (when (svref slots position)
                (cons (vector kind slots position nil 16 object)
                      (mapcar (lambda (item) (vector kind slots position nil (ext:make-weak-pointer item) object item))
                              (%linked (svref slots position)))))))
          objects))

(defun %accessor-method-p (method)
  (%memq (class-field (class-of method) name) '(standard-reader-method standard-writer-method)))

(defun %metaobject-vectors (classes generics)
  "The slot vectors of all metaobjects and the functions of accessors: whatever symbol they mention is a name."
  (let ((vectors (list (vector *class-fields* *slot-fields* *generic-fields* *method-fields* *combination-fields* *eql-fields*))))
    (flet ((note (object) (push (%instance-slots object) vectors)))
      (dolist (class classes)
        (note class)
        (mapc #'note (class-field class direct-slots))
        (mapc #'note (class-field class slots)))
      (dolist (generic generics)
        (note generic)
        (dolist (method (generic-field generic methods))
          (note method)
          (when (%accessor-method-p method) (push (method-field method function) vectors)))))
    vectors))

(defun %forget-documentation-of (classes generics)
  (dolist (class classes)
    (setf (class-field class documentation) nil)
    (dolist (slot (append (class-field class direct-slots) (class-field class slots))) (setf (slot-field slot documentation) nil)))
  (dolist (generic generics)
    (setf (generic-field generic documentation) nil)
    (dolist (method (generic-field generic methods)) (setf (method-field method documentation) nil))))

(defun %forget-definitions-of (classes)
  "What is said of slots and initargs by a class itself, and not by its superclasses, only a definition asks for."
  (dolist (class classes)
    (when (class-field class finalized)
      (setf (class-field class direct-slots) '() (class-field class direct-default-initargs) '()))))

(defun %forget-accessor-names (classes)
  (dolist (class classes)
    (dolist (slot (append (class-field class direct-slots) (class-field class slots)))
      (setf (slot-field slot readers) '() (slot-field slot writers) '()))))

(defun %forget-what-is-not-kept (options)
  "What goes by options that yield to what the program calls: when it is known that they do not.  NIL."
  (unless (getf options :keep-documentation) (%forget-documentation-of (%all-classes) (%live-funcallables)))
  (when (and (eq (getf options :shake-class-accessors) :remove) (not (eq (getf options :keep-clos) :full-dynamic-definition))) ; a class that is redefined removes its accessors
    (%forget-accessor-names (%all-classes)))
  (when (and (eq (getf options :shake-class-accessors) :remove) (eq (getf options :keep-clos) :no-dynamic-definition)) (%forget-definitions-of (%all-classes))))

(defun %accessor-links (generics)
  "Readers and writers stay with their classes."
  (mapcan (lambda (generic)
            (mapcan (lambda (method)
                      (when (%accessor-method-p method)
                        (list (apply #'vector "NEED" nil 0 nil method (remove *class-t* (method-field method specializers))))))
                    (generic-field generic methods)))
          generics))

(defun %collapsible-p (generic)
  "True if the generic function is its one method's function, and is not one of the library's, which looks at some of its own as objects."
  (let ((methods (generic-field generic methods)))
    (and (> (%address generic) (%address *library-end*))
         methods (null (cdr methods))
         (null (method-field (car methods) qualifiers))
         (null (generic-field generic keys))
         (eq (generic-field generic combination) *standard-combination*)
         (every (lambda (specializer) (eq specializer *class-t*)) (method-field (car methods) specializers)))))

(defun %collapse (generics)
  "Makes plain functions of generic functions that always call the same method."
  (dolist (generic generics)
    (let ((name (generic-field generic name)))
      (when (and (%collapsible-p generic) (fboundp name) (eq (fdefinition name) generic))
        (%set-function name (%single-method-function (car (generic-field generic methods))))))))

;;; -- Packages --

(defun %delivery-package (designator)
  (or (find-package designator) (%delivery-error "There is no package ~S." designator)))

(defun %symbols-of (package externals)
  (let ((symbols '()))
    (if externals
        (do-external-symbols (symbol package) (push symbol symbols))
        (do-symbols (symbol package) (when (eq (symbol-package symbol) package) (push symbol symbols))))
    symbols))

(defun %packages-kept (designators)
  (if (eq designators :all) (list-all-packages) (mapcar #'%delivery-package designators)))

(defun %smash-symbol (symbol)
  (when (fboundp symbol) (fmakunbound symbol))
  (unless (constantp symbol) (makunbound symbol))
  (setf (symbol-plist symbol) '())
  (%remove-class symbol))

(defun %remove-class (name)
  (when (find-class name nil)
    (setf (find-class name) nil)
    (%set-info name '%removed-class t)))

(defun %smash-package (designator)
  "A list of the symbols that had functions."
  (let* ((package (%delivery-package designator)) (symbols (%symbols-of package nil)) (functions (remove-if-not #'fboundp symbols)))
    (mapc #'%smash-symbol symbols)
    (%delete-delivered-package package)
    functions))

(defun %delete-delivered-package (designator)
  (let ((package (%delivery-package designator)))
    (dolist (user (package-used-by-list package)) (unuse-package package user))
    (delete-package package)))

;;; -- The plan --

(defun %delivery-roots (options)
  "What stays because somebody asks for it."
  (append (%dynamic-roots options)
          (if *logical-hosts* (copy-list '(%translate-logical %parse-logical %write-logical-directory %write-logical-name)) '())
          (%kept-by-options options :keep-symbols)
          (mapcan (lambda (package) (%symbols-of package nil))
                  (append (%packages-kept (%kept-by-options options :packages-to-keep)) (%packages-kept (getf options :never-shake-packages))))
          (mapcan (lambda (package) (%symbols-of package t)) (%packages-kept (getf options :packages-to-keep-externals)))
          (if (getf options :shake-externals)
              '()
              (mapcan (lambda (package) (%symbols-of package t))
                      (remove-if (lambda (package) (%member-string (package-name package) '("KEYWORD" "WINDFALL-SYSTEM"))) (list-all-packages))))
          (mapcar #'find-class (%kept-by-options options :classes-to-keep))
          (%kept-by-options options :classes-to-keep)
          (if (getf options :shake-classes) '() (%all-classes))))

(defun %member-string (string strings) (member string strings :test #'string=))

(defun %delivery-names (options)
  "Symbols whose names stay."
  (append (%kept-by-options options :keep-symbol-names)
          (mapcan #'%key-names (copy-list (getf options :dynamic-keys)))
          (if (getf options :shake-classes) '() '(%class))
          (if (eq (getf options :keep-structure-info) t) '(%structure) '())))

(defun %removed-functions (options)
  "Functions that go even where they are called: names of groups of src/prim/removals.def, symbols, and lists of such a name and symbols."
  (append (mapcar #'%function-cell (getf options :functions-to-remove))
          (list (cons "SMASH_PACKAGES" (getf options :smashed)))
          (mapcan (lambda (keyword) (if (getf options keyword) '() (list (substitute #\_ #\- (symbol-name keyword)))))
                  '(:keep-eval :keep-load-function :keep-lisp-reader :keep-top-level :keep-pretty-printer :keep-complex-numbers :keep-conditions))
          (if (getf options :shed) ; what would find nothing, and say nothing, fetches
              (append (if (getf options :keep-documentation) '() '("KEEP_DOCUMENTATION")) (if (getf options :keep-debug-mode) '() '("KEEP_DEBUG_MODE")))
              '())
          (case (getf options :keep-clos)
            (:no-dynamic-definition (list "KEEP_CLOS_CLASSES" "KEEP_CLOS_METHODS"))
            (:method-dynamic-definition (list "KEEP_CLOS_CLASSES"))
            (t '()))))

(defun %delivery-flags (options)
  (let ((flags 0))
    (flet ((note (bit value) (when value (setq flags (logior flags bit)))))
      (note 1 (getf options :shake-shake-shake))
      (note 2 (getf options :keep-macros))
      (note 4 (getf options :keep-debug-mode))
      (note 8 (getf options :keep-documentation))
      (note 16 (getf options :call-count))
      (note 64 (or (not (getf options :symbol-names-action)) (getf options :keep-eval))) ; the compiler finds some functions by name
      (note 128 (getf options :keep-stub-functions))
      (note 256 (getf options :keep-structure-info))
      (note 512 (getf options :note-removed))
      (note 1024 (getf options :note-packages))
      (note 2048 (eq (getf options :note-removed) :anew)))
    flags))

(defun %delivery-wishes (options)
  "What is done to the world because the user asked for it."
  (setq *report-template* nil)
  (dolist (hook ext:*delivery-hooks*) (funcall hook options))
  (when (getf options :trace-names) (%trace-names))
  (setf (getf options :smashed) (mapcan #'%smash-package (getf options :smash-packages)))
  (mapc #'%delete-delivered-package (getf options :delete-packages))
  (mapc #'%remove-class (getf options :classes-to-remove))
  (unless (zerop (first (%swap-totals)))
    (let ((swapped (remove-if-not #'ext:scodep (%all-functions))))
      (%checked-unswap swapped)
      (setf (getf options :swapped) (mapcar #'ext:make-weak-pointer swapped)))))

(defun %delivery-changes (options generics classes)
  "What is done to the world before it is looked at; a shed undoes it."
  (dolist (class classes) (when (%finalizable-p class) (%ensure-finalized class)))
  (when (getf options :generic-function-collapse) (%collapse generics)))

(defun %delivery-plan (entry options next)
  "The plan of one round; src/prim/deliver.c has its order.  NEXT: a function that makes the next round's plan, or NIL."
  (let* ((generics (%live-funcallables)) (classes (%all-classes)) (told (and (%explaining-p options) (%told classes generics))))
    (mapc #'%forget-effective generics)
    (setq *parsed-controls* (make-hash-table :test 'equal) *last-controls* (make-array 64 :initial-element nil))
    (dolist (class classes) (setf (class-field class initargs) nil (class-field class prototype) nil))
    (vector entry (%delivery-roots options)
            (nconc (%method-links generics)
                   (%weak-list-links "SUBCLASS" classes (position 'direct-subclasses *class-fields*))
                   (%weak-list-links "CLASS_METHOD" classes (position 'direct-methods *class-fields*))
                   (if (getf options :shake-class-accessors) '() (%accessor-links generics))
                   (%weak-place-links))
            *library-end* (%delivery-flags options)
            (%metaobject-vectors classes generics)
            (%removed-functions options) (%delivery-names options) next (getf options :interrogate-symbols) '()
            told (mapcar #'car *dynamic-functions*) (%dynamic-rules) nil
            (let ((swapped (getf options :swapped)))
              (and swapped (lambda () (%swap-again swapped)))))))

(defun %swap-again (pointers)
  "Swaps the code that was swapped before the program was shaken, as far as it is still there.  What fails is resident."
  (%swap-code (remove nil (mapcar #'ext:weak-pointer-value pointers)) t))

(defun %second-plan (entry options cleanups)
  "Runs the cleanup functions whose objects are still there; the plan of the second round."
  (dolist (cleanup cleanups)
    (let ((object (if (eq (car cleanup) t) t (ext:weak-pointer-value (car cleanup)))))
      (when object (funcall (cdr cleanup) object))))
  (%delivery-plan entry options nil))

(defmacro %told-problems (&body body)
  "The value of BODY, or what is wrong, a string."
  `(handler-case (progn ,@body)
     (error (condition) (string-right-trim "." (princ-to-string condition)))))

(defun %wished-plan (entry options)
  (let ((cleanups (reverse *delivery-cleanups*)))
    (%delivery-changes options (%live-funcallables) (%all-classes))
    (let ((plan (%delivery-plan entry options
                                (and cleanups (getf options :shake-shake-shake) (lambda () (%second-plan entry options cleanups))))))
      (if (or (getf options :shake-shake-shake) (not (getf options :keep-eval)))
          (setf (svref plan 14) (%review plan options))
          (%forget-what-is-not-kept options))
      plan)))

(defun %first-plan (entry options)
  "Called in the process that writes the program.  A plan; or a string: what is wrong; with a shed, a function that returns that when the world has been copied."
  (%told-problems
    (%delivery-wishes options)
    (cond ((getf options :shed)
           (mapc #'%forget-effective (%live-funcallables))
           (lambda () (%told-problems (%wished-plan entry options))))
          (t (%wished-plan entry options)))))

;;; -- DELIVER --

(defun %delivered-entry (function debugger)
  "What the program runs: a function of the list of its arguments; the exit code.  DEBUGGER: T: at a terminal, an error that nobody handles comes to it; :NEVER:
it is reported, whoever brings the debugger."
  (let* ((startup (append (reverse ext:*restore-lisp-functions*) (reverse ext:*lisp-startup-functions*)))
         (run (if startup (lambda () (mapc #'funcall startup) (funcall function)) function))
         (entry (lambda (arguments)
                  (setq ext:*command-line-arguments* arguments)
                  (catch '%quit
                    (funcall run)
                    0))))
    (case debugger
      ((nil) entry)
      ((t) (lambda (arguments)
             (setq *batch-p* (not (interactive-stream-p *stdin*)))
             (funcall entry arguments)))
      (t (lambda (arguments)
           (setq *batch-p* t)
           (funcall entry arguments))))))

(defun %shed-name (shed program)
  (ext:native-namestring (merge-pathnames (if (eq shed t)
                                              (ext:parse-native-namestring (concatenate 'string (ext:native-namestring program) ".shed"))
                                              shed))))

(defun %deliver (entry options pathname facts heading)
  "Writes the program, and to FACTS, unless it is NIL, facts about it."
  (multiple-value-bind (problem number)
      (%deliver-world (ext:native-namestring pathname) nil (lambda () (%first-plan entry options))
                      (and facts (ext:native-namestring facts)) heading (getf options :dry-run)
                      (and (getf options :shed) (%shed-name (getf options :shed) pathname)))
    (cond ((null problem))
          ((plusp number)
           (error 'simple-file-error :pathname pathname :format-control "Cannot write ~A: ~A (~A)."
                                     :format-arguments (list (namestring pathname) problem (%error-text number))))
          (t (%delivery-error "Cannot deliver ~A: ~A." (namestring pathname) problem)))))

(defun %function-to-deliver (x)
  (cond ((functionp x) x)
        ((stringp x) (%delivered-system x))
        (t (fdefinition x))))

(defun ext:deliver (function file level &rest keywords)
  "Writes an executable, FILE, that calls FUNCTION (a function, its name, or a string: the entry point of the system of that name) with no arguments, and holds what that
needs; its truename.
LEVEL, 0 to 5: how severely; KEYWORDS override what the level says (see the manual).  With :DRY-RUN, NIL.  DELIVERY-ERROR if that cannot be done, FILE-ERROR if the
file cannot be written.  (LispWorks' DELIVER; this one goes on.)"
  (unless (member level '(0 1 2 3 4 5)) (error 'type-error :datum level :expected-type '(integer 0 5)))
  (let* ((options (%with-kept-options (%delivery-options level keywords)))
         (entry (%delivered-entry (%function-to-deliver function) (or (getf options :keep-top-level) (and (getf options :shed) :never))))
         (pathname (translate-logical-pathname (merge-pathnames file))))
    (if (%explaining-p options)
        (%deliver-explained entry options level pathname)
        (%deliver entry options pathname nil ""))
    (cond ((getf options :dry-run) nil)
          (t (when (getf options :run-it) (ext:run-program (ext:native-namestring (truename pathname)) '() :output t))
             (truename pathname)))))
