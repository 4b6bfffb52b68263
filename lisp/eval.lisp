;;; eval.lisp: EVAL, COMPILE, macro expansion, what is known of functions and macros, TRACE (CLHS chapters 3, 5.3, 25.1.2).
;;;
;;; EVAL compiles.  But a form of a program's top level is often no more than a call with constant arguments, and compiling costs more
;;; than running it; so EVAL does by itself what needs no lexical environment: variables, constants, PROGN, IF, EVAL-WHEN, SETQ of
;;; a global variable, calls of macros and of global functions.  PROGN must be done here in any case, form by form, since a macro may be defined in it.
;;; Everything else goes to the compiler, as a function of no arguments.
;;;
;;; TRACE puts a closure into the function cell; the original function is kept under %TRACED in the INFO of the cell's symbol.

(in-package "SYS")

;;; -- Macro expansion --

(defvar *macroexpand-hook* 'funcall "Called with the macro function, the form and the environment.")

(defun macro-function (symbol &optional environment)
  "The macro function of the symbol in the environment, or NIL."
  (%macro-function symbol environment))

(defun compiler-macro-function (name &optional environment)
  "The compiler macro function of the name, or NIL."
  (declare (ignore environment))
  (%info (%function-cell name) '%compiler-macro nil))

(defun %call-special-operator (&rest arguments)
  "What FDEFINITION gives for the name of a special operator."
  (declare (ignore arguments))
  (%form-error "A special operator cannot be called."))

(defun macroexpand-1 (form &optional environment)
  "Expands the form once, if it is a macro form or a symbol macro; whether it was."
  (cond ((symbolp form)
         (multiple-value-bind (expansion found) (%symbol-macro-expansion form environment)
           (if found (values expansion t) (values form nil))))
        ((and (consp form) (symbolp (car form)))
         (let ((function (%macro-function (car form) environment)))
           (if function
               (values (funcall *macroexpand-hook* function form environment) t)
               (values form nil))))
        (t (values form nil))))

(defun macroexpand (form &optional environment)
  "Expands the form until it is no macro form; whether it was."
  (let ((any nil))
    (loop
      (multiple-value-bind (expansion expanded) (macroexpand-1 form environment)
        (unless expanded (return (values form any)))
        (setq form expansion any t)))))

(defun constantp (form &optional environment)
  "Whether the form always has the same value."
  (declare (ignore environment))
  (cond ((consp form) (eq (car form) 'quote))
        ((symbolp form) (%symbol-flag-p form 1))
        (t t)))

;;; -- EVAL --

(defun %proper-arguments-p (list)
  (do ((tail list (cdr tail)))
      ((atom tail) (null tail))))

(defun %eval-progn (forms)
  (do ((tail forms (cdr tail)))
      ((null (cdr tail)) (eval (car tail)))
    (eval (car tail))))

(defun %eval-arguments (forms)
  (let ((values '()))
    (dolist (form forms (nreverse values))
      (push (eval form) values))))

(defun %eval-by-compiler (form)
  (funcall (%compile-form form nil)))

(defun %eval-setq (form)
  "SETQ of one global variable that is no symbol macro."
  (let ((name (cadr form)))
    (if (and (consp (cddr form)) (null (cdddr form)) (symbolp name) (not (%symbol-flag-p name 33)))
        (set name (eval (caddr form)))
        (%eval-by-compiler form))))

(defun %eval-call (form)
  (let ((function (%global-function (car form))))
    (if (and function (%proper-arguments-p (cdr form)))
        (apply function (%eval-arguments (cdr form)))
        (%eval-by-compiler form))))

(defun eval (form)
  "The values of the form in the null lexical environment (CLHS EVAL)."
  (cond ((symbolp form)
         (if (%symbol-flag-p form 32) (eval (macroexpand-1 form)) (symbol-value form)))
        ((atom form) form)
        ((or (not (symbolp (car form))) (not (consp (cdr form))))
         (if (and (symbolp (car form)) (null (cdr form)) (%global-function (car form)))
             (funcall (%global-function (car form)))
             (%eval-by-compiler-or-macro form)))
        (t (case (car form)
             (quote (if (null (cddr form)) (cadr form) (%eval-by-compiler form)))
             (progn (if (%proper-arguments-p form) (%eval-progn (cdr form)) (%eval-by-compiler form)))
             (eval-when (%eval-when (cadr form) (cddr form)))
             (setq (%eval-setq form))
             (if (if (and (consp (cddr form)) (%proper-arguments-p form) (null (cddddr form)))
                     (if (eval (cadr form)) (eval (caddr form)) (eval (cadddr form)))
                     (%eval-by-compiler form)))
             (t (%eval-by-compiler-or-macro form))))))

(defun %eval-when (situations forms)
  (if (or (memq :execute situations) (memq 'eval situations)) (%eval-progn forms) nil))

(defun %eval-by-compiler-or-macro (form)
  (let ((name (car form)))
    (cond ((not (symbolp name)) (%eval-by-compiler form))
          ((%symbol-flag-p name 16) (%eval-by-compiler form))
          ((%symbol-flag-p name 4) (eval (macroexpand-1 form)))
          (t (%eval-call form)))))

(defun %evaluate (form)
  (eval form))

;;; -- COMPILE --

(defvar *undefined-functions* nil "What the compiler notes in a compilation unit, or NIL outside: see compile.c.")
(defvar *compiler-notes* nil "A list of kinds of what the compiler said in the innermost COMPILE, in a cons; or NIL.")

(defun %source-line ()
  "The line of the top-level form that is being compiled."
  (if (consp (cdr *source-place*)) (cadr *source-place*) (cdr *source-place*)))

(defun %compiler-warn (kind control arguments form)
  "Called by the compiler: KIND is :WARNING, :STYLE-WARNING or :ERROR."
  (if *compiler-notes* (push kind (cdr *compiler-notes*)))
  (let ((control (concatenate 'string control (if form " in ~S" "") (if *source-place* ", ~A:~D." ".")))
        (arguments (append arguments (if form (list form)) (if *source-place* (list (car *source-place*) (%source-line))))))
    (cond
      ((not (fboundp 'warn)) nil)
      ((eq kind :style-warning)
       (warn 'simple-style-warning :format-control control :format-arguments arguments))
      (t (warn 'simple-warning :format-control control :format-arguments arguments)))))

(defun %set-definition (name function)
  (if (and (symbolp name) (macro-function name))
      (setf (macro-function name) function)
      (setf (fdefinition name) function)))

(defun %note-quoted (x &optional (depth 0))
  "Notes the symbols in a constant that code written by COMPILE-FILE passes to functions: it may define them when it is loaded."
  (do ((n 0 (1+ n))) ((or (atom x) (eql n 256)))
    (if (< depth 4) (%note-quoted (car x) (1+ depth)))
    (pop x))
  (if (and x (symbolp x) *undefined-functions* (not (keywordp x)) (not (fboundp x)))
      (setf (gethash x (or (car *undefined-functions*) (setf (car *undefined-functions*) (make-hash-table :test 'eq :weakness :key)))) t)))

;;; What a compilation unit notes is given as warnings when its outermost form ends.
(defun %table-values (table)
  (let ((values '()))
    (maphash (lambda (key value) (declare (ignore key)) (push value values)) table)
    (nreverse values)))

(defun %warn-undefined (notes)
  "A style warning for each function that was called and that nothing in the unit has defined, or may define when it is loaded."
  (let ((seen (make-hash-table :test 'equal)))
    (if (car notes) (maphash (lambda (name value) (setf (gethash name seen) value)) (car notes)))
    (dolist (note (%table-values (cdr notes)))
      (let ((name (car note)))
        (unless (or (gethash (if (consp name) (cadr name) name) seen) (fboundp name))
          (setf (gethash (if (consp name) (cadr name) name) seen) t)
          (let ((*source-place* (if (cadr note) (cdr note))))
            (%compiler-warn :style-warning "Undefined function ~S" (list name) nil)))))))

(defun %call-with-compilation-unit (function override)
  (if (and *undefined-functions* (not override))
      (funcall function)
      (let ((*undefined-functions* (list nil)))
        (multiple-value-prog1 (funcall function)
          (if (cdr *undefined-functions*) (%warn-undefined *undefined-functions*))))))

(defmacro %with-compilation-unit (override &body body)
  `(%call-with-compilation-unit (function (lambda () ,@body)) ,override))

(defmacro with-compilation-unit (options &body body)
  "Evaluates BODY; warnings of functions that are not defined are given when the outermost form ends (CLHS WITH-COMPILATION-UNIT)."
  `(%with-compilation-unit (getf (list ,@options) :override) ,@body))

(defun compile (name &optional (definition nil definition-p))
  "Compiles DEFINITION, a lambda expression, and makes it the definition of NAME unless that is NIL.  Three values: the function or NAME,
whether there were warnings, whether there were other ones than style warnings."
  (let* ((*compiler-notes* (list nil))
         (definition (cond (definition-p definition)
                           ((and (symbolp name) (macro-function name)))
                           (t (fdefinition name))))
         (function (if (functionp definition)
                       definition
                       (%with-compilation-unit nil
                         (let ((function (%compile-lambda definition nil)))
                           (if name (%set-definition name function))
                           function)))))
    (if (and name (functionp definition)) (%set-definition name function))
    (values (or name function) (and (cdr *compiler-notes*) t)
            (and (some (lambda (kind) (not (eq kind :style-warning))) (cdr *compiler-notes*)) t))))

(defun disassemble (function)
  "Writes the instructions of the function, or of the lambda expression, to *STANDARD-OUTPUT*."
  (let ((function (cond ((functionp function) function)
                        ((and (consp function) (memq (car function) '(lambda named-lambda))) (%compile-lambda function nil))
                        (t (fdefinition function)))))
    (multiple-value-bind (lines constants) (%disassemble function)
      (format t "~&~S~%" function)
      (if lines
          (dolist (line lines) (format t "  ~A~%" line))
          (format t "  a builtin~%"))
      (when constants
        (dotimes (i (length constants))
          (unless (eql i 0) (format t "  K~D = ~S~%" i (svref constants i)))))
      nil)))

(defun function-lambda-expression (function)
  "Three values: NIL (lambda expressions are not kept), whether the function may be a closure, and its name."
  (let ((debug (%function-debug function)))
    (values nil t (cond (debug (svref debug 0))
                        ((%builtin-info function) (find-symbol (%builtin-symbol-name (%builtin-info function)) "SYS"))
                        (t nil)))))

(defun %builtin-symbol-name (name)
  "The symbol's name in the name of a builtin, which may say a package."
  (let ((colon (position #\: name)))
    (if (and colon (> colon 0)) (subseq name (+ colon 1)) name)))

;;; -- TRACE --

(defvar *traced* '() "Names of the functions that are traced.")
(defvar *trace-depth* 0)

(defun %traced-call (name function arguments)
  (let ((*trace-depth* (+ *trace-depth* 1)) (depth *trace-depth*))
    (format *trace-output* "~&~VT~D: ~S~%" (* 2 depth) depth (cons name arguments))
    (let ((values (multiple-value-list (apply function arguments))))
      (format *trace-output* "~&~VT~D: ~S returned~{ ~S~}~%" (* 2 depth) depth name values)
      (values-list values))))

(defun %trace (name)
  (let ((cell (%function-cell name)))
    (cond ((not (fboundp name)) (warn "~S is not a function and cannot be traced." name))
          ((and (symbolp name) (or (macro-function name) (special-operator-p name)))
           (warn "~S is no function and cannot be traced." name))
          (t (%untrace name)
             (let ((function (fdefinition name)))
               (setf (fdefinition name) (lambda (&rest arguments) (%traced-call name function arguments)))
               (%set-info cell '%traced function)
               (%set-info cell '%tracer (fdefinition name))
               (push name *traced*))))))

(defun %untrace (name)
  (let ((cell (%function-cell name)))
    (when (%info cell '%traced)
      ;; A redefinition since then stays.
      (if (and (fboundp name) (eq (fdefinition name) (%info cell '%tracer)))
          (setf (fdefinition name) (%info cell '%traced)))
      (%remove-info cell '%traced)
      (%remove-info cell '%tracer))
    (setq *traced* (remove name *traced* :test #'equal))))

(defun %traced ()
  "Names of the functions that are traced; those defined anew since TRACE are not."
  (setq *traced* (remove-if-not (lambda (name) (%info (%function-cell name) '%traced)) *traced*)))

(defmacro trace (&rest names)
  "Calls of the functions are written to *TRACE-OUTPUT*; without names, the list of what is traced."
  (if names
      `(progn ,@(mapcar (lambda (name) `(%trace ',name)) names) (%traced))
      '(%traced)))

(defmacro untrace (&rest names)
  "Ends the tracing of the functions, or of all."
  (if names
      `(progn ,@(mapcar (lambda (name) `(%untrace ',name)) names) *traced*)
      '(progn (mapc #'%untrace *traced*) *traced*)))

(defmacro step (form)
  "The values of the form.  There is no single stepping; the debugger shows frames."
  form)
