;;; instances.lisp: slots by name, initialization, constructors, obsolete instances, change of class.
;;;
;;; The functions here whose names begin with % are what the standard's generic functions do by default; standard-objects.lisp makes those generic.
;;;
;;; MAKE-INSTANCE with a constant class name and constant keywords is compiled as a call of a *constructor*, #(function class-name keywords first-function).
;;; The function is compiled when first called, for the class as it is then: it makes the slot vector in one go, when nothing but the standard's own
;;; methods (and :AFTER methods) has a say in making instances of the class.  Whatever may change that puts the first function back into all
;;; constructors (%RESET-CONSTRUCTORS).
(in-package "SYS")

(defmacro %unbound-value-p (form) `(eq ,form (load-time-value (%unbound))))

;;; -- Slots by name --

(defun %slot-contents (object slot)
  (let ((location (slot-field slot location)))
    (cond ((consp location) (car location))
          ((%structurep object) (%structure-ref object location))
          (t (%instance-ref object location)))))

(defun %set-slot-contents (object slot value)
  (let ((location (slot-field slot location)))
    (cond ((consp location) (rplaca location value))
          ((%structurep object) (%structure-set object location value))
          (t (%instance-set object location value)))
    value))

(defun slot-value (object name)
  "The value of the slot NAME of OBJECT; SLOT-MISSING or SLOT-UNBOUND is called if there is none."
  (let ((value (%slot-ref object name)))
    (if (%unbound-value-p value) (%slot-value-slowly object name) value)))

(defun %slot-value-slowly (object name)
  (let* ((class (class-of object)) (slot (%class-slot class name)))
    (if (null slot)
        (values (slot-missing class object name 'slot-value))
        (let ((value (%slot-contents object slot)))
          (if (%unbound-value-p value) (values (slot-unbound class object name)) value)))))

(defun %set-slot-value (object name value)
  (unless (%slot-set object name value)
    (let* ((class (class-of object)) (slot (%class-slot class name)))
      (if slot (%set-slot-contents object slot value) (slot-missing class object name 'setf value))))
  value)

(defun (setf slot-value) (value object name) (%set-slot-value object name value))

(defun slot-boundp (object name)
  "True if the slot NAME of OBJECT has a value."
  (or (not (%unbound-value-p (%slot-ref object name)))
      (let* ((class (class-of object)) (slot (%class-slot class name)))
        (if slot
            (not (%unbound-value-p (%slot-contents object slot)))
            (and (slot-missing class object name 'slot-boundp) t)))))

(defun slot-makunbound (object name)
  "Takes away the value of the slot NAME of OBJECT."
  (let* ((class (class-of object)) (slot (%class-slot class name)))
    (if slot
        (%set-slot-contents object slot (%unbound))
        (slot-missing class object name 'slot-makunbound))
    object))

(defun slot-exists-p (object name)
  "True if OBJECT has a slot called NAME."
  (and (%class-slot (class-of object) name) t))

(defun %read-unbound (instance index)
  "What a slot access in a dispatch cache becomes when the slot has no value."
  (let ((class (class-of instance)))
    (dolist (slot (class-field class slots))
      (when (eql (slot-field slot location) index)
        (return (values (slot-unbound class instance (slot-field slot name))))))))

(defmacro with-slots (entries instance &body body)
  (let ((object (make-symbol "INSTANCE")))
    `(let ((,object ,instance))
       (declare (ignorable ,object))
       (symbol-macrolet ,(mapcar #'(lambda (entry)
                                     (let ((variable (if (consp entry) (car entry) entry))
                                           (slot (if (consp entry) (cadr entry) entry)))
                                       `(,variable (slot-value ,object ',slot))))
                                 entries)
         ,@body))))

(defmacro with-accessors (entries instance &body body)
  (let ((object (make-symbol "INSTANCE")))
    `(let ((,object ,instance))
       (declare (ignorable ,object))
       (symbol-macrolet ,(mapcar #'(lambda (entry) `(,(car entry) (,(cadr entry) ,object))) entries)
         ,@body))))

;;; -- Initialization --

(defun %find-initarg (slot initargs)
  "The tail of INITARGS that begins with the first initarg of the slot, or NIL."
  (let ((names (slot-field slot initargs)))
    (when names
      (do ((tail initargs (cddr tail)))
          ((null tail) nil)
        (when (%memq (car tail) names) (return tail))))))

(defun %initialize-slots (instance slot-names initargs)
  "SHARED-INITIALIZE's default: slots from initargs, then from initforms those of SLOT-NAMES that have no value.  (A shared slot gets its initform's value once, from its class.)"
  (dolist (slot (class-field (class-of instance) slots) instance)
    (let ((tail (%find-initarg slot initargs)))
      (cond (tail (%set-slot-contents instance slot (cadr tail)))
            ((and (slot-field slot initfunction)
                  (not (consp (slot-field slot location)))
                  (or (eq slot-names t) (%memq (slot-field slot name) slot-names))
                  (%unbound-value-p (%slot-contents instance slot)))
             (%set-slot-contents instance slot (funcall (slot-field slot initfunction))))))))

(defun %add-default-initargs (class initargs)
  (let ((more '()))
    (dolist (default (class-field class default-initargs))
      (unless (%find-key initargs (car default))
        (setq more (list* (funcall (caddr default)) (car default) more))))
    (if more (append initargs (nreverse more)) initargs)))

(defun %method-keys-of (generic classes)
  "The keywords that the methods of GENERIC applicable to instances of CLASSES accept, or T for any."
  (let ((keys '()))
    (dolist (method (%applicable-methods generic classes) keys)
      (let ((own (method-field method keys)))
        (cond ((eq own t) (return t)) ((consp own) (setq keys (append own keys))))))))

(defun %slot-initargs (class)
  (let ((keys '()))
    (dolist (slot (class-field class slots) keys)
      (setq keys (append (slot-field slot initargs) keys)))))

(defun %accepted-initargs (class generics)
  "Initargs that slots of CLASS or methods of GENERICS accept; T for any.  A generic function stands with the classes of its leading arguments."
  (let ((keys (%slot-initargs class)))
    (dolist (entry generics keys)
      (let ((own (%method-keys-of (car entry) (cdr entry))))
        (if (eq own t) (return t) (setq keys (append own keys)))))))

(defun %valid-initargs (class)
  "The initargs that MAKE-INSTANCE of CLASS accepts; T for any."
  (or (class-field class initargs)
      (setf (class-field class initargs)
            (or (%accepted-initargs class (list (list #'allocate-instance (class-of class))
                                                (list #'initialize-instance class)
                                                (list #'shared-initialize class *class-t*)))
                '(:allow-other-keys)))))

(defun %check-initargs (class initargs valid)
  "Signals unless INITARGS are pairs, of a symbol first, and the symbols are among VALID (T: any)."
  (do ((tail initargs (cddr tail)) (bad '()))
      ((null tail)
       (when (and bad (not (getf initargs :allow-other-keys)))
         (error 'simple-program-error :format-control "Invalid initialization argument~P for the class ~S: ~{~S~^, ~}"
                                      :format-arguments (list (length bad) (class-field class name) (nreverse bad)))))
    (unless (consp (cdr tail))
      (error 'simple-program-error :format-control "Odd number of initialization arguments: ~S" :format-arguments (list initargs)))
    (unless (if (eq valid t) (symbolp (car tail)) (or (%memq (car tail) valid) (eq (car tail) :allow-other-keys))) (push (car tail) bad))))

(defun %allocate (class)
  (%ensure-finalized class)
  (%allocate-instance (class-field class layout)))

(defun %make-instance (class initargs)
  "MAKE-INSTANCE's default for a class."
  (%ensure-finalized class)
  (let ((initargs (%add-default-initargs class initargs)))
    (%check-initargs class initargs (%valid-initargs class))
    (let ((instance (apply #'allocate-instance class initargs)))
      (apply #'initialize-instance instance initargs)
      instance)))

;;; -- Constructors --

(defvar *built-constructors* '() "Weak links to the constructors that have been compiled for a class as it is.")
(defvar *protocol-methods* '() "The standard's own methods on what MAKE-INSTANCE calls.")

(defun %link-constructor (constructor)
  (setq *built-constructors* (%link-add constructor *built-constructors*)))

(defun %reset-constructors ()
  (dolist (constructor (%linked *built-constructors*))
    (setf (svref constructor 0) (svref constructor 3)))
  (setq *built-constructors* '()))

(defun %constructor (name keywords)
  (let* ((constructor (vector nil name keywords nil))
         (first #'(lambda (&rest values)
                    (setf (svref constructor 0) (%build-constructor name keywords))
                    (%link-constructor constructor)
                    (apply (svref constructor 0) values))))
    (setf (svref constructor 0) first (svref constructor 3) first)
    constructor))

(defun %interleave (keywords values)
  (let ((result '()))
    (dolist (keyword keywords (nreverse result))
      (setq result (list* (pop values) keyword result)))))

(defun %build-constructor (name keywords)
  (let ((class (find-class name)))
    (%ensure-finalized class)
    (or (and (%global-function 'compile) (%fast-constructor class keywords))
        #'(lambda (&rest values) (apply #'make-instance name (%interleave keywords values))))))

(defun %after-methods (generic classes)
  "The user's applicable methods, least specific first, if they are :AFTER methods; T if there are others."
  (let ((result '()))
    (dolist (method (%applicable-methods generic classes) result)
      (cond ((%memq method *protocol-methods*))
            ((equal (method-field method qualifiers) '(:after)) (push method result))
            (t (return t))))))

(defun %plain-protocol-p (class)
  (and (eq (class-of class) (%named-class 'standard-class))
       (not (%subclassp class (%named-class 'metaobject)))
       (null (%after-methods #'make-instance (list (class-of class))))
       (null (%after-methods #'allocate-instance (list (class-of class))))))

(defun %fast-constructor (class keywords)
  "A compiled constructor, or NIL if the protocol of CLASS or the KEYWORDS are out of the ordinary."
  (let ((valid (%valid-initargs class)))
    (when (and (%plain-protocol-p class)
               (not (%memq :allow-other-keys keywords))
               (or (eq valid t) (every #'(lambda (keyword) (%memq keyword valid)) keywords)))
      (let ((after-initialize (%after-methods #'initialize-instance (list class)))
            (after-shared (%after-methods #'shared-initialize (list class *class-t*))))
        (unless (or (eq after-initialize t) (eq after-shared t))
          (values (compile nil (%constructor-form class keywords after-shared after-initialize)))))))) ; no tail call: a trace of names looks for this frame

(defun %literal-form-p (form)
  (or (numberp form) (characterp form) (stringp form) (keywordp form) (null form) (eq form t)
      (and (consp form) (eq (car form) 'quote))))

(defun %slot-value-form (slot variables)
  "The form for the initial value of SLOT; VARIABLES is the property list from initargs to variables."
  (let ((tail (%find-initarg slot variables)) (form (slot-field slot initform)))
    (cond (tail (cadr tail))
          ((null (slot-field slot initfunction)) '(%unbound))
          ((%literal-form-p form) form)
          (t `(funcall ',(slot-field slot initfunction))))))

(defun %constructor-form (class keywords after-shared after-initialize)
  (let ((variables '()) (parameters '()) (defaults '()) (values '()) (shared '()))
    (dolist (keyword keywords)
      (push (make-symbol (symbol-name keyword)) parameters)
      (unless (%find-key variables keyword)
        (setq variables (append variables (list keyword (car parameters))))))
    (dolist (default (class-field class default-initargs))
      (unless (%find-key variables (car default))
        (let ((variable (make-symbol (symbol-name (car default)))))
          (push `(,variable (funcall ',(caddr default))) defaults)
          (setq variables (append variables (list (car default) variable))))))
    (dolist (slot (class-field class slots))
      (if (consp (slot-field slot location))
          (let ((tail (%find-initarg slot variables)))
            (when tail (push `(rplaca ',(slot-field slot location) ,(cadr tail)) shared)))
          (push (%slot-value-form slot variables) values)))
    (setq parameters (nreverse parameters))
    (let ((initargs (mapcar #'(lambda (item) (if (symbol-package item) `',item item)) variables)))
      `(lambda ,parameters
         (declare (ignorable ,@parameters))
         (let* (,@(nreverse defaults)
                (instance (%make-instance-raw ',(class-field class layout) (vector ,@(nreverse values)))))
           ,@shared
           ,@(mapcar #'(lambda (method) `(funcall ',(%single-method-function method) instance t ,@initargs)) after-shared)
           ,@(mapcar #'(lambda (method) `(funcall ',(%single-method-function method) instance ,@initargs)) after-initialize)
           instance)))))

(define-compiler-macro make-instance (&whole form class &rest initargs)
  (if (and (consp class) (eq (car class) 'quote) (symbolp (cadr class)) (evenp (length initargs))
           (do ((tail initargs (cddr tail)))
               ((null tail) t)
             (unless (keywordp (car tail)) (return nil))))
      (let ((keywords '()) (values '()))
        (do ((tail initargs (cddr tail)))
            ((null tail))
          (push (car tail) keywords)
          (push (cadr tail) values))
        `(funcall (svref (load-time-value (%constructor ,class ',(nreverse keywords))) 0) ,@(nreverse values)))
      form))

;;; -- Obsolete instances: CLHS 4.3.6 --

(defun %layout-names (layout) (coerce (layout-slots layout) 'list))

(defun %name-index (names name)
  (position name names :test #'eq))

(defun %copy-slot-values (old-layout old-slots new-layout)
  "A slot vector for the new layout: what has the same name keeps its value; a slot that was shared and is not any more takes the shared value."
  (let* ((slots (%make-slots (layout-slot-count new-layout))) (old-names (layout-slots old-layout)) (new-names (layout-slots new-layout)))
    (dotimes (i (length new-names) slots)
      (let* ((name (svref new-names i)) (place (%name-index old-names name)) (cell (%assq name (layout-info old-layout))))
        (cond (place (setf (svref slots i) (svref old-slots place)))
              (cell (setf (svref slots i) (car (cdr cell)))))))))

(defun %added-slots (old-layout new-layout)
  (let ((added '()))
    (dolist (name (%layout-names new-layout) (nreverse added))
      (unless (or (%name-index (layout-slots old-layout) name) (%assq name (layout-info old-layout))) (push name added)))))

(defun %discarded-slots (old-layout new-layout)
  (let ((discarded '()))
    (dolist (name (%layout-names old-layout) (nreverse discarded))
      (unless (%name-index (layout-slots new-layout) name) (push name discarded)))))

(defun %discarded-values (names layout slots)
  (let ((result '()))
    (dolist (name names (nreverse result))
      (let ((value (svref slots (%name-index (layout-slots layout) name))))
        (unless (%unbound-value-p value) (setq result (list* value name result)))))))

(defun %update-instance (instance)
  "Brings an instance with an obsolete layout up to date."
  (let* ((old (%instance-layout instance)) (old-slots (%instance-slots instance)) (class (layout-class old))
         (new (class-field (%ensure-finalized class) layout))
         (added (%added-slots old new)) (discarded (%discarded-slots old new)))
    (%set-instance-layout instance new (%copy-slot-values old old-slots new))
    (update-instance-for-redefined-class instance added discarded (%discarded-values discarded old old-slots))
    instance))

(defun %change-class (instance class initargs)
  "CHANGE-CLASS's default."
  (class-of instance)
  (%ensure-finalized class)
  (let* ((old (%instance-layout instance)) (old-slots (%instance-slots instance)) (new (class-field class layout))
         (previous (%make-instance-raw old old-slots)))
    (%set-instance-layout instance new (%copy-slot-values old old-slots new))
    (apply #'update-instance-for-different-class previous instance initargs)
    instance))

(defun %make-obsolete (class)
  "Gives CLASS and its subclasses new layouts."
  (when (class-field class finalized)
    (%layout-set (class-field class layout) 8 nil)
    (%forget-layout (class-field class precedence-list))
    (setf (class-field class layout) (%new-class-layout class (class-field class slots)))
    (dolist (sub (%direct-subclasses class)) (%make-obsolete sub)))
  (%reset-constructors)
  class)
