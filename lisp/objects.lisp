;;; objects.lisp: metaobjects, classes, precedence lists, slots, layouts.
;;;
;;; Classes, slot definitions, generic functions and methods are instances like any other; what the standard calls their slots are fields
;;; at fixed places of their slot vectors, since a subclass's slots come behind its superclass's.  (CLASS-FIELD class name) and its kin are macros
;;; that turn a field's name into its index, so the kernel runs without generic functions and under them.
;;;
;;; A class is *finalized* when all its superclasses are known: then it has a precedence list, effective slots and a layout.  An instance refers to
;;; its layout, the layout to its class.  Redefinition gives the class a new layout and marks the old one invalid; dispatch caches do not know the
;;; new layout and do not accept the old one, and an instance that has it is brought up to date when something next looks at it (instances.lisp).
;;;
;;; Names have classes in the symbol's INFO, under %CLASS.
;;;
;;; Links that hold something by convention only are made in one place each: %LINK-SUBCLASS (class to subclass), %LINK-METHOD (specializer to method).
(in-package "SYS")

;;; -- Fields of metaobjects --

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defparameter *class-fields*
    '(name direct-superclasses direct-subclasses precedence-list layout direct-slots slots direct-default-initargs default-initargs
      direct-methods documentation finalized prototype initargs report))
  (defparameter *slot-fields* '(name initargs initform initfunction allocation type documentation readers writers location))
  (defparameter *generic-fields*
    '(name lambda-list methods combination method-class precedence-order declarations documentation required arity keys effective initial-methods))
  (defparameter *method-fields* '(generic-function lambda-list qualifiers specializers function kind documentation slot keys))
  (defparameter *combination-fields* '(name options kind operator order function documentation))
  (defparameter *eql-fields* '(object direct-methods))
  (defun %field-form (object field fields)
    (let ((index (position field fields)))
      (if index (list 'svref (list '%instance-slots object) index) (error "There is no field ~S." field)))))

(defmacro class-field (class field) (%field-form class field *class-fields*))
(defmacro slot-field (slot field) (%field-form slot field *slot-fields*))
(defmacro generic-field (generic field) (%field-form generic field *generic-fields*))
(defmacro method-field (method field) (%field-form method field *method-fields*))
(defmacro combination-field (combination field) (%field-form combination field *combination-fields*))
(defmacro eql-field (specializer field) (%field-form specializer field *eql-fields*))

;;; Fields of layouts; word.h has the list.
(defmacro layout-class (layout) `(%layout-ref ,layout 1))
(defmacro layout-slot-count (layout) `(%layout-ref ,layout 4))
(defmacro layout-slots (layout) `(%layout-ref ,layout 5))
(defmacro layout-info (layout) `(%layout-ref ,layout 6))
(defmacro layout-valid (layout) `(%layout-ref ,layout 8))

;;; -- Layouts of the metaobject classes, made before the classes --

(defvar *early-layouts* '())

(defun %early-layout (name fields)
  (let ((layout (%make-layout name nil (length fields) (coerce fields 'simple-vector) nil)))
    (push (cons name layout) *early-layouts*)
    layout))

(defvar *standard-class-layout* (%early-layout 'standard-class *class-fields*))
(defvar *built-in-class-layout* (%early-layout 'built-in-class *class-fields*))
(defvar *structure-class-layout* (%early-layout 'structure-class *class-fields*))
(defvar *direct-slot-layout* (%early-layout 'standard-direct-slot-definition *slot-fields*))
(defvar *effective-slot-layout* (%early-layout 'standard-effective-slot-definition *slot-fields*))
(%early-layout 'funcallable-standard-class *class-fields*)
(%early-layout 'forward-referenced-class *class-fields*)
(%early-layout 'condition-class *class-fields*)

;;; -- Names of classes --

(defun %named-class (name)
  "The class called NAME, or NIL."
  (%info name '%class))

(defun %set-named-class (name class)
  (let ((old (%info name '%class nil)))
    (when (and old (not (eq old class))) (%forget-layout (class-field old precedence-list))))
  (if class (%set-info name '%class class) (%remove-info name '%class))
  (%reset-constructors)
  class)

(defun %classp (object) (and (%instance-p object) (%find-field-class object)))

(defun %find-field-class (object)
  ;; Metaobjects of user-defined metaclasses count too.
  (let ((class (layout-class (%instance-layout object))))
    (and class (%memq *class-class* (class-field class precedence-list)) t)))

(defun find-class (name &optional (errorp t) environment)
  "The class called NAME.  None: an error, or NIL if ERRORP is false."
  (declare (ignore environment))
  (unless (symbolp name) (error 'type-error :datum name :expected-type 'symbol))
  (or (%named-class name)
      (%structure-class-named name)
      (if errorp (error (or (%removed-class-report name) "There is no class called ~S.") name) nil)))

(defun %removed-class-report (name)
  "A control string for the name of a class that a delivery was told to remove; else NIL."
  (if (and (symbolp name) (%info name '%removed-class nil)) "The class ~S was removed by delivery; another :CLASSES-TO-REMOVE keeps it." nil))

(defun (setf find-class) (class name &optional errorp environment)
  (declare (ignore errorp environment))
  (unless (or (null class) (%classp class)) (error 'type-error :datum class :expected-type '(or null class)))
  (%set-named-class name class))

(defun class-of (object)
  "The class of which OBJECT is a direct instance."
  (or (%class-of object) (%class-of-slowly object)))

(defun %class-of-slowly (object)
  (let ((key (%class-key object)))
    (cond ((%layoutp key) (or (layout-class key) (%structure-class-of-layout key)))
          ((%instance-p object) (%update-instance object) (layout-class (%instance-layout object)))
          (t *class-t*))))

;;; -- Default links --
;;;
;;; A class does not keep its subclasses alive, nor a specializer its methods: names and generic functions do.  So these links are weak pointers:
;;; a list (n pointer...), the newest first; after n further additions the broken ones are dropped.

(defun %live-pointers (pointers)
  (let ((result '()))
    (dolist (pointer pointers (nreverse result))
      (when (ext:weak-pointer-value pointer) (push pointer result)))))

(defun %link-add (object links)
  (let ((count (if links (car links) 16)) (pointers (cdr links)))
    (when (<= count 0)
      (setq pointers (%live-pointers pointers) count (+ 16 (length pointers))))
    (list* (1- count) (ext:make-weak-pointer object) pointers)))

(defun %link-remove (object links)
  (let ((result '()))
    (dolist (pointer (cdr links) (cons 16 (nreverse result)))
      (let ((value (ext:weak-pointer-value pointer)))
        (unless (or (null value) (eq value object)) (push pointer result))))))

(defun %linked (links)
  "The objects that the links lead to, the newest first."
  (let ((result '()))
    (dolist (pointer (cdr links) (nreverse result))
      (let ((value (ext:weak-pointer-value pointer))) (when value (push value result))))))

(defun %link-subclass (superclass class)
  (unless (%memq class (%direct-subclasses superclass))
    (setf (class-field superclass direct-subclasses) (%link-add class (class-field superclass direct-subclasses)))))
(defun %unlink-subclass (superclass class)
  (setf (class-field superclass direct-subclasses) (%link-remove class (class-field superclass direct-subclasses))))
(defun %direct-subclasses (class) (%linked (class-field class direct-subclasses)))

(defun %link-method (specializer method)
  (if (%eql-specializer-p specializer)
      (setf (eql-field specializer direct-methods) (%link-add method (eql-field specializer direct-methods)))
      (setf (class-field specializer direct-methods) (%link-add method (class-field specializer direct-methods)))))
(defun %unlink-method (specializer method)
  (if (%eql-specializer-p specializer)
      (setf (eql-field specializer direct-methods) (%link-remove method (eql-field specializer direct-methods)))
      (setf (class-field specializer direct-methods) (%link-remove method (class-field specializer direct-methods)))))

;;; -- Precedence lists: CLHS 4.3.5 --

(defun %all-superclasses (class)
  "CLASS and all its superclasses, in the order in which they are met."
  (let ((seen '()))
    (labels ((visit (class)
               (unless (%memq class seen)
                 (push class seen)
                 (dolist (super (class-field class direct-superclasses)) (visit super)))))
      (visit class))
    (nreverse seen)))

(defun %precedence-pairs (classes)
  (let ((pairs '()))
    (dolist (class classes pairs)
      (let ((before class))
        (dolist (super (class-field class direct-superclasses))
          (push (cons before super) pairs)
          (setq before super))))))

(defun %choose-next-class (candidates result)
  "Of the CANDIDATES, the one that has a direct subclass rightmost in the list so far, RESULT (reversed)."
  (if (null (cdr candidates))
      (car candidates)
      (dolist (class result)
        (dolist (super (class-field class direct-superclasses))
          (when (%memq super candidates) (return-from %choose-next-class super))))))

(defun %precedence-list (class)
  "The class precedence list of CLASS; an error if its local precedence orders contradict each other."
  (let* ((classes (%all-superclasses class)) (pairs (%precedence-pairs classes)) (result '()))
    (do () ((null classes) (nreverse result))
      (let ((candidates '()))
        (dolist (class classes)
          (unless (rassoc class pairs :test #'eq) (push class candidates)))
        (let ((next (%choose-next-class (nreverse candidates) result)))
          (unless next (error "The precedence orders of the superclasses of ~S contradict each other." (class-field class name)))
          (push next result)
          (setq classes (delete next classes :test #'eq)
                pairs (delete next pairs :key #'car :test #'eq)))))))

;;; -- Slots: CLHS 7.5.3 --

(defun %make-slot (layout name &key initargs initform initfunction (allocation :instance) (type t) documentation readers writers location)
  (%make-instance-raw layout (vector name initargs initform initfunction allocation type documentation readers writers location)))

(defun %collect-slots (class)
  "An alist from names of slots to their direct definitions, most specific first; superclasses' slots come first."
  (let ((entries '()))
    (dolist (super (reverse (class-field class precedence-list)) (nreverse entries))
      (dolist (slot (class-field super direct-slots))
        (let ((entry (assoc (slot-field slot name) entries :test #'eq)))
          (if entry (push slot (cdr entry)) (push (list (slot-field slot name) slot) entries)))))))

(defun %first-slot-with (slots test)
  (dolist (slot slots nil) (when (funcall test slot) (return slot))))

(defun %effective-type (slots)
  (let ((types '()))
    (dolist (slot slots) (unless (eq (slot-field slot type) t) (pushnew (slot-field slot type) types :test #'equal)))
    (cond ((null types) t) ((null (cdr types)) (car types)) (t (cons 'and (nreverse types))))))

(defun %effective-slot (name slots)
  (let ((initial (%first-slot-with slots #'(lambda (slot) (slot-field slot initfunction))))
        (documented (%first-slot-with slots #'(lambda (slot) (slot-field slot documentation))))
        (initargs '()))
    (dolist (slot slots) (dolist (initarg (slot-field slot initargs)) (unless (%memq initarg initargs) (push initarg initargs))))
    (%make-slot *effective-slot-layout* name
                :initargs (nreverse initargs)
                :initform (and initial (slot-field initial initform))
                :initfunction (and initial (slot-field initial initfunction))
                :allocation (slot-field (car slots) allocation)
                :type (%effective-type slots)
                :documentation (and documented (slot-field documented documentation)))))

(defun %class-slot (class name)
  "The effective slot definition of the finalized CLASS, or NIL."
  (dolist (slot (class-field class slots) nil)
    (when (eq (slot-field slot name) name) (return slot))))

(defun %shared-cell (class name direct old-slots)
  "The cons whose CAR holds the value of the shared slot NAME of CLASS; DIRECT is its most specific direct definition."
  (if (%memq direct (class-field class direct-slots))
      (let ((old (dolist (slot old-slots nil) (when (eq (slot-field slot name) name) (return slot)))))
        (if (and old (consp (slot-field old location)))
            (slot-field old location)
            (list (if (slot-field direct initfunction) (funcall (slot-field direct initfunction)) (%unbound)))))
      (dolist (super (class-field class precedence-list))
        (when (%memq direct (class-field super direct-slots))
          (return (slot-field (%class-slot super name) location))))))

(defun %compute-slots (class)
  "The effective slots of CLASS, with their locations: an index, or a cons for a shared slot."
  (let ((index -1) (old (class-field class slots)) (result '()))
    (dolist (entry (%collect-slots class) (nreverse result))
      (let ((slot (%effective-slot (car entry) (cdr entry))))
        (setf (slot-field slot location)
              (if (eq (slot-field slot allocation) :instance)
                  (incf index)
                  (%shared-cell class (car entry) (cadr entry) old)))
        (push slot result)))))

(defun %compute-default-initargs (class)
  (let ((result '()))
    (dolist (super (class-field class precedence-list) (nreverse result))
      (dolist (initarg (class-field super direct-default-initargs))
        (unless (assoc (car initarg) result :test #'eq) (push initarg result))))))

;;; -- Finalization --

(defun %instance-slot-names (slots)
  (let ((names '()))
    (dolist (slot slots (coerce (nreverse names) 'simple-vector))
      (when (integerp (slot-field slot location)) (push (slot-field slot name) names)))))

(defun %shared-slots (slots)
  "What an obsolete layout keeps of shared slots: an alist from names to cells."
  (let ((result '()))
    (dolist (slot slots result)
      (when (consp (slot-field slot location)) (push (cons (slot-field slot name) (slot-field slot location)) result)))))

(defun %new-class-layout (class slots)
  (let* ((names (%instance-slot-names slots))
         (layout (%make-layout (class-field class name) nil (length names) names (%shared-slots slots))))
    (%layout-set layout 1 class)
    layout))

(defun %same-shape-p (layout slots)
  (and (eq (layout-valid layout) t)
       (equalp (layout-slots layout) (%instance-slot-names slots))
       (equal (layout-info layout) (%shared-slots slots))))

(defun %finalizable-p (class)
  (dolist (super (class-field class direct-superclasses) t)
    (unless (class-field super finalized) (return nil))))

(defun %forget-layout (precedence-list)
  "Empties the dispatch caches that may have an entry for a class with this precedence list, whose layout is not needed any more: an entry would
keep it, and with it the class and the code of its slots' initial values."
  (when (fboundp '%forget-effective)
    (dolist (class precedence-list)
      (dolist (method (%linked (class-field class direct-methods)))
        (let ((generic (method-field method generic-function)))
          (when generic (%forget-effective generic)))))))

(defun %finalize-class (class)
  "Computes what follows from the superclasses and direct slots of CLASS; gives it a new layout if anything about its instances changes."
  (let* ((old-list (class-field class precedence-list)) (layout (class-field class layout)) (new-list (%precedence-list class)))
    (setf (class-field class precedence-list) new-list)
    (let ((slots (%compute-slots class)))
      (setf (class-field class slots) slots
            (class-field class default-initargs) (%compute-default-initargs class)
            (class-field class initargs) nil
            (class-field class prototype) nil)
      (unless (and layout (equal old-list new-list) (%same-shape-p layout slots))
        (when layout
          (%layout-set layout 8 nil)
          (%forget-layout (append new-list old-list)))
        (setf (class-field class layout) (%new-class-layout class slots)))
      (setf (class-field class finalized) t))))

(defun %finalize-tree (class)
  "Finalizes CLASS and then its subclasses, as far as they have all their superclasses."
  (when (%finalizable-p class)
    (%finalize-class class)
    (dolist (sub (reverse (%direct-subclasses class))) (%finalize-tree sub))))

(defun %ensure-finalized (class)
  (unless (class-field class finalized)
    (%finalize-tree class)
    (unless (class-field class finalized)
      (error "The class ~S cannot be used yet: a superclass of it is not defined." (class-field class name))))
  class)

;;; -- Making classes --

(defun %fresh-fields (layout fields)
  "A slot vector for a metaobject: the FIELDS are NIL, further slots, of a subclass of the standard's, unbound."
  (fill (%make-slots (layout-slot-count layout)) nil :end (length fields)))

(defun %allocate-class (layout name)
  (let ((class (%make-instance-raw layout (%fresh-fields layout *class-fields*))))
    (setf (class-field class name) name)
    class))

(defun %set-superclasses (class supers)
  (dolist (super (class-field class direct-superclasses)) (%unlink-subclass super class))
  (setf (class-field class direct-superclasses) supers)
  (dolist (super supers) (%link-subclass super class)))

(defun %early-class (metaclass name supers fields)
  "A class of the kernel: its layout may be there already."
  (let ((class (%allocate-class (cdr (assoc metaclass *early-layouts*)) name)) (early (cdr (assoc name *early-layouts*))))
    (%set-info name '%class class)
    (%set-superclasses class (mapcar #'%named-class supers))
    (setf (class-field class direct-slots)
          (mapcar #'(lambda (field) (%make-slot *direct-slot-layout* field)) fields))
    (when early
      (%layout-set early 1 class)
      (setf (class-field class layout) early))
    (%finalize-class class)
    (when early
      (%layout-set early 8 t)
      (setf (class-field class layout) early))
    class))

(defvar *class-t* (%early-class 'built-in-class 't '() '()))
(defvar *class-standard-object* (%early-class 'standard-class 'standard-object '(t) '()))
(%early-class 'built-in-class 'function '(t) '())
(%early-class 'funcallable-standard-class 'funcallable-standard-object '(standard-object function) '())
(dolist (entry '((metaobject (standard-object)) (specializer (metaobject)) (slot-definition (metaobject))
                 (direct-slot-definition (slot-definition)) (effective-slot-definition (slot-definition))
                 (standard-slot-definition (slot-definition)) (method (metaobject))))
  (%early-class 'standard-class (car entry) (cadr entry) '()))
(defvar *class-class* (%early-class 'standard-class 'class '(specializer) *class-fields*))
(dolist (name '(standard-class built-in-class structure-class funcallable-standard-class forward-referenced-class condition-class))
  (%early-class 'standard-class name '(class) '()))
(%early-class 'standard-class 'standard-direct-slot-definition '(standard-slot-definition direct-slot-definition) *slot-fields*)
(%early-class 'standard-class 'standard-effective-slot-definition '(standard-slot-definition effective-slot-definition) *slot-fields*)
(%early-class 'standard-class 'eql-specializer '(specializer) *eql-fields*)
(%early-class 'standard-class 'standard-method '(method) *method-fields*)
(%early-class 'standard-class 'standard-accessor-method '(standard-method) '())
(%early-class 'standard-class 'standard-reader-method '(standard-accessor-method) '())
(%early-class 'standard-class 'standard-writer-method '(standard-accessor-method) '())
(%early-class 'standard-class 'method-combination '(metaobject) *combination-fields*)
(%early-class 'funcallable-standard-class 'generic-function '(funcallable-standard-object) *generic-fields*)
(%early-class 'funcallable-standard-class 'standard-generic-function '(generic-function) '())

;;; -- Built-in classes: CLHS 4.3.7 --

(defparameter *built-in-classes*
  '((symbol t) (character t) (number t) (real number) (rational real) (integer rational) (fixnum integer) (bignum integer)
    (ratio rational) (float real) (single-float float) (double-float float) (complex number)
    (sequence t) (list sequence) (cons list) (null symbol list)
    (array t) (simple-array array) (vector array sequence) (simple-vector vector simple-array)
    (string vector) (simple-string string simple-array) (base-string string) (simple-base-string base-string simple-string)
    (simple-character-string simple-string) (bit-vector vector) (simple-bit-vector bit-vector simple-array)
    (hash-table t) (package t) (pathname t) (logical-pathname pathname) (random-state t) (readtable t)
    (stream t) (file-stream stream) (string-stream stream) (broadcast-stream stream) (concatenated-stream stream)
    (echo-stream stream) (synonym-stream stream) (two-way-stream stream)
    (layout t) (cell t) (code-vector t) (environment t) (foreign-pointer t) (weak-pointer t) (hash-entries t)))

(dolist (entry *built-in-classes*) (%early-class 'built-in-class (car entry) (cdr entry) '()))
(defun %fill-class-table ()
  "Tells DISPATCH the layouts of the built-in classes."
  (do ((code 0 (1+ code)))
      ((null (%class-code-name code)))
    (let* ((name (%class-code-name code))
           (class (or (dolist (entry *built-in-classes* nil)
                        (when (string= (symbol-name (car entry)) name) (return (%named-class (car entry)))))
                      (%named-class (cond ((string= name "FUNCTION") 'function)
                                          ((string= name "(SIMPLE-ARRAY NIL (*))") 'simple-string)
                                          ((char= (char name 0) #\() 'vector)
                                          (t 't))))))
      (%set-builtin-layout code (class-field class layout)))))
(%fill-class-table)

;;; -- Structure classes: made when first asked for --

(defvar *class-structure-object* (%early-class 'structure-class 'structure-object '(t) '()))
(let ((layout (%structure-layout 'structure-object)))
  (setf (class-field *class-structure-object* layout) layout)
  (%layout-set layout 1 *class-structure-object*))

(defun %structure-slot-definitions (layout-of-slots slots)
  (mapcar #'(lambda (slot)
              (%make-slot layout-of-slots (%slot-name slot)
                          :initargs (list (intern (symbol-name (%slot-name slot)) "KEYWORD"))
                          :initform (%slot-initform slot) :type (%slot-type slot) :location (%slot-index slot)))
          slots))

(defun %structure-class-of-layout (layout)
  "The class of the structures of this LAYOUT; it is made if need be."
  (or (layout-class layout)
      (let* ((super (%structure-class-of-layout (svref (%layout-ref layout 3) (1- (%layout-ref layout 2)))))
             (class (%allocate-class *structure-class-layout* (%layout-ref layout 0))) (description (layout-info layout)))
        (%set-superclasses class (list super))
        (setf (class-field class precedence-list) (cons class (class-field super precedence-list))
              (class-field class direct-slots) (%structure-slot-definitions *direct-slot-layout* (%sd-own-slots description))
              (class-field class slots) (%structure-slot-definitions *effective-slot-layout* (%sd-slots description))
              (class-field class layout) layout
              (class-field class finalized) t)
        (%layout-set layout 1 class)
        (when (eq (%structure-layout (%layout-ref layout 0)) layout) (%set-info (%layout-ref layout 0) '%class class))
        class)))

(defun %structure-class-named (name)
  (let ((layout (%structure-layout name)))
    (if layout (%set-info name '%class (%structure-class-of-layout layout)) nil)))

(defun %register-structure-class (name layout)
  "Called by DEFSTRUCT.  The class is made when somebody asks for it."
  (declare (ignore layout))
  (%remove-info name '%class))

;;; -- Type tests --

(defun %class-precedence (class)
  (class-field (%ensure-finalized class) precedence-list))

(defun %subclassp (class super)
  "True if SUPER is CLASS or a superclass of it."
  (or (eq class super) (eq super *class-t*)
      (if (class-field class finalized)
          (and (%memq super (class-field class precedence-list)) t)
          (some #'(lambda (direct) (%subclassp direct super)) (class-field class direct-superclasses)))))

(defun %instance-typep (object class)
  "True if OBJECT is a direct or indirect instance of CLASS."
  (let ((own (class-of object)))
    (or (eq own class) (and (%memq class (class-field own precedence-list)) t))))
