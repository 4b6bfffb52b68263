;;; conditions.lisp: conditions, handlers, restarts, and what failed leaves become.
;;;
;;; Conditions are instances whose classes have the metaclass CONDITION-CLASS; the report function is in the class (CLASS-FIELD class REPORT).
;;;
;;; *HANDLER-CLUSTERS* is a list of clusters, the innermost first; a cluster is a list of pairs type . function.  A handler runs with the clusters outside
;;; its own bound.  *RESTART-CLUSTERS* holds the active restarts in the same way.  *CONDITION-RESTARTS* says which restarts are associated with which
;;; condition: a list of (condition . restarts).  All three are dynamically bound, so nothing needs to be undone.
;;;
;;; HANDLER-CASE costs, when nothing is signalled, a block, a binding, and a closure and two conses a clause.
;;;
;;; %LEAF-ERROR, %UNDEFINED-CALL and %INTERRUPT are called by the bytecode loop in the place of an instruction, in its dynamic context.
(in-package "SYS")

(dolist (name '("HEAP-EXHAUSTED" "CONTROL-STACK-EXHAUSTED" "INTERACTIVE-INTERRUPT"))
  (export (intern name "WINDFALL") "WINDFALL"))

(defvar *handler-clusters* '())
(defvar *restart-clusters* '())
(defvar *condition-restarts* '())
(defvar *break-on-signals* nil)
(defvar *debugger-hook* nil)

;;; -- Condition classes --

(%ensure-class 'condition '() '() :metaclass 'condition-class)
(let ((class (%named-class 'condition)))
  (%set-superclasses class (list *class-t*))
  (%finalize-tree class))

(defun %report-form (report)
  (if (stringp report)
      `#'(lambda (condition stream) (declare (ignore condition)) (write-string ,report stream))
      `#',report))

(defun %check-condition-option (option)
  (unless (and (consp option) (%memq (car option) '(:default-initargs :documentation :report)))
    (%form-error "~S is not an option of DEFINE-CONDITION." option)))

(defmacro define-condition (name supertypes slots &rest options)
  (%check-slot-names slots)
  (mapc #'%check-condition-option options)
  (let ((defaults (assoc :default-initargs options)) (documentation (assoc :documentation options)) (report (assoc :report options)))
    `(%define-condition ',name ',supertypes
                        (list ,@(mapcar #'(lambda (slot) (%parse-slot-specifier slot '())) slots))
                        ,(if report (%report-form (cadr report)) nil)
                        ,@(if defaults `(:default-initargs ,(%parse-default-initargs (cdr defaults))))
                        ,@(if documentation `(:documentation ',(cadr documentation))))))

(defun %define-condition (name supertypes slots report &rest arguments)
  (let ((class (apply #'%ensure-class name (or supertypes '(condition)) slots :metaclass 'condition-class arguments)))
    (setf (class-field class report) report)
    name))

(defun %class-within (type &optional (class (find-class 'condition)))
  "A condition class that is a subtype of the compound type, or NIL."
  (if (subtypep class type) class (some #'(lambda (sub) (%class-within type sub)) (%direct-subclasses class))))

(defun %condition-class (type)
  (let ((class (cond ((symbolp type) (find-class type nil)) ((%classp type) type) ((consp type) (%class-within type)))))
    (if (and class (%subclassp class (load-time-value (find-class 'condition))))
        class
        (error 'simple-type-error :datum type :expected-type '(satisfies %condition-class)
                                  :format-control "~S is not the name of a condition type." :format-arguments (list type)))))

(defun make-condition (type &rest initargs)
  "A condition of the type, its slots filled as the initargs say."
  (let* ((class (%condition-class type)) (condition (%allocate class)))
    (%initialize-slots condition t (%add-default-initargs class initargs))))

(defun %conditionp (object)
  (and (%instance-p object) (%memq (load-time-value (find-class 'condition)) (class-field (class-of object) precedence-list)) t))

(defun %report-condition (condition stream)
  "Writes what the report function of the condition's class writes."
  (dolist (class (class-field (class-of condition) precedence-list)
                 (format stream "The condition ~S was signalled." (class-field (class-of condition) name)))
    (when (class-field class report) (return (funcall (class-field class report) condition stream)))))

;;; -- Standard condition types: CLHS 9.1.1 --

(define-condition serious-condition () ())
(define-condition error (serious-condition) ())
(define-condition warning () ())
(define-condition style-warning (warning) ())
(define-condition storage-condition (serious-condition) ())

(define-condition simple-condition ()
  ((format-control :initarg :format-control :initform nil :reader simple-condition-format-control)
   (format-arguments :initarg :format-arguments :initform '() :reader simple-condition-format-arguments))
  (:report (lambda (condition stream)
             (let ((control (simple-condition-format-control condition)))
               (if control
                   (apply #'format stream control (simple-condition-format-arguments condition))
                   (format stream "The condition ~S was signalled." (class-field (class-of condition) name)))))))
(define-condition simple-warning (simple-condition warning) ())
(define-condition simple-style-warning (simple-condition style-warning) ())
(define-condition simple-error (simple-condition error) ())

(define-condition type-error (error)
  ((datum :initarg :datum :reader type-error-datum) (expected-type :initarg :expected-type :reader type-error-expected-type))
  (:report (lambda (condition stream)
             (let ((*print-length* (or *print-length* 20)) (*print-level* (or *print-level* 4))) ; the datum may be circular, or very large
               (format stream "The value ~S is not of type ~S." (type-error-datum condition) (type-error-expected-type condition))))))
(define-condition simple-type-error (simple-condition type-error) ())

(define-condition program-error (error) ())
(define-condition simple-program-error (simple-condition program-error) ())
(define-condition control-error (error) ())
(define-condition parse-error (error) ())

(define-condition arithmetic-error (error)
  ((operation :initarg :operation :initform nil :reader arithmetic-error-operation)
   (operands :initarg :operands :initform '() :reader arithmetic-error-operands))
  (:report (lambda (condition stream)
             (format stream "~S: the operation was ~S." (class-field (class-of condition) name)
                     (cons (arithmetic-error-operation condition) (arithmetic-error-operands condition))))))
(define-condition division-by-zero (arithmetic-error) ())
(define-condition floating-point-inexact (arithmetic-error) ())
(define-condition floating-point-invalid-operation (arithmetic-error) ())
(define-condition floating-point-overflow (arithmetic-error) ())
(define-condition floating-point-underflow (arithmetic-error) ())

(define-condition cell-error (error) ((name :initarg :name :reader cell-error-name)))
(define-condition unbound-variable (cell-error) ()
  (:report (lambda (condition stream)
             (format stream "The variable ~S ~:[has no value~;was removed by delivery; ~:*~A~]." (cell-error-name condition) (%value-removed-p (cell-error-name condition))))))
(define-condition undefined-function (cell-error) ()
  (:report (lambda (condition stream)
             (let ((remedy (%removed-by (cell-error-name condition))))
               (format stream "The function ~S ~:[is not defined~;was removed by delivery; ~:*~A~]." (cell-error-name condition) remedy)))))
(define-condition unbound-slot (cell-error) ((instance :initarg :instance :reader unbound-slot-instance))
  (:report (lambda (condition stream)
             (format stream "The slot ~S of ~S has no value." (cell-error-name condition) (unbound-slot-instance condition)))))

(define-condition file-error (error) ((pathname :initarg :pathname :initform nil :reader file-error-pathname))
  (:report (lambda (condition stream) (format stream "File error: ~S" (file-error-pathname condition)))))
(define-condition package-error (error) ((package :initarg :package :initform nil :reader package-error-package))
  (:report (lambda (condition stream) (format stream "Package error: ~S" (package-error-package condition)))))
(define-condition stream-error (error) ((stream :initarg :stream :initform nil :reader stream-error-stream))
  (:report (lambda (condition stream) (format stream "Error of the stream ~S." (stream-error-stream condition)))))
(define-condition end-of-file (stream-error) ()
  (:report (lambda (condition stream) (format stream "End of file on ~S." (stream-error-stream condition)))))
(define-condition reader-error (parse-error stream-error) ())
(define-condition print-not-readable (error) ((object :initarg :object :reader print-not-readable-object))
  (:report (lambda (condition stream)
             (let ((*print-readably* nil)) (format stream "~S cannot be printed readably." (print-not-readable-object condition))))))

(define-condition ext:heap-exhausted (storage-condition) () (:report "The heap is exhausted."))
(define-condition ext:control-stack-exhausted (storage-condition) () (:report "The control stack is exhausted."))
(define-condition ext:interactive-interrupt (serious-condition) () (:report "Interrupted from the keyboard."))

;;; -- Signalling --

(defvar *simple-classes* '() "An association list from condition classes to their mixtures with SIMPLE-CONDITION.")

(defun %simple-class (type)
  "The class of conditions of the type that also have a format control: a mixture with SIMPLE-CONDITION, made if need be and possible."
  (let ((class (%condition-class type)))
    (cond ((%subclassp class (load-time-value (find-class 'simple-condition))) class)
          ((cdr (assoc class *simple-classes* :test #'eq)))
          ((fboundp '%make-simple-class) (%make-simple-class class))
          (t class))))

(defun %make-simple-class (class)
  (let* ((name (intern (concatenate 'string "SIMPLE-" (symbol-name (class-field class name))) "SYS"))
         (simple (or (find-class name nil)
                     (find-class (%define-condition name (list 'simple-condition (class-field class name)) '() nil)))))
    (push (cons class simple) *simple-classes*)
    simple))

(defun %make-typed-condition (type initargs)
  (apply #'make-condition (if (%find-key initargs :format-control) (%simple-class type) type) initargs))

(defun %coerce-to-condition (datum arguments default operator)
  "The condition that a condition designator stands for."
  (cond ((%conditionp datum)
         (when (and arguments (not (eq operator 'cerror)))
           (error 'simple-type-error :datum arguments :expected-type 'null
                                     :format-control "~S was called with a condition and further arguments ~S."
                                     :format-arguments (list operator arguments)))
         datum)
        ((or (stringp datum) (functionp datum)) (make-condition default :format-control datum :format-arguments arguments))
        ((or (symbolp datum) (%classp datum)) (%make-typed-condition datum arguments))
        (t (error 'simple-type-error :datum datum :expected-type '(or symbol string function condition)
                                     :format-control "~S is not a condition designator." :format-arguments (list datum)))))

(defun %condition-typep (condition type)
  "TYPE: the name of a class, or a predicate."
  (if (functionp type)
      (funcall type condition)
      (let ((class (%named-class type)))
        (if class (%instance-typep condition class) (%handler-typep condition type)))))

(defun %handler-typep (condition type) "A name that got another meaning after its handler was compiled." (typep condition type))

(defun %break-on-signal (condition)
  (when (typep condition *break-on-signals*)
    (let ((*break-on-signals* nil)) (break "~A~%(*BREAK-ON-SIGNALS* is true of it.)" condition))))

(defun %run-handlers (condition)
  "Calls the handlers for the condition, the innermost first; returns if they all decline."
  (when *break-on-signals* (%break-on-signal condition))
  (let ((*handler-clusters* *handler-clusters*))
    (do () ((null *handler-clusters*) nil)
      (dolist (handler (pop *handler-clusters*))
        (when (%condition-typep condition (car handler)) (funcall (cdr handler) condition))))))

(defun signal (datum &rest arguments)
  "Calls the handlers for the condition that DATUM and ARGUMENTS stand for; NIL if they all decline."
  (%run-handlers (%coerce-to-condition datum arguments 'simple-condition 'signal)))

(defun error (datum &rest arguments)
  "Signals the condition; the debugger is invoked if no handler takes over."
  (let ((condition (%coerce-to-condition datum arguments 'simple-error 'error)))
    (%run-handlers condition)
    (invoke-debugger condition)))

(defun invoke-debugger (condition)
  "Calls *DEBUGGER-HOOK* and then the debugger."
  (let ((hook *debugger-hook*))
    (when hook
      (let ((*debugger-hook* nil)) (funcall hook condition hook)))
    (if (fboundp '%debugger) (%debugger condition) (%die-of condition))))

(defun %condition-parts (condition)
  "The name of the condition's class and the contents of its slots."
  (list (class-field (class-of condition) name) (coerce (%instance-slots condition) 'list)))

(defun %die-of (condition)
  "The end, when there is no debugger; also when the condition cannot be reported."
  (unless (fboundp 'format) (apply #'%early-die (%condition-parts condition)))
  (let ((*debugger-hook* #'(lambda (second hook) (declare (ignore hook)) (apply #'%early-die (append (%condition-parts condition) (%condition-parts second))))))
    (finish-output *standard-output*)
    (format *error-output* "~&Unhandled ~S: ~A~%" (class-field (class-of condition) name) condition)
    (finish-output *error-output*)
    (if (fboundp 'ext:quit) (ext:quit 1) (%exit 1))))

;; What C code signals with a format control is there before it is needed: a delivered program makes no classes.
(mapc #'%make-simple-class
      (mapcar #'find-class '(program-error control-error package-error parse-error reader-error type-error file-error stream-error ext:control-stack-exhausted)))

;;; -- Handlers --

(defun %handler-test (type)
  "The form of what a cluster has for a type: its name, or a predicate if it is not (yet) known as the name of a class."
  (if (and (symbolp type) (or (%named-class type) (not (%info type '%type-expander))))
      `',type
      `#'(lambda (condition) (typep condition ',type))))

(defmacro handler-bind (bindings &body forms)
  (if (null bindings)
      `(progn ,@forms)
      `(let ((*handler-clusters*
               (cons (list ,@(mapcar #'(lambda (binding)
                                         (unless (and (consp binding) (consp (cdr binding)) (null (cddr binding)))
                                           (%form-error "~S is not a binding of HANDLER-BIND." binding))
                                         `(cons ,(%handler-test (car binding)) ,(cadr binding)))
                                     bindings))
                     *handler-clusters*)))
         ,@forms)))

(defun %no-error-form (form clause clauses)
  (let ((outer (make-symbol "ERROR")) (inner (make-symbol "NO-ERROR")))
    `(block ,outer
       (multiple-value-call #'(lambda ,(cadr clause) ,@(cddr clause))
         (block ,inner
           (return-from ,outer
             (handler-case (return-from ,inner ,form) ,@clauses)))))))

(defmacro handler-case (form &rest clauses)
  (let ((no-error (assoc :no-error clauses)))
    (cond (no-error (%no-error-form form no-error (remove no-error clauses :test #'eq)))
          ((null clauses) form)
          (t (%handler-case-form form clauses)))))

(defun %handler-case-form (form clauses)
  (let ((block (make-symbol "HANDLER-CASE")) (condition (make-symbol "CONDITION")) (bindings '()) (landings '()))
    (dolist (clause clauses)
      (let ((tag (make-symbol "CLAUSE")) (variables (cadr clause)))
        (if variables
            (progn (push `(,(car clause) #'(lambda (c) (setq ,condition c) (go ,tag))) bindings)
                   (setq landings (list* `(return-from ,block (let ((,(car variables) ,condition)) ,@(cddr clause))) tag landings)))
            (progn (push `(,(car clause) #'(lambda (c) (declare (ignore c)) (go ,tag))) bindings)
                   (setq landings (list* `(return-from ,block (let () ,@(cddr clause))) tag landings))))))
    `(block ,block
       (let ((,condition nil))
         (declare (ignorable ,condition))
         (tagbody
            (return-from ,block (handler-bind ,(reverse bindings) ,form))
            ,@(reverse landings))))))

(defmacro ignore-errors (&body forms)
  `(handler-case (progn ,@forms) (error (condition) (values nil condition))))

;;; -- Restarts --

(defstruct (restart (:constructor %make-restart (name function report interactive test)) (:copier nil) (:predicate %restartp))
  name function report interactive test)

(defmacro with-condition-restarts (condition restarts &body forms)
  `(let ((*condition-restarts* (cons (cons ,condition ,restarts) *condition-restarts*)))
     ,@forms))

(defmacro restart-bind (bindings &body forms)
  `(let ((*restart-clusters*
           (cons (list ,@(mapcar #'(lambda (binding)
                                     (destructuring-bind (name function &key report-function interactive-function test-function) binding
                                       `(%make-restart ',name ,function ,report-function ,interactive-function ,test-function)))
                                 bindings))
                 *restart-clusters*)))
     ,@forms))

(defun %restart-options (clause)
  "Of a clause of RESTART-CASE: the options as keyword arguments of RESTART-BIND, and the body."
  (let ((options '()) (body (cddr clause)))
    (do () ((not (and (%memq (car body) '(:report :interactive :test)) (cdr body))))
      (let ((key (pop body)) (value (pop body)))
        (setq options
              (append options
                      (case key
                        (:report (list :report-function
                                       (if (stringp value) `#'(lambda (stream) (write-string ,value stream)) `#',value)))
                        (:interactive (list :interactive-function `#',value))
                        (t (list :test-function `#',value)))))))
    (values options body)))

(defun %signalling-form-p (form)
  (and (consp form) (%memq (car form) '(signal error warn cerror))))

(defun %associating-form (form environment)
  "FORM, if it signals, made such that the restarts just established are associated with its condition."
  (let ((expansion (if (or (%signalling-form-p form) (not (fboundp 'macroexpand))) form (macroexpand form environment))))
    (if (not (%signalling-form-p expansion))
        form
        (let* ((operator (car expansion)) (condition (make-symbol "CONDITION")) (cerror (eq operator 'cerror))
               (control (make-symbol "CONTROL")) (arguments (make-symbol "ARGUMENTS"))
               (rest (if cerror (cddr expansion) (cdr expansion)))
               (default (case operator (signal ''simple-condition) (warn ''simple-warning) (t ''simple-error))))
          `(let* (,@(if cerror `((,control ,(cadr expansion))) '())
                  (,condition ,(car rest))
                  (,arguments (list ,@(cdr rest))))
             (setq ,condition (%coerce-to-condition ,condition ,arguments ,default ',operator))
             (with-condition-restarts ,condition (car *restart-clusters*)
               ,(if cerror `(apply #'cerror ,control ,condition ,arguments) `(,operator ,condition))))))))

(defmacro restart-case (form &rest clauses &environment environment)
  (let ((block (make-symbol "RESTART-CASE")) (values (make-symbol "VALUES")) (bindings '()) (landings '()))
    (dolist (clause clauses)
      (multiple-value-bind (options body) (%restart-options clause)
        (let ((tag (make-symbol "CLAUSE")))
          (push `(,(car clause) #'(lambda (&rest values) (setq ,values values) (go ,tag)) ,@options) bindings)
          (setq landings (list* `(return-from ,block (apply #'(lambda ,(cadr clause) ,@body) ,values)) tag landings)))))
    `(block ,block
       (let ((,values '()))
         (declare (ignorable ,values))
         (tagbody
            (return-from ,block
              (restart-bind ,(reverse bindings) ,(%associating-form form environment)))
            ,@(reverse landings))))))

(defmacro with-simple-restart ((name control &rest arguments) &body forms)
  `(restart-case (progn ,@forms)
     (,name () :report (lambda (stream) (format stream ,control ,@arguments)) (values nil t))))

(defun break (&optional (control "Break") &rest arguments)
  "Invokes the debugger, without any handler being called; CONTINUE returns NIL."
  (with-simple-restart (continue "Return from BREAK.")
    (let ((*debugger-hook* nil))
      (invoke-debugger (make-condition 'simple-condition :format-control control :format-arguments arguments))))
  nil)

(defun warn (datum &rest arguments)
  "Signals a warning; writes it to *ERROR-OUTPUT* if no handler takes over."
  (let ((condition (%coerce-to-condition datum arguments 'simple-warning 'warn)))
    (unless (%condition-typep condition 'warning) (error 'type-error :datum condition :expected-type 'warning))
    (restart-case (%run-handlers condition)
      (muffle-warning () :report "Skip the warning." (return-from warn nil)))
    (format *error-output* "~&~A: ~A~%" (if (%condition-typep condition 'style-warning) "STYLE-WARNING" "WARNING") condition)
    nil))

(defun cerror (continue-control datum &rest arguments)
  "Signals an error with the restart CONTINUE, which makes CERROR return NIL."
  (let ((condition (%coerce-to-condition datum arguments 'simple-error 'cerror)))
    (with-simple-restart (continue "~?" continue-control arguments)
      (with-condition-restarts condition (list (find-restart 'continue))
        (error condition)))
    nil))

(defun %restart-visible-p (restart condition)
  "Whether the restart is applicable to the condition (NIL: to any)."
  (and (or (null condition)
           (let ((associated nil))
             (dolist (entry *condition-restarts* (not associated))
               (when (%memq restart (cdr entry))
                 (when (eq (car entry) condition) (return t))
                 (setq associated t)))))
       (or (null (restart-test restart)) (funcall (restart-test restart) condition))))

(defun compute-restarts (&optional condition)
  "The active restarts that are applicable to CONDITION, or all, the innermost first."
  (let ((result '()))
    (dolist (cluster *restart-clusters* (nreverse result))
      (dolist (restart cluster)
        (when (%restart-visible-p restart condition) (push restart result))))))

(defun find-restart (identifier &optional condition)
  "The innermost active restart of that name (or that restart itself, if it is active), applicable to CONDITION; or NIL."
  (dolist (cluster *restart-clusters* nil)
    (dolist (restart cluster)
      (when (and (or (eq restart identifier) (and identifier (eq (restart-name restart) identifier)))
                 (%restart-visible-p restart condition))
        (return-from find-restart restart)))))

(defun %active-restart (identifier)
  (or (if (%restartp identifier)
          (dolist (cluster *restart-clusters* nil) (when (%memq identifier cluster) (return identifier)))
          (find-restart identifier))
      (error (%simple-class 'control-error) :format-control "The restart ~S is not active." :format-arguments (list identifier))))

(defun invoke-restart (restart &rest arguments)
  "Calls the function of the restart, or of the innermost one of that name, with the arguments."
  (apply (restart-function (%active-restart restart)) arguments))

(defun invoke-restart-interactively (restart)
  "Invokes the restart with arguments asked of the user as the restart says."
  (let ((restart (%active-restart restart)))
    (apply (restart-function restart)
           (if (restart-interactive restart) (funcall (restart-interactive restart)) '()))))

(defun %report-restart (restart stream)
  (let ((report (restart-report restart)))
    (if report (funcall report stream) (format stream "~S" (restart-name restart)))))

(defun abort (&optional condition)
  "Invokes the restart ABORT."
  (let ((restart (find-restart 'abort condition)))
    (when restart (invoke-restart restart))
    (error (%simple-class 'control-error) :format-control "The restart ~S is not active." :format-arguments '(abort))))

(defun muffle-warning (&optional condition)
  "Invokes the restart MUFFLE-WARNING."
  (invoke-restart (or (find-restart 'muffle-warning condition) 'muffle-warning)))

(defun continue (&optional condition)
  "Invokes the restart CONTINUE, if there is one."
  (let ((restart (find-restart 'continue condition))) (if restart (invoke-restart restart) nil)))

(defun store-value (value &optional condition)
  "Invokes the restart STORE-VALUE, if there is one."
  (let ((restart (find-restart 'store-value condition))) (if restart (invoke-restart restart value) nil)))

(defun use-value (value &optional condition)
  "Invokes the restart USE-VALUE, if there is one."
  (let ((restart (find-restart 'use-value condition))) (if restart (invoke-restart restart value) nil)))

(defun %ask-for-values ()
  "The list of one value that the user types as a form: the interactive function of many restarts."
  (format *query-io* "~&Enter a form to be evaluated: ")
  (finish-output *query-io*)
  (list (eval (read *query-io*))))

(defun %ask () "%ASK-FOR-VALUES, which a delivered program may not have." (%ask-for-values))

;;; -- What failed leaves and calls become --

(defun %unbound-variable (condition)
  (let ((name (cell-error-name condition)))
    (restart-case (error condition)
      (continue () :report (lambda (stream) (format stream "Try to take the value of ~S again." name)) (symbol-value name))
      (use-value (value) :report (lambda (stream) (format stream "Use a value instead of that of ~S." name))
        :interactive %ask value)
      (store-value (value) :report (lambda (stream) (format stream "Give ~S a value." name))
        :interactive %ask (set name value)))))

(defvar *heap-exhausted* (make-condition 'ext:heap-exhausted))
(defvar *stack-exhausted* (make-condition 'ext:control-stack-exhausted))

(defun %leaf-error (type &rest initargs)
  "Signals the error of a C leaf, in its place: the value of the restart USE-VALUE is the leaf's."
  (case type
    (ext:heap-exhausted (error *heap-exhausted*))
    (ext:control-stack-exhausted (error *stack-exhausted*))
    (unbound-variable (%unbound-variable (%make-typed-condition type initargs)))
    (t (let ((condition (%make-typed-condition type initargs)))
         (restart-case (error condition)
           (use-value (value) :report "Use a value instead of the operation's." :interactive %ask value))))))

(defun %function-name-p (name)
  (or (symbolp name) (and (consp name) (eq (car name) 'setf) (consp (cdr name)) (symbolp (cadr name)) (null (cddr name)))))

(defun %undefined-call (cell arguments &aux (name (if (symbolp cell) (%info cell 'setf cell) cell)))
  "A call of what is not a function, with the list of its arguments; the values are those of the call."
  (if (%function-name-p name)
      (restart-case (error 'undefined-function :name name)
        (continue () :report (lambda (stream) (format stream "Try to call ~S again." name)) (apply (fdefinition name) arguments))
        (use-value (function) :report (lambda (stream) (format stream "Call a function instead of ~S." name))
          :interactive %ask (apply function arguments))
        (return-value (&rest values) :report (lambda (stream) (format stream "Return a value instead of calling ~S." name))
          :interactive %ask (values-list values)))
      (restart-case (error 'type-error :datum name :expected-type '(or function symbol))
        (use-value (function) :report "Call a function instead." :interactive %ask (apply function arguments)))))

(defun %interrupt ()
  "SIGINT, at a safe point."
  (let ((condition (make-condition 'ext:interactive-interrupt)))
    (with-simple-restart (continue "Go on.")
      (%run-handlers condition)
      (invoke-debugger condition)))
  nil)

(defmethod slot-unbound ((class t) instance slot-name)
  (restart-case (error 'unbound-slot :name slot-name :instance instance)
    (use-value (value) :report (lambda (stream) (format stream "Use a value for the slot ~S." slot-name))
      :interactive %ask value)
    (store-value (value) :report (lambda (stream) (format stream "Give the slot ~S a value." slot-name))
      :interactive %ask (%set-slot-value instance slot-name value))))

;;; -- CHECK-TYPE, ASSERT, CCASE, CTYPECASE --

(defun %correct-value (value type place &optional string)
  "Signals that the VALUE of PLACE is not of TYPE; the value of the restart STORE-VALUE is to be stored there."
  (restart-case (error 'simple-type-error :datum value :expected-type type
                                          :format-control "The value of ~S is ~S, which is not ~:[of type ~S~;~:*~A~]."
                                          :format-arguments (list place value string type))
    (store-value (value) :report (lambda (stream) (format stream "Give ~S a value." place)) :interactive %ask value)))

(defun %assertion-failure (test places datum &rest arguments)
  "Signals that an assertion failed; CONTINUE returns."
  (with-simple-restart (continue "Try again~@[, with new values for ~{~S~^, ~}~]." places)
    (if datum
        (error (%coerce-to-condition datum arguments 'simple-error 'assert))
        (error "The assertion ~S failed." test))))

(defun %ask-new-value (place old)
  "The value that the user wants PLACE to have, which has the value OLD."
  (if (y-or-n-p "The value of ~S is ~S. Give it another one?" place old) (car (%ask-for-values)) old))
