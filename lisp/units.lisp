;;; units.lisp: loaded units: LOAD of compiled files, UNITS, UNLOAD.
;;;
;;; A unit that is loaded belongs to an *owner*, a %UNIT-OWNER: every function over the unit's code has it in its environment, and when it is gone the
;;; collector unmaps the file (src/image/unit.h).  Nothing here holds an owner but the dynamic context of the LOAD itself, *UNIT-OWNER*: what UNITS
;;; returns are descriptions with weak pointers.
;;;
;;; UNLOAD undefines what a file defined and nobody has defined anew.  Functions, macros, methods and expanders tell by their code whose they are.  What has no
;;; code (variables, classes, generic functions, proclamations...) has a note: %NOTE-DEFINITION (boot.lisp) puts the file's truename under %DEFINERS into the
;;; INFO of the symbol.  A name and not the owner, since a file may be loaded again, and a unit that only defines variables is unmapped at once.

(in-package "SYS")

(defstruct (%unit-owner (:constructor %make-unit-owner (file truename)) (:copier nil) (:predicate nil) (:conc-name %owner-))
  (file "" :read-only t)       ; as LOAD was told
  (truename "" :read-only t))

(defmethod print-object ((owner %unit-owner) stream)
  (print-unreadable-object (owner stream) (format stream "unit ~A" (%owner-file owner))))

;;; -- LOAD --

(defun %run-unit (loader print)
  "Makes the calls that the unit says."
  (let ((value nil))
    (loop
      (multiple-value-bind (function arguments) (%unit-next loader value)
        (unless function (return t))
        (if print
            (let ((values (multiple-value-list (apply function arguments))))
              (setq value (car values))
              (dolist (value values) (format t "~&; ~S~%" value)))
            (setq value (apply function arguments)))))))

(defun %load-unit (pathname native verbose print)
  "Loads the file if it is a unit; else NIL."
  (let* ((name (namestring pathname)) (truename (%true-name native)) (owner (%make-unit-owner name (if truename (namestring truename) name))))
    (multiple-value-bind (loader problem) (%unit-open native owner)
      (cond (loader
             (let ((*readtable* *readtable*) (*package* *package*) (*source-place* nil) (*unit-owner* owner)
                   (*load-pathname* pathname) (*load-truename* truename))
               (when verbose (format t "~&; Loading ~A~%" name))
               (%run-unit loader print)))
            ((stringp problem) (%file-error pathname "The unit ~A cannot be loaded: ~A." name problem))
            ((and (null problem) (equal (pathname-type pathname) "wfu"))
             (%file-error pathname "The unit ~A cannot be loaded: it is no unit, or has been cut off." name))
            (t nil)))))

(defun %file-to-load (pathname)
  "The pathname; without a type and a file of that name, the unit or the source, whichever is newer."
  (if (and (null (pathname-type pathname)) (pathname-name pathname) (not (probe-file pathname)))
      (let ((source (make-pathname :type "lisp" :defaults pathname)) (unit (make-pathname :type "wfu" :defaults pathname)))
        (cond ((not (probe-file unit)) (if (probe-file source) source pathname))
              ((and (probe-file source) (> (file-write-date source) (file-write-date unit))) source)
              (t unit)))
      pathname))

(defun %load-source (pathname verbose print if-does-not-exist external-format)
  (with-open-file (stream pathname :external-format external-format :if-does-not-exist (if if-does-not-exist :error nil))
    (and stream (%load-stream stream pathname verbose print))))

(defun %load-file (filespec verbose print if-does-not-exist external-format)
  (let ((merged (%file-to-load (merge-pathnames filespec))))
    (multiple-value-bind (pathname native) (%file-name merged)
      (declare (ignore pathname))
      (or (%load-unit merged native verbose print)
          (%load-source merged verbose print if-does-not-exist external-format)))))

