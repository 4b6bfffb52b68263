;;; units.lisp: loaded units: LOAD of compiled files, UNITS, UNLOAD.
;;;
;;; A unit that is loaded belongs to an *owner*, a %UNIT-OWNER: every function over the unit's code has it in its environment, and when it is gone the
;;; collector unmaps the file (src/image/unit.h).  Nothing here holds an owner but the dynamic context of the LOAD itself: what UNITS returns
;;; are descriptions with weak pointers.

(in-package "SYS")

(defstruct (%unit-owner (:constructor %make-unit-owner (file)) (:copier nil) (:predicate nil) (:conc-name %owner-))
  (file "" :read-only t)
  (introduced '())) ; (VARIABLE . name) and (CLASS . name)

(defmethod print-object ((owner %unit-owner) stream)
  (print-unreadable-object (owner stream) (format stream "unit ~A" (%owner-file owner))))

(defvar *unit-owner* nil "The owner of the unit that is being loaded.")

(defun %introduce (kind name)
  "Called by units before they define a variable or a class."
  (unless (case kind
            (variable (boundp name))
            (t (find-class name nil)))
    (when *unit-owner* (push (cons kind name) (%owner-introduced *unit-owner*)))))

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
  (let* ((name (namestring pathname)) (owner (%make-unit-owner name)))
    (multiple-value-bind (loader problem) (%unit-open native owner)
      (cond (loader
             (let ((*readtable* *readtable*) (*package* *package*) (*source-place* nil) (*unit-owner* owner)
                   (*load-pathname* pathname) (*load-truename* (%true-name native)))
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

(defstruct (ext:unit (:constructor %make-unit (pointer file code-bytes functions)) (:copier nil) (:predicate ext:unitp) (:conc-name %unit-))
  (pointer nil :read-only t)     ; weak, to the owner
  (file "" :read-only t)
  (code-bytes 0 :read-only t)
  (functions 0 :read-only t))    ; that are alive

(defun ext:unit-file (unit) "The name of the file that the unit was loaded from." (%unit-file unit))
(defun ext:unit-code-bytes (unit) "How many bytes of code the unit has." (%unit-code-bytes unit))
(defun ext:unit-functions (unit) "How many functions and closures over the unit were alive when UNITS described it." (%unit-functions unit))

(defmethod print-object ((unit ext:unit) stream)
  (print-unreadable-object (unit stream)
    (format stream "unit ~A: ~:D byte~:P of code, ~:D function~:P~:[, gone~;~]" (ext:unit-file unit) (ext:unit-code-bytes unit) (ext:unit-functions unit)
            (nth-value 1 (ext:weak-pointer-value (%unit-pointer unit))))))

(defun %describe-unit (entry)
  (%make-unit (ext:make-weak-pointer (car entry)) (%owner-file (car entry)) (cdr entry) (%unit-function-count (car entry))))

(defun ext:units ()
  "Collects garbage; a list of descriptions of the compiled files that are loaded and still in use, the latest first: UNIT-FILE, UNIT-CODE-BYTES and UNIT-FUNCTIONS (the
number of functions and closures over it) tell of them.  A description does not keep its unit."
  (ext:gc)
  (mapcar #'%describe-unit (%loaded-units)))

;;; -- UNLOAD --

(defun %undefine-function (cell owner)
  "Undefines the function or macro of the cell symbol if it is the unit's; methods of the unit are removed from a generic function."
  (let ((function (or (%global-function cell) (macro-function cell))))
    (cond ((null function))
          ((%unit-owns-p owner function) (fmakunbound cell))
          ((%generic-function-p function)
           (let ((removed nil))
             (dolist (method (generic-field function methods))
               (when (%unit-owns-p owner (method-field method function))
                 (%remove-method function method)
                 (setq removed t)))
             (when (and removed (null (generic-field function methods))) (fmakunbound cell)))))))

(defun %undefine-symbol (symbol owner)
  (when (%unit-owns-p owner (%info symbol '%traced nil)) (%untrace symbol))
  (%undefine-function symbol owner)
  (let ((setter (%info symbol '%setf-function nil)))
    (when setter (%undefine-function setter owner)))
  (dolist (key '(%compiler-macro %type-expander %setf-expander %method-combination))
    (when (%unit-owns-p owner (%info symbol key nil)) (%remove-info symbol key))))

(defun %undefine-class (name)
  (let ((class (find-class name nil)))
    (when class
      (let ((slots (class-field class direct-slots)))
        (%update-accessors class slots '())
        (dolist (slot slots)
          (dolist (accessor (append (slot-field slot readers) (slot-field slot writers)))
            (let ((function (and (fboundp accessor) (fdefinition accessor))))
              (when (and (%generic-function-p function) (null (generic-field function methods))) (fmakunbound accessor))))))
      (setf (find-class name) nil))))

(defun %undefine-introduced (entry)
  (let ((name (cdr entry)))
    (case (car entry)
      (variable (%set-symbol-flags name (logandc2 (%symbol-flags name) 1)) ; no constant any more; it stays special
                (makunbound name))
      (class (%undefine-class name)
             (%remove-info name '%structure)))))

(defun %undefine-unit (pointer)
  (let ((owner (ext:weak-pointer-value pointer)))
    (when owner
      (do-all-symbols (symbol) (%undefine-symbol symbol owner))
      (mapc #'%undefine-introduced (%owner-introduced owner))
      nil)))

(defun %units-designated (designator)
  (if (ext:unitp designator)
      (list designator)
      (let ((file (namestring designator)) (found '()))
        (dolist (unit (ext:units) found)
          (when (or (string= (ext:unit-file unit) file)
                    (let ((a (probe-file designator)) (b (probe-file (ext:unit-file unit)))) (and a b (equal a b))))
            (push unit found))))))

(defun %unit-holder (pointer)
  (let ((owner (ext:weak-pointer-value pointer)))
    (and owner (or (ext:why-live owner nil) (list "nothing")))))

(defun ext:unload (unit)
  "Undefines what the unit (a description or a file name, which means all units of that file) defined: functions, macros, methods, and the variables and
classes that it introduced; then collects garbage.  The receipt is two values: how many bytes of code were freed, and a list with a path of
references, as WHY-LIVE tells it, for each unit that something still holds.  Such a unit stays, whole and working."
  (let ((units (%units-designated unit)) (freed 0) (held '()))
    (dolist (unit units) (%undefine-unit (%unit-pointer unit)))
    (ext:gc)
    (dolist (unit units)
      (let ((path (%unit-holder (%unit-pointer unit))))
        (if path (push path held) (incf freed (ext:unit-code-bytes unit)))))
    (values freed (nreverse held))))

;;; -- Before the world is saved or purified --

(defun %adopt-all-units ()
  "Moves the code of all units into the heap and lets go of their files."
  (do ((tries 0 (+ tries 1))) ((or (null (%loaded-units)) (= tries 4)))
    (ext:gc)
    (%adopt-units)
    (ext:gc)))
