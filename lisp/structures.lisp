;;; structures.lisp: DEFSTRUCT (CLHS 8.1).
;;;
;;; A structure type is known by its *description*, a simple-vector kept in the INFO of its name under %STRUCTURE.  Without :TYPE it has a layout too:
;;; objects of the type are STRUCTURE objects whose word 0 is the layout and whose word i is the slot with index i; the layout's INFO is the
;;; description, its SLOTS the vector of slot names.  With :TYPE an object is a list or vector and an index is a position in it.
;;;
;;; Readers are known to the compiler by %STRUCTURE-ACCESSOR in the INFO of their names, (layout index type read-only-p), and are one
;;; instruction, as is SETF of them.  The layout is a constant of the code that uses it.  So the macro defines the type when it is expanded
;;; (the code of the expansion needs the layout), and its expansion defines it again where it is run: for an unchanged description that does
;;; nothing.
;;;
;;; A redefinition with other slots gets a new layout after a continuable error; old objects keep the old layout and are of the old type.
;;;
;;; *STRUCTURES* lists the names of all structure types with a layout, the newest first: classes for those defined before there were classes are
;;; made from it.  Later ones are announced to %REGISTER-STRUCTURE-CLASS (name layout).

(in-package "SYS")

;;; -- Descriptions --

(defmacro %define-fields (prefix &rest names)
  "Macros that name the elements of a simple-vector."
  (let ((forms nil) (index -1))
    (dolist (name names `(progn ,@forms))
      (setq index (+ index 1))
      (push `(defmacro ,(%symbol-concat prefix name) (vector) (list 'svref vector ,index)) forms))))

(%define-fields %sd- name layout type named include slots conc-name constructors copier predicate printer offset length doc own-slots)
(%define-fields %slot- name initform type read-only index initform-p)

(defun %structure-description (name)
  (%info name '%structure nil))

(defun %structure-layout (name)
  "The layout of the structure type of this name, or NIL."
  (let ((description (%info name '%structure nil)))
    (if description (%sd-layout description) nil)))

(if (not (%structure-description 'structure-object))
    (let ((description (%make-simple-vector 15 nil)))
      (setf (%sd-name description) 'structure-object
            (%sd-length description) 1
            (%sd-layout description) (%make-layout 'structure-object nil 0 (vector) description))
      (%set-info 'structure-object '%structure description)))

;;; -- Parsing --

(defun %parse-slot (spec index)
  (let* ((pair (consp spec)) (name (if pair (car spec) spec)) (options (if pair (cddr spec) nil)))
    (if (not (symbolp name)) (%form-error "~S is not the name of a slot." name))
    (%check-keys options '(:type :read-only) '("DEFSTRUCT"))
    (vector name (if pair (cadr spec) nil) (getf options :type t) (getf options :read-only nil) index
            (and pair (consp (cdr spec)) t))))

(defun %find-slot (name slots)
  "The slot whose name is that symbol or another of the same name."
  (dolist (slot slots nil)
    (if (string= (%slot-name slot) name) (return slot))))

(defun %inherit-slot (slot overrides)
  "The slot of the included structure as the options of :INCLUDE modify it."
  (let ((copy (copy-seq slot)))
    (dolist (spec overrides copy)
      (let ((override (%parse-slot spec 0)))
        (if (string= (%slot-name override) (%slot-name slot))
            (let ((options (if (consp spec) (cddr spec) nil)))
              (setf (%slot-initform copy) (%slot-initform override)
                    (%slot-initform-p copy) (%slot-initform-p override))
              (if (%find-key options :type) (setf (%slot-type copy) (%slot-type override)))
              (if (%find-key options :read-only)
                  (setf (%slot-read-only copy) (%slot-read-only override)))
              (if (and (%slot-read-only slot) (not (%slot-read-only copy)))
                  (%form-error "The slot ~S is read-only in the included structure." (%slot-name slot)))))))))

(defun %parse-include (option description)
  (let* ((name (cadr option)) (included (%structure-description name)))
    (if (not included) (%form-error "~S is not the name of a structure type to include." name))
    (if (not (equal (%sd-type included) (%sd-type description)))
        (%form-error "The included structure ~S is of another representation than ~S." name (%sd-name description)))
    (dolist (spec (cddr option))
      (if (not (%find-slot (if (consp spec) (car spec) spec) (%sd-slots included)))
          (%form-error "~S is not a slot of the included structure ~S." (if (consp spec) (car spec) spec) name)))
    (setf (%sd-include description) name
          (%sd-length description) (%sd-length included)
          (%sd-slots description) (%mapcar (lambda (slot) (%inherit-slot slot (cddr option))) (%sd-slots included)))))

(defun %parse-option (option description)
  (let* ((key (if (consp option) (car option) option)) (rest (if (consp option) (cdr option) nil)) (value (if rest (car rest) nil))
         (name (%sd-name description)))
    (case key
      (:conc-name (setf (%sd-conc-name description) (if value (string value) nil)))
      (:constructor
       (push (if rest rest (list (%symbol-concat "MAKE-" name))) (%sd-constructors description)))
      (:copier (setf (%sd-copier description) (if rest value (%symbol-concat "COPY-" name))))
      (:predicate (setf (%sd-predicate description) (if rest (or value :none) (%symbol-concat name "-P"))))
      (:include)
      ((:print-function :print-object)
       (setf (%sd-printer description) (list key rest)))
      (:type)
      (:named (setf (%sd-named description) t))
      (:initial-offset (setf (%sd-offset description) value))
      (t (%form-error "~S is not an option of DEFSTRUCT." option)))))

(defun %parse-structure-type (options description)
  (dolist (option options)
    (if (and (consp option) (eq (car option) :type))
        (let ((type (cadr option)))
          (cond ((eq type 'list) (setf (%sd-type description) 'list))
                ((eq type 'vector) (setf (%sd-type description) '(vector t)))
                ((and (consp type) (eq (car type) 'vector)) (setf (%sd-type description) (list 'vector (if (cdr type) (cadr type) t))))
                (t (%form-error "~S cannot represent a structure." type)))))))

(defun %parse-structure (name-and-options slots)
  "The description of the structure type that DEFSTRUCT is told of, without a layout."
  (let* ((name (if (consp name-and-options) (car name-and-options) name-and-options))
         (options (if (consp name-and-options) (cdr name-and-options) nil))
         (description (%make-simple-vector 15 nil)))
    (if (not (and name (symbolp name))) (%form-error "~S cannot name a structure type." name))
    (setf (%sd-name description) name
          (%sd-conc-name description) (%string-concat (symbol-name name) "-")
          (%sd-copier description) (%symbol-concat "COPY-" name)
          (%sd-offset description) 0
          (%sd-doc description) (if (stringp (car slots)) (car slots) nil))
    (%parse-structure-type options description)
    (setf (%sd-length description) (if (%sd-type description) 0 1))
    (dolist (option options)
      (if (and (consp option) (eq (car option) :include)) (%parse-include option description)))
    (dolist (option options) (%parse-option option description))
    (let ((type (%sd-type description)))
      (if (and (%sd-named description) (consp type) (not (subtypep 'symbol (upgraded-array-element-type (cadr type)))))
          (error "A ~S cannot hold the name of the structure ~S." type name)))
    (if (not (%sd-constructors description))
        (setf (%sd-constructors description) (list (list (%symbol-concat "MAKE-" name)))))
    (if (and (not (%sd-predicate description)) (or (not (%sd-type description)) (%sd-named description)))
        (setf (%sd-predicate description) (%symbol-concat name "-P")))
    (%place-slots description (if (stringp (car slots)) (cdr slots) slots))
    description))

(defun %place-slots (description specs)
  "Gives the new slots their indices; NAMED becomes the position of the name in a list or vector."
  (let ((index (+ (%sd-length description) (%sd-offset description))) (own nil))
    (if (and (%sd-type description) (%sd-named description))
        (setf (%sd-named description) index
              index (+ index 1)))
    (dolist (spec specs)
      (let ((slot (%parse-slot spec index)))
        (if (or (%find-slot (%slot-name slot) (%sd-slots description)) (%find-slot (%slot-name slot) own))
            (%form-error "There are two slots named ~S." (%slot-name slot)))
        (push slot own)
        (setq index (+ index 1))))
    (setf (%sd-own-slots description) (%nreverse-list own)
          (%sd-slots description) (append (%sd-slots description) (%sd-own-slots description))
          (%sd-length description) index)))

;;; -- Definition --

(defun %same-slots-p (a b)
  (cond ((not a) (not b))
        ((not b) nil)
        (t (and (eq (%slot-name (car a)) (%slot-name (car b)))
                (equal (%slot-type (car a)) (%slot-type (car b)))
                (%same-slots-p (cdr a) (cdr b))))))

(defun %compatible-p (old new)
  "Whether objects of the old description are good for the new one."
  (and (eq (%sd-include old) (%sd-include new))
       (equal (%sd-type old) (%sd-type new))
       (= (%sd-length old) (%sd-length new))
       (or (not (%sd-include old))
           (%sd-type old)
           (eq (svref (%layout-ref (%sd-layout old) 3) (- (%layout-ref (%sd-layout old) 2) 1))
               (%structure-layout (%sd-include old))))
       (%same-slots-p (%sd-slots old) (%sd-slots new))))

(defun %slot-names (slots)
  (let ((names (%make-simple-vector (length slots) nil)) (i 0))
    (dolist (slot slots names)
      (setf (svref names i) (%slot-name slot)
            i (+ i 1)))))

(defun %new-layout (description)
  (%make-layout (%sd-name description) (%structure-layout (or (%sd-include description) 'structure-object))
                (- (%sd-length description) 1) (%slot-names (%sd-slots description)) description))

(defun %define-structure (description)
  "Makes the description that of the type of its name, with a layout, and tells the compiler of the readers."
  (let* ((name (%sd-name description)) (old (%structure-description name)))
    (%note-definition 'class name)
    (cond ((eq old description) (return-from %define-structure name))
          ((and old (%compatible-p old description))
           (if (not (%sd-layout description)) (setf (%sd-layout description) (%sd-layout old))))
          (old
           (cerror "Define it anew; existing structures keep the old definition."
                   "The structure type ~S is being redefined incompatibly." name)))
    (if (not (%sd-type description))
        (progn
          (if (not (%sd-layout description)) (setf (%sd-layout description) (%new-layout description)))
          (%layout-set (%sd-layout description) 6 description)))
    (%set-info name '%structure description)
    (%remove-info name '%type-expander)
    (%note-readers description)
    (if (and (%sd-layout description) (fboundp '%register-structure-class))
        (funcall '%register-structure-class name (%sd-layout description)))
    (if (%sd-doc description) (%note-documentation name 'structure (%sd-doc description)))
    name))

(defun %reader-name (description slot)
  (if (%sd-conc-name description)
      (%symbol-concat (%sd-conc-name description) (%slot-name slot))
      (%slot-name slot)))

(defun %inherited-reader-p (description slot name)
  "Whether the reader is already that of an included structure type."
  (let ((included (if (%sd-include description) (%structure-description (%sd-include description)) nil)))
    (and included
         (let ((inherited (%find-slot (%slot-name slot) (%sd-slots included))))
           (and inherited
                (or (eq name (%reader-name included inherited))
                    (%inherited-reader-p included inherited name)))))))

(defun %readers (description)
  "List of the names of readers and their slots, but those that an included type already has: ((name . slot)...)."
  (let ((readers nil))
    (dolist (slot (%sd-slots description) (%nreverse-list readers))
      (let ((name (%reader-name description slot)))
        (if (not (%inherited-reader-p description slot name))
            (push (cons name slot) readers))))))

(defconstant +largest-field-number+ 255 "The instruction STRUCTURE-REF can name fields up to this.")

(defun %position-form (description index object)
  "The form that reads a list or vector structure."
  (let ((type (%sd-type description)))
    (cond ((eq type 'list) `(nth ,index ,object))
          ((equal type '(vector t)) `(elt ,object ,index))
          (t `(aref ,object ,index)))))

(defun %note-readers (description)
  (dolist (pair (%readers description))
    (let* ((name (car pair)) (slot (cdr pair)) (index (%slot-index slot)))
      (cond ((%sd-type description)
             (if (not (%slot-read-only slot))
                 (%set-setf-expander name `(:alias ,(%position-form description index 'x)))))
            ((<= index +largest-field-number+)
             (%set-info name '%structure-accessor
                        (list (%sd-layout description) index (%slot-type slot) (%slot-read-only slot))))))))

;;; -- The functions --

(defun %structure-type-error (object name)
  (error 'type-error :datum object :expected-type name))

(defun %reader-definition (description name slot)
  (let ((index (%slot-index slot)) (layout (%sd-layout description)))
    (cond ((%sd-type description)
           `((%defun ',name #'(named-lambda ,name (object) ,(%position-form description index 'object)))))
          ((<= index +largest-field-number+)
           `((%set-function ',name #'(named-lambda ,name (object) (,name object)))))
          (t `((%defun ',name #'(named-lambda ,name (object)
                                  (if (%structure-p object ',layout)
                                      (%structure-ref object ,index)
                                      (%structure-type-error object ',(%sd-name description)))))
               ,@(if (not (%slot-read-only slot))
                     `((%defun '(setf ,name)
                               #'(named-lambda (setf ,name) (value object)
                                   (declare (type ,(%slot-type slot) value))
                                   (if (%structure-p object ',layout)
                                       (%structure-set object ,index value)
                                       (%structure-type-error object ',(%sd-name description))))))))))))

(defun %maker-form (description slots-and-forms)
  "The form that makes an object, given the forms of its slots as ((slot . form)...) in order."
  (let ((type (%sd-type description)))
    (if (not type)
        `(%make-structure ',(%sd-layout description)
                          ,@(let ((forms nil) (index 1))
                              (dolist (pair slots-and-forms (%nreverse-list forms))
                                (do () ((= index (%slot-index (car pair)))) (push nil forms) (setq index (+ index 1)))
                                (push (cdr pair) forms)
                                (setq index (+ index 1)))))
        (let ((forms nil) (names (%name-positions description)))
          (dotimes (index (%sd-length description))
            (let ((pair nil) (name (%find-key names index)))
              (dolist (p slots-and-forms) (if (= (%slot-index (car p)) index) (setq pair p)))
              (push (cond (pair (cdr pair)) (name `',(car name)) (t nil)) forms)))
          (setq forms (%nreverse-list forms))
          (cond ((eq type 'list) `(list ,@forms))
                ((equal type '(vector t)) `(vector ,@forms))
                (t `(make-array ,(%sd-length description) :element-type ',(cadr type) :initial-contents (list ,@forms))))))))

(defun %name-positions (description)
  "Property list of positions and the type names that stand there, in a named list or vector structure."
  (let ((included (if (%sd-include description) (%structure-description (%sd-include description)) nil)))
    (append (if (integerp (%sd-named description)) (list (%sd-named description) (%sd-name description)) nil)
            (if included (%name-positions included) nil))))

(defun %typed-slot-form (slot form initial)
  "The form that gives the slot's first value, checked; where nothing was given and there is no initial value NIL is let pass."
  (let ((type (%slot-type slot)))
    (cond ((eq type t) form)
          ((or (%slot-initform-p slot) (not initial)) `(%check-value ,form ,type))
          (t `(%check-value ,form (or null ,type))))))

(defun %keyword-constructor (description name)
  (let ((parameters nil) (values nil))
    (dolist (slot (%sd-slots description))
      (let ((variable (make-symbol (symbol-name (%slot-name slot)))))
        (push `((,(intern (symbol-name (%slot-name slot)) "KEYWORD") ,variable) ,(%slot-initform slot)) parameters)
        (push (cons slot (%typed-slot-form slot variable t)) values)))
    `(defun ,name ,(if parameters (cons '&key (%nreverse-list parameters)) nil)
       ,(%maker-form description (%nreverse-list values)))))

(defun %boa-parameter (item mode description)
  "The parameter with the slot's initial value as its default."
  (let* ((pair (consp item)) (variable (if pair (car item) item))
         (slot (%find-slot (if (consp variable) (cadr variable) variable) (%sd-slots description))))
    (if (and slot (memq mode '(&optional &key)) (not (and pair (cdr item))))
        (list variable (%slot-initform slot))
        item)))

(defun %boa-constructor (description name lambda-list)
  (let ((parameters nil) (variables nil) (required nil) (unset nil) (mode nil))
    (dolist (item lambda-list)
      (if (memq item '(&optional &rest &key &aux &allow-other-keys))
          (progn (setq mode item) (push item parameters))
          (let* ((variable (if (consp item) (if (consp (car item)) (cadr (car item)) (car item)) item)))
            (push variable variables)
            (if (not mode) (push variable required))
            (if (and (eq mode '&aux) (not (and (consp item) (cdr item))))
                (push variable unset)
                (push (%boa-parameter item mode description) parameters))
            (if (and (consp item) (consp (cdr item)) (consp (cddr item)) (not (eq mode '&aux)))
                (push (caddr item) variables)))))
    (let ((values (%mapcar (lambda (slot)
                             (let ((variable (car (%member-name (%slot-name slot) variables))))
                               (cons slot
                                     (cond ((not variable) (%typed-slot-form slot (%slot-initform slot) t))
                                           ((memq variable unset) nil)
                                           (t (%typed-slot-form slot variable (not (memq variable required))))))))
                           (%sd-slots description))))
      `(defun ,name ,(%nreverse-list parameters)
         ,(%maker-form description values)))))

(defun %member-name (name symbols)
  (do ((tail symbols (cdr tail)))
      ((or (not tail) (string= name (car tail))) tail)))

(defun %constructor-definitions (description)
  (let ((forms nil))
    (dolist (constructor (%sd-constructors description) (%nreverse-list forms))
      (cond ((not (car constructor)))
            ((cdr constructor) (push (%boa-constructor description (car constructor) (cadr constructor)) forms))
            (t (push (%keyword-constructor description (car constructor)) forms))))))

(defun %predicate-definition (description)
  (let ((name (%sd-predicate description)) (type (%sd-type description)) (position (%sd-named description)))
    (cond ((or (not name) (eq name :none)) nil)
          ((not type)
           `((%set-info ',name '%inline-declared 'inline)
             (%set-info ',name '%inline-expansion '(lambda (object) (%structure-p object ',(%sd-layout description))))
             (%set-function ',name #'(named-lambda ,name (object) (%structure-p object ',(%sd-layout description))))))
          ((not (integerp position)) (error "A structure without a name cannot have the predicate ~S." name))
          ((eq type 'list)
           `((defun ,name (object)
               (and (consp object) (consp (nthcdr ,position object)) (eq (nth ,position object) ',(%sd-name description))))))
          (t `((defun ,name (object)
                 (and (vectorp object) (> (length object) ,position) (eq (elt object ,position) ',(%sd-name description)))))))))

(defun %copier-definition (description)
  (let ((name (%sd-copier description)) (type (%sd-type description)))
    (cond ((not name) nil)
          ((eq type 'list) `((defun ,name (object) (copy-list object))))
          (type `((defun ,name (object) (copy-seq object))))
          (t `((defun ,name (object)
                 (if (%structure-p object ',(%sd-layout description))
                     (%copy-structure object)
                     (%structure-type-error object ',(%sd-name description)))))))))

(defun %printer-definition (description)
  (let ((printer (%sd-printer description)))
    (cond ((not printer) nil)
          ((not (cadr printer))
           `((defmethod print-object ((object ,(%sd-name description)) stream) (%print-structure object stream))))
          (t `((defmethod print-object ((object ,(%sd-name description)) stream)
                 (funcall #',(car (cadr printer)) object stream ,@(if (eq (car printer) :print-function) '(*current-level*)))))))))

(defvar *file-structures* nil "While a file is compiled a list: T, and the names of the structure types that it defines.")

(defmacro defstruct (name-and-options &rest slots)
  "Defines a structure type with its constructors, readers, copier and predicate (CLHS DEFSTRUCT)."
  (let* ((description (%parse-structure name-and-options slots)))
    (%define-structure description)
    (if *file-structures* (push (%sd-name description) (cdr *file-structures*)))
    `(progn
       (eval-when (:compile-toplevel :load-toplevel :execute) (%define-structure ',description))
       ,@(let ((forms nil))
           (dolist (pair (%readers description) forms)
             (setq forms (append (%reader-definition description (car pair) (cdr pair)) forms))))
       ,@(%predicate-definition description)
       ,@(%copier-definition description)
       ,@(%constructor-definitions description)
       ,@(%printer-definition description)
       ',(%sd-name description))))

(defun copy-structure (structure)
  (%copy-structure structure))
