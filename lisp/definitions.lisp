;;; definitions.lisp: DEFCLASS, DEFGENERIC, DEFMETHOD.
;;;
;;; The macros check and take apart what they are given and expand into one call of a function that does the work.  DEFMETHOD decides here which kind
;;; of function the method has (generics.lisp); parameters are renamed in methods that call the next one, so that CALL-NEXT-METHOD without arguments
;;; passes the original ones even when the body assigns its parameters.
(in-package "SYS")

;;; -- DEFCLASS --

(defun %slot-option-error (name option)
  (%form-error "The slot ~S has the option ~S more than once." name option))

(defun %constant-function (value) #'(lambda () value))

(defun %initfunction-form (form)
  (if (%literal-form-p form) `(%constant-function ,form) `#'(lambda () ,form)))

(defun %check-accessor-name (name option)
  (unless (and name (symbolp name)) (%form-error "~S is not a name for the option ~S." name option)))

(defun %parse-slot-specifier (specifier reportable-options)
  "A form that makes the list of what a slot specifier of DEFCLASS or DEFINE-CONDITION says."
  (let* ((name (if (consp specifier) (car specifier) specifier)) (options (if (consp specifier) (cdr specifier) '()))
         (initargs '()) (readers '()) (writers '()) (seen '()) (others '()))
    (unless (and name (symbolp name) (evenp (length options))) (%form-error "~S is not a slot specifier." specifier))
    (do ((tail options (cddr tail)))
        ((null tail))
      (let ((option (car tail)) (value (cadr tail)))
        (case option
          (:initarg (unless (symbolp value) (%form-error "The initarg ~S is not a symbol." value)) (push value initargs))
          (:reader (%check-accessor-name value option) (push value readers))
          (:writer (push value writers))
          (:accessor (%check-accessor-name value option) (push value readers) (push `(setf ,value) writers))
          ((:initform :allocation :type :documentation)
           (when (%memq option seen) (%slot-option-error name option))
           (push option seen)
           (case option
             (:initform (setq others (list* `#'(lambda () ,value) :initfunction `',value :initform others))
                        (when (%literal-form-p value) (setq others (list* `(%constant-function ,value) (cdr others)))))
             (t (setq others (list* `',value option others)))))
          (t (if (%memq option reportable-options)
                 (setq others (list* `',value option others))
                 (%form-error "~S is not a slot option." option))))))
    `(list ',name :initargs ',(nreverse initargs) :readers ',(nreverse readers) :writers ',(nreverse writers) ,@(nreverse others))))

(defun %parse-default-initargs (list)
  (let ((result '()) (seen '()))
    (do ((tail list (cddr tail)))
        ((null tail) `(list ,@(nreverse result)))
      (unless (and (symbolp (car tail)) (consp (cdr tail))) (%form-error "~S are not default initargs." list))
      (when (%memq (car tail) seen) (%form-error "The default initarg ~S is given more than once." (car tail)))
      (push (car tail) seen)
      (push `(list ',(car tail) ',(cadr tail) ,(%initfunction-form (cadr tail))) result))))

(defun %check-slot-names (specifiers)
  (let ((seen '()))
    (dolist (specifier specifiers)
      (let ((name (if (consp specifier) (car specifier) specifier)))
        (when (%memq name seen) (%form-error "The slot ~S is specified more than once." name))
        (push name seen)))))

(defmacro defclass (name superclasses slots &rest options)
  (unless (and name (symbolp name)) (%form-error "~S cannot name a class." name))
  (unless (and (listp superclasses) (every #'symbolp superclasses)) (%form-error "~S are not names of superclasses." superclasses))
  (%check-slot-names slots)
  (let ((arguments '()) (seen '()))
    (dolist (option options)
      (unless (and (consp option) (consp (cdr option))) (%form-error "~S is not a class option." option))
      (when (%memq (car option) seen) (%form-error "The class option ~S is given more than once." (car option)))
      (push (car option) seen)
      (case (car option)
        (:default-initargs (setq arguments (list* (%parse-default-initargs (cdr option)) :default-initargs arguments)))
        ((:metaclass :documentation) (setq arguments (list* `',(cadr option) (car option) arguments)))
        (t (unless (assoc :metaclass options) (%form-error "~S is not a class option." (car option)))
           (setq arguments (list* `',(cdr option) (car option) arguments)))))
    `(%ensure-class ',name ',superclasses
                    (list ,@(mapcar #'(lambda (slot) (%parse-slot-specifier slot (if (assoc :metaclass options) (list (%slot-option-beyond slot)) '()))) slots))
                    ,@(nreverse arguments))))

(defun %slot-option-beyond (specifier)
  "The first slot option that is not the standard's."
  (do ((tail (if (consp specifier) (cdr specifier) '()) (cddr tail)))
      ((null tail) nil)
    (unless (%memq (car tail) '(:initarg :reader :writer :accessor :initform :allocation :type :documentation)) (return (car tail)))))

(defun %find-superclass (name)
  "The class called NAME; a forward reference, made now, if there is none."
  (or (find-class name nil)
      (let ((class (%allocate-class (%layout-of-class 'forward-referenced-class) name)))
        (%set-named-class name class)
        class)))

(defun %default-superclass (metaclass)
  (cond ((eq metaclass 'structure-class) *class-structure-object*)
        ((eq metaclass 'funcallable-standard-class) (%named-class 'funcallable-standard-object))
        (t *class-standard-object*)))

(defun %check-superclass (class super)
  (when (%memq (class-field (class-of super) name) '(built-in-class structure-class))
    (unless (or (eq super *class-t*)
                (eq (class-field (class-of class) name) 'funcallable-standard-class))
      (error "The class ~S cannot be a superclass of ~S." (class-field super name) (class-field class name)))))

(defun %direct-slot-from (specification)
  (destructuring-bind (name &key initargs readers writers initform initfunction (allocation :instance) (type t) documentation &allow-other-keys)
      specification
    (unless (%memq allocation '(:instance :class)) (%form-error "~S is not an allocation of slots." allocation))
    (%make-slot *direct-slot-layout* name :initargs initargs :readers readers :writers writers :initform initform
                                          :initfunction initfunction :allocation allocation :type type :documentation documentation)))

(defun %update-accessors (class old-slots new-slots)
  (dolist (slot old-slots)
    (dolist (reader (slot-field slot readers)) (%remove-accessor reader class nil))
    (dolist (writer (slot-field slot writers)) (%remove-accessor writer class t)))
  (dolist (slot new-slots)
    (dolist (reader (slot-field slot readers)) (%add-accessor reader class (slot-field slot name) nil (slot-field slot documentation)))
    (dolist (writer (slot-field slot writers)) (%add-accessor writer class (slot-field slot name) t (slot-field slot documentation)))))

(defun %class-for-definition (name metaclass)
  "The class called NAME to be defined or redefined; a forward reference becomes a class of the METACLASS."
  (let ((class (%named-class name)) (layout (class-field (%ensure-finalized (find-class metaclass)) layout)))
    (cond ((or (null class) (not (eq (class-field class name) name))) (%allocate-class layout name))
          ((eq (class-field (class-of class) name) 'forward-referenced-class)
           (let ((slots (%make-slots (layout-slot-count layout))))
             (replace slots (%instance-slots class))
             (%set-instance-layout class layout slots)))
          ((%memq (class-field (class-of class) name) '(built-in-class structure-class))
           (error "The class ~S cannot be redefined." name))
          ((eq (%instance-layout class) layout) class)
          (t (error "The metaclass of ~S cannot be changed to ~S." name metaclass)))))

(defun %ensure-class (name superclasses slots &rest arguments
                      &key (metaclass 'standard-class) default-initargs documentation &allow-other-keys)
  "What DEFCLASS does: the class called NAME, made or redefined."
  (let* ((class (%class-for-definition name metaclass))
         (supers (or (mapcar #'%find-superclass superclasses) (list (%default-superclass metaclass))))
         (old-slots (class-field class direct-slots)))
    (dolist (super supers) (%check-superclass class super))
    (when (%memq name superclasses) (error "The class ~S would be its own superclass." name))
    (when (some #'(lambda (super) (and (not (eq super *class-t*)) (%subclassp super class))) supers)
      (error "The class ~S would be its own superclass." name))
    (%set-superclasses class supers)
    (setf (class-field class direct-slots) (mapcar #'%direct-slot-from slots)
          (class-field class direct-default-initargs) default-initargs
          (class-field class documentation) documentation)
    (%set-named-class name class)
    (%note-definition 'class name)
    (%initialize-further-slots class arguments)
    (%finalize-tree class)
    (%update-accessors class old-slots (class-field class direct-slots))
    (%reset-constructors)
    class))

;;; -- DEFMETHOD --

(defun %split-qualifiers (rest)
  "Of what follows the name in DEFMETHOD: qualifiers, lambda list, body."
  (let ((qualifiers '()))
    (do () ((listp (car rest)))
      (push (pop rest) qualifiers)
      (when (null rest) (%form-error "A method definition has no lambda list.")))
    (values (nreverse qualifiers) (car rest) (cdr rest))))

(defun %split-specializers (lambda-list)
  "The lambda list without specializers, the required parameters, and forms for the specializers."
  (let ((required '()) (forms '()) (tail lambda-list))
    (do () ((or (atom tail) (%memq (car tail) lambda-list-keywords)))
      (let ((parameter (pop tail)))
        (cond ((symbolp parameter) (push parameter required) (push ''t forms))
              ((not (and (consp (cdr parameter)) (null (cddr parameter)))) (%form-error "~S is not a specialized parameter." parameter))
              (t (push (car parameter) required)
                 (let ((name (cadr parameter)))
                   (push (if (and (consp name) (eq (car name) 'eql)) `(%intern-eql ,(cadr name)) `',name) forms))))))
    (setq required (nreverse required))
    (values (append required tail) required (nreverse forms))))

(defun %debug-specializers (lambda-list)
  (let ((names '()))
    (dolist (parameter lambda-list (nreverse names))
      (when (%memq parameter lambda-list-keywords) (return (nreverse names)))
      (push (if (consp parameter) (cadr parameter) t) names))))

(defun %allow-other-keys (lambda-list)
  "The lambda list with &ALLOW-OTHER-KEYS if it has &KEY."
  (if (or (not (%memq '&key lambda-list)) (%memq '&allow-other-keys lambda-list))
      lambda-list
      (let ((aux (%memq '&aux lambda-list)))
        (append (ldiff lambda-list aux) '(&allow-other-keys) aux))))

(defun %may-expand-p (symbol environment)
  "Whether the symbol is a macro that may expand into a call of CALL-NEXT-METHOD."
  (if (and environment (macro-function symbol environment) (not (eq (macro-function symbol environment) (macro-function symbol))))
      t
      (and (%symbol-flag-p symbol 4)
           (let ((package (symbol-package symbol)))
             (not (or (eq package (load-time-value (find-package "COMMON-LISP"))) (eq package (load-time-value (find-package "SYS")))))))))

(defun %next-use (form environment)
  "How the body FORM may use the next method: NIL, CALL (as an operator), or FUNCTION (as a function object too)."
  (let ((use nil))
    (labels ((walk (form)
               (cond ((consp form)
                      (cond ((and (eq (car form) 'function) (consp (cdr form)) (%memq (cadr form) '(call-next-method next-method-p)))
                             (return-from %next-use 'function))
                            ((and (symbolp (car form)) (car form) (%may-expand-p (car form) environment)) (setq use 'call)))
                      (do ((tail form (cdr tail)))
                          ((atom tail))
                        (walk (car tail))))
                     ((%memq form '(call-next-method next-method-p)) (setq use 'call)))))
      (walk form))
    use))

(defun %next-bindings (use next next-p call forms)
  "FORMS within local definitions of CALL-NEXT-METHOD and NEXT-METHOD-P; CALL is the form that passes the original arguments."
  (if (eq use 'call)
      `(macrolet ((call-next-method (&rest args) (if args (list* 'funcall ',next args) ',call))
                  (next-method-p () ',next-p))
         ,@forms)
      `(flet ((call-next-method (&rest args) (if args (apply ,next args) ,call))
              (next-method-p () ,next-p))
         (declare (ignorable #'call-next-method #'next-method-p))
         ,@forms)))

(defun %method-lambda (debug-name block-name lambda-list required body environment)
  "The form for a method's function, and its kind."
  (multiple-value-bind (forms declarations) (%parse-body body t)
    (let ((use (%next-use forms environment)) (parameters (%allow-other-keys lambda-list)))
      (if (null use)
          (values `#'(named-lambda ,debug-name ,parameters
                       (declare (ignorable ,@required))
                       ,@declarations
                       (block ,block-name ,@forms))
                  'plain)
          (values (%next-lambda debug-name block-name parameters required forms declarations use) 'next)))))

(defun %next-lambda (debug-name block-name parameters required forms declarations use)
  "The form for a factory: of the next function, and whether there is a next method."
  (let* ((next (make-symbol "NEXT")) (next-p (make-symbol "NEXT-P")) (rest (make-symbol "REST"))
         (names (mapcar #'(lambda (parameter) (make-symbol (symbol-name parameter))) required))
         (simple (null (nthcdr (length required) parameters)))
         (call (if simple `(funcall ,next ,@names) `(apply ,next ,@names ,rest)))
         (body (%next-bindings use next next-p call `((block ,block-name ,@forms)))))
    `#'(lambda (,next ,next-p)
         (declare (ignorable ,next ,next-p))
         #'(named-lambda ,debug-name (,@names ,@(if simple '() `(&rest ,rest)))
             ,(if simple
                  `(let ,(mapcar #'list required names)
                     (declare (ignorable ,@required))
                     ,@declarations
                     ,body)
                  `(apply #'(lambda ,parameters
                              (declare (ignorable ,@required))
                              ,@declarations
                              ,body)
                          ,@names ,rest))))))

(defmacro defmethod (name &rest rest &environment environment)
  (multiple-value-bind (qualifiers lambda-list body) (%split-qualifiers rest)
    (multiple-value-bind (parameters required specializers) (%split-specializers lambda-list)
      (multiple-value-bind (function kind)
          (%method-lambda `(method ,name ,@qualifiers ,(%debug-specializers lambda-list)) (%block-name name) parameters required body environment)
        (multiple-value-bind (forms declarations doc) (%parse-body body t)
          (declare (ignore forms declarations))
          `(%defmethod ',name ',qualifiers (list ,@specializers) ',parameters ,function ',kind ,(car doc)))))))

;;; -- DEFGENERIC --

(defun %generic-option (option)
  "The argument pair of %DEFGENERIC for an option that is not a method."
  (case (car option)
    (:argument-precedence-order (list :argument-precedence-order `',(cdr option)))
    (:documentation (list :documentation `',(cadr option)))
    (:generic-function-class (list :generic-function-class `',(cadr option)))
    (:method-class (list :method-class `',(cadr option)))
    (:method-combination (list :method-combination `(%find-combination ',(cadr option) ',(cddr option))))
    (declare (list :declare `',(cdr option)))
    (t (%form-error "~S is not an option of DEFGENERIC." option))))

(defmacro defgeneric (name lambda-list &rest options)
  (%block-name name)
  (%check-generic-lambda-list lambda-list)
  (let ((arguments '()) (methods '()) (seen '()))
    (dolist (option options)
      (unless (consp option) (%form-error "~S is not an option of DEFGENERIC." option))
      (cond ((eq (car option) :method) (push `(defmethod ,name ,@(cdr option)) methods))
            ((and (%memq (car option) seen) (not (eq (car option) 'declare)))
             (%form-error "The option ~S is given more than once." (car option)))
            (t (push (car option) seen)
               (setq arguments (append arguments (%generic-option option))))))
    `(let ((generic (%defgeneric ',name ',lambda-list ,@arguments)))
       ,@(if methods `((setf (generic-field generic initial-methods) (list ,@(nreverse methods)))))
       generic)))

(defun %defgeneric (name lambda-list &rest arguments)
  (let ((old (and (fboundp name) (fdefinition name))))
    (%note-definition 'generic (%function-cell name))
    (when (%generic-function-p old)
      (dolist (method (generic-field old initial-methods)) (%remove-method old method))
      (setf (generic-field old initial-methods) '()))
    (apply #'ensure-generic-function name :lambda-list lambda-list arguments)))