(defun %load-open-stream (stream verbose print)
  (let ((pathname (%stream-pathname stream)))
    (if (subtypep (stream-element-type stream) 'character)
        (%load-stream stream pathname verbose print)
        (or (and pathname (%load-unit pathname (ext:native-namestring pathname) verbose print))
            (error "~S is a binary stream, and what it reads is no unit." stream)))))

(defun load (filespec &key (verbose *load-verbose*) (print *load-print*) (if-does-not-exist t) (external-format :default))
  "Loads a unit, or reads and evaluates the forms of a file or stream (CLHS LOAD); T, or NIL if there is no file and IF-DOES-NOT-EXIST is false.
A file without type is looked for with the types wfu and lisp, too."
  (if (and (streamp filespec) (open-stream-p filespec) (input-stream-p filespec))
      (%load-open-stream filespec verbose print)
      (%load-file filespec verbose print if-does-not-exist external-format)))

;;; -- UNITS --

(defstruct (ext:unit (:constructor %make-unit (pointer file truename code-bytes functions)) (:copier nil) (:predicate ext:unitp) (:conc-name %unit-))
  (pointer nil :read-only t)     ; weak, to the owner
  (file "" :read-only t)
  (truename "" :read-only t)
  (code-bytes 0 :read-only t)
  (functions 0 :read-only t))    ; that are alive

(defun ext:unit-file (unit) "The name of the file that the unit was loaded from." (%unit-file unit))
(defun ext:unit-code-bytes (unit) "How many bytes of code the unit has." (%unit-code-bytes unit))
(defun ext:unit-functions (unit) "How many functions and closures over the unit were alive when UNITS described it." (%unit-functions unit))

(defmethod print-object ((unit ext:unit) stream)
  (print-unreadable-object (unit stream)
    (format stream "unit ~A: ~:D byte~:P of code, ~:D function~:P~:[, gone~;~]" (ext:unit-file unit) (ext:unit-code-bytes unit) (ext:unit-functions unit)
            (nth-value 1 (ext:weak-pointer-value (%unit-pointer unit))))))

(defun %describe-unit (entry functions)
  (%make-unit (ext:make-weak-pointer (car entry)) (%owner-file (car entry)) (%owner-truename (car entry)) (cdr entry) functions))

(defun ext:units ()
  "Collects garbage; a list of descriptions of the compiled files that are loaded and still in use, the latest first: UNIT-FILE, UNIT-CODE-BYTES and UNIT-FUNCTIONS (the
number of functions and closures over it) tell of them.  A description does not keep its unit."
  (ext:gc)
  (mapcar (lambda (entry) (%describe-unit entry (%unit-function-count (car entry)))) (%loaded-units)))

;;; -- UNLOAD --

