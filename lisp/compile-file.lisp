;;; compile-file.lisp: COMPILE-FILE (CLHS 3.2.3, 3.2.4, 24.1): a source file becomes a unit, NAME.wfu.
;;;
;;; A unit is a sequence of calls with constant arguments.  A top-level form that is such a call already (%DEFUN with a FUNCTION form, SET, IN-PACKAGE's
;;; SETQ apart) is written as it is; every other form becomes a function without arguments that is called.  The writer (src/image/unit-write.c) puts constants
;;; and code into the file; when it meets an object that must be made by calls of its own, it says so and is called again when those are written:
;;;
;;;     LOAD-TIME-VALUE      the compiler has left a cell with a function
;;;     layouts              of structure types are found by name
;;;     hash tables          are made and filled
;;;     anything else        is for MAKE-LOAD-FORM: the creation form is written before the call that needs the object, the initialization form behind
;;;                          the creation form.
;;;
;;; Top-level forms are processed as figure 3-7 of the standard says.  An error in a form is reported, makes FAILURE-P true, and the form becomes a call of
;;; ERROR; an error of the reader ends the compilation, without output.

(in-package "SYS")

(defvar *compile-file-pathname* nil "What COMPILE-FILE compiles (CLHS *COMPILE-FILE-PATHNAME*).")
(defvar *compile-file-truename* nil "The truename of what COMPILE-FILE compiles (CLHS *COMPILE-FILE-TRUENAME*).")
(defvar *compile-verbose* nil "Default of COMPILE-FILE's :VERBOSE.")
(defvar *compile-print* nil "Default of COMPILE-FILE's :PRINT.")
(defvar ext:*save-debug-information* t "Default of COMPILE-FILE's :DEBUG: whether names, lambda lists, documentation and lines of functions are written into the unit.")
(defvar *unit-writer* nil "The writer of the unit that is being made.")
(defvar *objects-being-made* '() "Objects whose creation forms are being written.")

;;; -- Objects --

(defun %layout-for-unit (name slots &optional description)
  "The layout of the structure type NAME, which code in a unit that is being loaded was compiled for.  DESCRIPTION: of a type that the same file defines, maybe in
the very form that the layout is a constant of."
  (let ((layout (or (%structure-layout name)
                    (when description
                      (%define-structure description)
                      (%structure-layout name)))))
    (unless layout (error "The structure type ~S, which the unit uses, is not defined." name))
    (unless (equalp (%layout-ref layout 5) slots)
      (error "The structure type ~S has other slots than when the unit was compiled." name))
    layout))

(defun %fill-hash-table (table &rest keys-and-values)
  (do ((tail keys-and-values (cddr tail))) ((null tail) table)
    (setf (gethash (car tail) table) (cadr tail))))

(defun %hash-table-load-form (table)
  (let ((contents '()))
    (maphash (lambda (key value) (setq contents (list* (list 'quote key) (list 'quote value) contents))) table)
    (values `(make-hash-table :test ',(hash-table-test table) :size ,(hash-table-count table))
            (and contents `(%fill-hash-table ',table ,@contents)))))

(defun %fill-array (array elements)
  (let ((i -1)) (dolist (x elements array) (setf (row-major-aref array (incf i)) x))))

(defun %swapped-array-load-form (handle)
  "A resident copy; its elements, which may be the array itself, come later."
  (let ((copy (ext:mkunswap handle)))
    (if (eq (array-element-type copy) t)
        (let ((elements (let ((i -1)) (map-into (make-list (array-total-size copy)) (lambda () (row-major-aref copy (incf i)))))))
          (%fill-array copy (make-list (array-total-size copy)))
          (values `',copy `(%fill-array ',handle ',elements)))
        `',copy)))

(defun %function-load-form (function)
  "Functions in files are found by their names, if they have any."
  (let ((name (nth-value 2 (function-lambda-expression function))))
    (unless (and name (or (symbolp name) (consp name)) (ignore-errors (eq (fdefinition name) function)))
      (error "The function ~S cannot be in a compiled file." function))
    `(fdefinition ',name)))

(defun %load-form (object)
  "Creation form and initialization form."
  (cond ((%layout-p object)
         (let ((name (%layout-ref object 0)))
           `(%layout-for-unit ',name ',(%layout-ref object 5) ,@(if (memq name (cdr *file-structures*)) `(',(layout-info object))))))
        ((hash-table-p object) (%hash-table-load-form object))
        ((arrayp object) (%swapped-array-load-form object))
        ((functionp object) (%function-load-form object))
        (t (make-load-form object))))

(defun %make-for-unit (object)
  "Writes the calls that make the object."
  (when (%memq object *objects-being-made*) (error "The creation form of ~S refers to itself." object))
  (multiple-value-bind (function cell) (%cell-value object)
    (let ((*objects-being-made* (cons object *objects-being-made*)) (init nil))
      (if cell
          (%write-call function '())
          (multiple-value-bind (creation initialization) (%load-form object)
            (%write-top-level-form creation nil)
            (setq init initialization)))
      (%unit-write-value *unit-writer* object)
      (when init
        (let ((*objects-being-made* (cdr *objects-being-made*))) (%write-top-level-form init nil))))))

;;; -- Calls --

(defun %write-call (function arguments)
  (loop
    (multiple-value-bind (problem object) (%unit-write-call *unit-writer* function arguments)
      (case problem
        ((nil) (return nil))
        (:make (%make-for-unit object))
        (:deep (error "A constant is nested too deeply to be in a compiled file."))
        (t (error "~S cannot be in a compiled file." object))))))

(defun %constant-argument (form env)
  "The value of an argument that is a constant or a function; whether it is."
  (cond ((symbolp form) (if (or (keywordp form) (memq form '(t nil))) (values form t) (values nil nil)))
        ((atom form) (values form t))
        ((not (and (consp (cdr form)) (null (cddr form)))) (values nil nil))
        ((eq (car form) 'quote)
         (%note-quoted (cadr form))
         (values (cadr form) t))
        ((and (eq (car form) 'function) (consp (cadr form)) (memq (car (cadr form)) '(lambda named-lambda)))
         (values (%compile-lambda-for-file (cadr form) env) t))
        (t (values nil nil))))

(defun %plain-call-p (form env)
  "Whether the form is a call of a global function that is there now."
  (and (consp form) (symbolp (car form)) (%global-function (car form))
       (not (and env (%environment-function (car form) env)))
       (not (%info (car form) '%compiler-macro nil))
       (%proper-arguments-p form)))

(defun %write-top-level-form (form env)
  "Writes the call or calls that evaluate the form."
  (let ((arguments '()))
    (if (and (%plain-call-p form env)
             (every (lambda (argument) (or (atom argument) (memq (car argument) '(quote function)))) (cdr form))
             (dolist (argument (cdr form) t)
               (multiple-value-bind (value constant) (%constant-argument argument env)
                 (unless constant (return nil))
                 (push value arguments))))
        (%write-call (car form) (nreverse arguments))
        (%write-call (%compile-form-for-file form env) '()))))

;;; -- Top-level forms --

(defun %eval-in (form env)
  (if env (funcall (%compile-form form env)) (eval form)))

(defun %process-forms (forms env too)
  (dolist (form forms) (%process-form form env too)))

(defun %process-eval-when (situations forms env too)
  (let* ((compile (or (memq :compile-toplevel situations) (memq 'compile situations)))
         (load (or (memq :load-toplevel situations) (memq 'load situations)))
         (execute (or (memq :execute situations) (memq 'eval situations)))
         (now (or compile (and execute too))))
    (cond (load (%process-forms forms env (and now t)))
          (now (%eval-in `(progn ,@forms) env)))))

(defun %locally-environment (declarations env)
  "ENV with the free declarations."
  (let ((variables '()) (others '()))
    (dolist (declaration declarations)
      (dolist (spec (cdr declaration))
        (case (car spec)
          (special (dolist (name (cdr spec)) (push (list name :special t) variables)))
          (inline (dolist (name (cdr spec)) (push (list name :inline t) others)))
          (notinline (dolist (name (cdr spec)) (push (list name :notinline t) others))))))
    (if (or variables others) (%augment-environment env variables '() others) env)))

(defun %process-body (body env too)
  "The forms of a LOCALLY, MACROLET or SYMBOL-MACROLET."
  (multiple-value-bind (forms declarations) (%parse-body body)
    (%process-forms forms (%locally-environment declarations env) too)))

(defun %macrolet-environment (definitions env)
  (%augment-environment env '()
                        (mapcar (lambda (definition)
                                  (destructuring-bind (name lambda-list &body body) definition
                                    (list name :macro (%compile-lambda (%parse-macro name lambda-list body 'macro) env))))
                                definitions)
                        '()))

(defun %symbol-macrolet-environment (definitions env)
  (%augment-environment env (mapcar (lambda (definition) (list (first definition) :symbol-macro (second definition))) definitions) '() '()))

(defun %process-form (form env too)
  "A top-level form: CLHS 3.2.3.1.  TOO: compile-time-too mode."
  (cond ((symbolp form)
         (multiple-value-bind (expansion expanded) (macroexpand-1 form env)
           (cond (expanded (%process-form expansion env too))
                 ((constantp form) nil)
                 (t (when too (%eval-in form env))
                    (%write-top-level-form form env)))))
        ((atom form) nil)
        ((not (and (symbolp (car form)) (%proper-arguments-p form)))
         (when too (%eval-in form env))
         (%write-top-level-form form env))
        (t (case (car form)
             (quote nil)
             (progn (%process-forms (cdr form) env too))
             (eval-when (%process-eval-when (cadr form) (cddr form) env too))
             (locally (%process-body (cdr form) env too))
             (macrolet (%process-body (cddr form) (%macrolet-environment (cadr form) env) too))
             (symbol-macrolet (%process-body (cddr form) (%symbol-macrolet-environment (cadr form) env) too))
             (t (cond ((and (not (special-operator-p (car form))) (macro-function (car form) env))
                       (%process-form (macroexpand-1 form env) env too))
                      (t (when too (%eval-in form env))
                         (%write-top-level-form form env))))))))

;;; -- The file --

(defun %report-failure (condition)
  (format *error-output* "~&; ~A~@[ (~A:~D)~]~%" condition (car *source-place*) (and *source-place* (%source-line))))

(defun %compile-form-of-file (form print)
  "Processes a form of the file; whether that went without error."
  (when print
    (let ((*print-length* 3) (*print-level* 2) (*print-pretty* nil)) (format t "~&; ~S~%" form)))
  (let ((wrong (block try
                 (handler-bind ((error (lambda (condition)
                                         (%report-failure condition)
                                         (return-from try condition))))
                   (%process-form form nil nil)
                   nil))))
    (cond (wrong
           (setq *objects-being-made* '())
           (%write-call 'error (list 'simple-program-error :format-control "This form had an error when it was compiled: ~A"
                                     :format-arguments (list (princ-to-string wrong))))
           nil)
          (t t))))

(defun %next-form (stream name)
  "The next form, STREAM at the end, :WRONG after an error of the reader."
  (handler-case (%read-form-of-file stream name)
    (error (condition)
      (%report-failure condition)
      (values nil t))))

(defun %compile-stream (stream name print)
  "Compiles all forms: whether all went without error; NIL and T if the reader failed."
  (let ((*source-place* nil) (*objects-being-made* '()) (fine t))
    (%skip-interpreter-line stream)
    (loop
      (multiple-value-bind (form wrong) (%next-form stream name)
        (cond (wrong (return (values nil t)))
              ((eq form stream) (return (values fine nil)))
              ((not (%compile-form-of-file form print)) (setq fine nil)))))))

(defun compile-file-pathname (input-file &key (output-file nil output-file-p) &allow-other-keys)
  "Where COMPILE-FILE of the same arguments writes (CLHS COMPILE-FILE-PATHNAME).  A directory of OUTPUT-FILE is not one below that of INPUT-FILE."
  (let ((default (make-pathname :type "wfu" :version nil :defaults (merge-pathnames input-file))))
    (cond ((not (and output-file-p output-file (not (eq output-file t)))) default)
          ((pathname-directory output-file) (merge-pathnames output-file (make-pathname :directory nil :defaults default)))
          (t (merge-pathnames output-file default)))))

(defun %write-unit (output debug)
  (multiple-value-bind (pathname native) (%file-name output)
    (let ((wrong (%unit-write-file *unit-writer* native debug)))
      (when wrong (%system-file-error "write" pathname wrong)))
    (values (%true-name native))))

(defun compile-file (input-file &key (output-file nil output-file-p) (verbose *compile-verbose*) (print *compile-print*)
                     (external-format :default) (debug ext:*save-debug-information*) trace-file)
  "Compiles a file to a unit (CLHS COMPILE-FILE).  Three values: the truename of what was written, or NIL if the file could not be read; whether there were
errors or warnings; whether there were others than style warnings.  DEBUG false leaves names, lambda lists, documentation and lines of functions out.
TRACE-FILE is ignored."
  (declare (ignore trace-file))
  (let* ((pathname (%source-file (merge-pathnames input-file *default-pathname-defaults* nil)))
         (output (if output-file-p (compile-file-pathname pathname :output-file output-file) (compile-file-pathname pathname)))
         (warned nil) (failed nil) (written nil))
    (with-open-file (stream pathname :external-format external-format)
      (let ((*readtable* *readtable*) (*package* *package*) (*unit-writer* (%unit-writer)) (*unit-owner* nil) (*file-structures* (list t))
            (*compile-file-pathname* (merge-pathnames pathname)) (*compile-file-truename* (truename pathname)))
        (when verbose (format t "~&; Compiling ~A~%" (namestring pathname)))
        (handler-bind ((warning (lambda (condition)
                                  (setq warned t)
                                  (unless (typep condition 'style-warning) (setq failed t)))))
          (multiple-value-bind (fine unread)
              (%with-compilation-unit nil (%compile-stream stream (namestring pathname) print))
            (unless fine (setq warned t failed t))
            (unless unread (setq written (%write-unit output debug)))))))
    (values written warned failed)))