(defvar *swapped-from* (make-hash-table :test 'eq :weakness :key) "Functions whose code was a unit's until it was swapped, to the unit's file.")

(defun %note-swapped (functions)
  "The code of the functions is to be swapped: then it is no unit's, and UNLOAD goes by the file."
  (dolist (entry (%loaded-units))
    (dolist (function functions)
      (when (%unit-owns-p (car entry) function) (setf (gethash function *swapped-from*) (%owner-truename (car entry)))))))

(defun %forget-documentation (cell &rest kinds)
  (let ((all (copy-list (%info cell '%documentation nil))))
    (when all
      (dolist (kind kinds) (remf all kind))
      (if all (%set-info cell '%documentation all) (%remove-info cell '%documentation)))))

(defun %undefine-function (cell ours)
  "Undefines the function or macro of the cell symbol if it is OURS, by that predicate; such methods are removed from a generic function."
  (let ((function (or (%global-function cell) (macro-function cell))))
    (cond ((null function))
          ((funcall ours function)
           (fmakunbound cell)
           (%remove-info cell '%inline-expansion)
           (%forget-documentation cell 'function))
          ((%generic-function-p function)
           (dolist (method (generic-field function methods))
             (when (funcall ours (method-field method function)) (%remove-method function method)))))))

(defun %undefine-code (cell ours)
  "Undefines what of the cell is a function that is OURS."
  (when (funcall ours (%info cell '%traced nil)) (%untrace cell))
  (%undefine-function cell ours)
  (dolist (key '(%compiler-macro %type-expander %setf-expander %method-combination))
    (when (funcall ours (%info cell key nil))
      (%remove-info cell key)
      (%forget-documentation cell (case key (%compiler-macro 'compiler-macro) (%type-expander 'type) (%setf-expander 'setf) (t 'method-combination))))))

(defun %undefine-variable (name)
  (%set-symbol-flags name (logandc2 (%symbol-flags name) 3)) ; neither constant nor special
  (makunbound name)
  (%forget-documentation name 'variable))

(defun %undefine-generic (cell)
  "Undefines the generic function if no method is left; if there is one of another unit, it is that unit's from now on."
  (let ((function (%global-function cell)))
    (when (%generic-function-p function)
      (let ((methods (generic-field function methods)))
        (if (null methods)
            (fmakunbound cell)
            (dolist (entry (%loaded-units))
              (when (some (lambda (method) (%unit-owns-p (car entry) (method-field method function))) methods)
                (let ((*unit-owner* (car entry))) (return (%note-definition 'generic cell))))))))))

(defun %undefine-structure (name description)
  "What the compiler knows of the type and its readers."
  (dolist (pair (%readers description))
    (when (eq (car (%info (car pair) '%structure-accessor nil)) (%sd-layout description))
      (%remove-info (car pair) '%structure-accessor)))
  (let ((predicate (%sd-predicate description)))
    (when (and (symbolp predicate) (not (fboundp predicate)))
      (%remove-info predicate '%inline-declared)
      (%remove-info predicate '%inline-expansion)))
  (%remove-info name '%structure))

(defun %undefine-class (name)
  (let ((class (find-class name nil)) (description (%structure-description name)))
    (when class
      (let ((slots (class-field class direct-slots)))
        (%update-accessors class slots '())
        (setf (find-class name) nil)))
    (when description (%undefine-structure name description))
    (%forget-documentation name 'type 'structure)))

(defun %undefine-kind (kind cell)
  (case kind
    (variable (%undefine-variable cell))
    (symbol-macro (%set-symbol-flags cell (logandc2 (%symbol-flags cell) 32))
                  (%remove-info cell '%symbol-macro-expansion))
    (class (%undefine-class cell))
    (setf (%remove-info cell '%setf-expander)
          (%forget-documentation cell 'setf))
    (method-combination (%remove-info cell '%method-combination)
                        (%forget-documentation cell 'method-combination))
    (inline (%remove-info cell '%inline-declared))
    (ftype (%remove-info cell '%global-ftype))
    (type (%remove-info cell '%global-type))
    (declaration (setq *declarations* (remove cell *declarations*)))))

(defun %call-with-cells (function)
  "Calls FUNCTION of all symbols that have INFO or a function, and of the cells of their SETF functions."
  (do-all-symbols (symbol)
    (funcall function symbol)
    (let ((setter (%info symbol '%setf-function nil)))
      (when setter (funcall function setter)))))

(defun %undefine-noted (file)
  "Undefines what is noted to be the file's.  Generic functions come last: they go when no method is left."
  (let ((generics '()))
    (%call-with-cells
     (lambda (cell)
       (let ((notes (%info cell '%definers nil)))
         (do ((tail notes (cddr tail))) ((null tail))
           (when (equal (cadr tail) file)
             (rplaca (cdr tail) nil)
             (if (eq (car tail) 'generic) (push cell generics) (%undefine-kind (car tail) cell))))
         (when (and notes (do ((tail notes (cddr tail))) ((null tail) t) (when (cadr tail) (return nil)))) (%remove-info cell '%definers)))))
    (mapc #'%undefine-generic generics)))

(defun %newest-p (unit)
  "Whether no later load of the unit's file is in use."
  (let ((owner (ext:weak-pointer-value (%unit-pointer unit))))
    (dolist (entry (%loaded-units) t)
      (when (string= (%owner-truename (car entry)) (%unit-truename unit)) (return (eq (car entry) owner))))))

(defun %undefine-unit (unit)
  (let ((owner (ext:weak-pointer-value (%unit-pointer unit))))
    (when owner (%undefine-all (lambda (function) (%unit-owns-p owner function))))
    nil))

(defun %undefine-all (ours) (%call-with-cells (lambda (cell) (%undefine-code cell ours))))

(defun %undefine-swapped (file)
  (when (loop for from being the hash-values of *swapped-from* thereis (equal from file))
    (%undefine-all (lambda (function) (equal (gethash function *swapped-from*) file)))))

(defun %units-designated (designator)
  "The units, and the file whose notes are to be obeyed: none if a later load of it is in use."
  (if (ext:unitp designator)
      (values (list designator) (and (%newest-p designator) (%unit-truename designator)))
      (let* ((found (probe-file designator)) (file (namestring (or found (merge-pathnames designator)))))
        (values (remove-if-not (lambda (unit) (or (string= (%unit-truename unit) file) (string= (%unit-file unit) (namestring designator))))
                               (mapcar (lambda (entry) (%describe-unit entry 0)) (%loaded-units))) ; those that are garbage too: the receipt counts them
                file))))

(defun %unit-holder (pointer)
  (let ((owner (ext:weak-pointer-value pointer)))
    (and owner (or (ext:why-live owner nil) (list "nothing")))))

(defun ext:unload (unit)
  "Undefines what the unit (a description or a file name, which means all units of that file) defined and nobody has defined anew: functions, macros, compiler macros,
methods, generic functions without methods, SETF functions and expanders, types, classes, structure types, method combinations, symbol macros, proclamations, and the
variables and constants that it introduced; then collects garbage.  Packages stay.  The receipt is two values: how many bytes of code were freed, and a list
with a path of references, as WHY-LIVE tells it, for each unit that something still holds.  Such a unit stays, whole and working.  PURIFY
makes units part of the world, and those of a saved image are: UNLOAD knows them no more."
  (multiple-value-bind (units file) (%units-designated unit)
    (mapc #'%undefine-unit units)
    (when file
      (%undefine-swapped file)
      (%undefine-noted file))
    (ext:gc)
    (let ((freed 0) (held '()))
      (dolist (unit units)
        (let ((path (%unit-holder (%unit-pointer unit))))
          (if path (push path held) (incf freed (ext:unit-code-bytes unit)))))
      (values freed (nreverse held)))))

;;; -- Before the world is saved or purified: units become part of it --

(defun %forget-definers ()
  (clrhash *swapped-from*)
  (%call-with-cells (lambda (cell) (%remove-info cell '%definers))))
