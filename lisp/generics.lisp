;;; generics.lisp: generic functions, methods, dispatch.
;;;
;;; A generic function is a funcallable instance; its cache (code.h) maps the layouts of the leading arguments to an *effective function*, called with the
;;; arguments as they are.  A miss comes to %DISPATCH-MISS, which finds the applicable methods, makes the effective function, enters it and calls it.
;;;
;;; A method's function comes in two kinds.  PLAIN: a function of the arguments; it is the effective function itself when it is alone.  NEXT: the body
;;; uses CALL-NEXT-METHOD or NEXT-METHOD-P (or a macro that we cannot see through), and the function is a factory: called with the next function and
;;; whether there is a next method, it returns the function of the arguments.  So chains of methods are closed once, when the cache is filled;
;;; a call of CALL-NEXT-METHOD is a call of a closed-over function, and conses nothing.
;;;
;;; EQL specializers: where an argument's class is that of the object of an EQL specializer, the effective function is a second dispatcher, which looks
;;; at that argument's identity.  All other classes keep their plain entries.
;;;
;;; Keywords: a generic function with &KEY checks the keywords of a call against all applicable methods (CLHS 7.6.5), so methods themselves allow others.
(in-package "SYS")

(defvar *swap-policy* nil "True: MKSWAPP is asked about every definition that is stored (swap.lisp).")

(unless (boundp 'lambda-list-keywords)
  (defconstant lambda-list-keywords '(&optional &rest &body &key &allow-other-keys &aux &whole &environment)
    "What introduces a part of a lambda list."))

(defconstant +most-keys+ 4 "At most so many leading arguments does a cache look at.")
(defconstant +most-entries+ 192 "A cache that has grown so large is begun anew.")

(defun %generic-function-p (object)
  (and (%funcallable-p object) (%memq (%named-class 'generic-function) (class-field (class-of object) precedence-list)) t))

;;; -- Lambda lists --

(defun %lambda-list-parts (lambda-list)
  "Required parameters, the rest, number of optional parameters, whether there is &REST, whether &KEY, the keywords (T if others are allowed)."
  (let ((required '()) (optional 0) (rest nil) (key nil) (keys '()) (mode 'required) (tail lambda-list))
    (do () ((or (null tail) (%memq (car tail) lambda-list-keywords)))
      (push (pop tail) required))
    (do ((items tail (cdr items)))
        ((null items))
      (let ((item (car items)))
        (cond ((eq item '&allow-other-keys) (setq keys t))
              ((%memq item lambda-list-keywords)
               (setq mode item)
               (when (eq item '&rest) (setq rest t))
               (when (eq item '&key) (setq key t)))
              ((eq mode '&optional) (incf optional))
              ((and (eq mode '&key) (listp keys)) (push (%keyword-of item) keys)))))
    (values (nreverse required) tail optional rest key keys)))

(defun %required-count (lambda-list)
  (do ((tail lambda-list (cdr tail)) (count 0 (1+ count)))
      ((or (null tail) (%memq (car tail) lambda-list-keywords)) count)))

(defun %congruence-error (generic lambda-list what)
  (error 'simple-program-error
         :format-control "The method lambda list ~S is not congruent with that of ~S, ~S: ~A."
         :format-arguments (list lambda-list (generic-field generic name) (generic-field generic lambda-list) what)))

(defun %check-congruence (generic lambda-list)
  "CLHS 7.6.4."
  (multiple-value-bind (required tail optional rest key keys) (%lambda-list-parts (generic-field generic lambda-list))
    (declare (ignore tail))
    (multiple-value-bind (m-required m-tail m-optional m-rest m-key m-keys) (%lambda-list-parts lambda-list)
      (declare (ignore m-tail))
      (cond ((/= (length required) (length m-required)) (%congruence-error generic lambda-list "the numbers of required parameters differ"))
            ((/= optional m-optional) (%congruence-error generic lambda-list "the numbers of optional parameters differ"))
            ((not (eq (or rest key) (or m-rest m-key))) (%congruence-error generic lambda-list "only one of them takes &REST or &KEY"))
            ((and key (listp keys) keys m-key (listp m-keys) (not (every #'(lambda (k) (%memq k m-keys)) keys)))
             (%congruence-error generic lambda-list "it does not accept all keywords"))))))

;;; -- Generic functions --

(defvar *standard-combination* nil)

(defun %layout-of-class (name) (class-field (%named-class name) layout))

(defun %make-generic (name lambda-list &optional (class (%named-class 'standard-generic-function)))
  (%ensure-finalized class)
  (let* ((layout (class-field class layout)) (generic (%make-funcallable layout (%fresh-fields layout *generic-fields*) name)))
    (setf (generic-field generic name) name
          (generic-field generic combination) *standard-combination*
          (generic-field generic method-class) (%named-class 'standard-method))
    (%set-generic-lambda-list generic lambda-list nil)
    (%initialize-further-slots generic '())))

(defun %initialize-further-slots (metaobject initargs)
  "Gives the slots that a user's subclass of a standard class of metaobjects adds their initial values."
  (if (%memq (class-field (class-of metaobject) name)
             '(standard-method standard-reader-method standard-writer-method standard-generic-function standard-class condition-class))
      metaobject
      (%initialize-slots metaobject t initargs)))

(defun %check-generic-lambda-list (lambda-list)
  (let ((mode nil))
    (dolist (item lambda-list)
      (cond ((eq item '&aux) (%form-error "&AUX is not allowed in the lambda list of a generic function: ~S" lambda-list))
            ((%memq item lambda-list-keywords) (setq mode item))
            ((and (consp item) (or (null mode) (cdr item)))
             (%form-error "~S is not allowed in the lambda list of a generic function." item))))))

(defun %set-generic-lambda-list (generic lambda-list precedence-order)
  (%check-generic-lambda-list lambda-list)
  (multiple-value-bind (required tail optional rest key keys) (%lambda-list-parts lambda-list)
    (declare (ignore optional rest))
    (setf (generic-field generic lambda-list) lambda-list
          (generic-field generic required) (length required)
          (generic-field generic arity) (if (and (null tail) (<= (length required) 3)) (length required) nil)
          (generic-field generic keys) (cond ((not key) nil) ((eq keys t) nil) (t (list keys)))
          (generic-field generic precedence-order) (%precedence-indices precedence-order required))
    (%set-funcallable-name generic (generic-field generic name) lambda-list)
    (%forget-effective generic)))

(defun %precedence-indices (order required)
  "NIL for the order from left to right, else the list of the indices of parameters in the order of precedence."
  (when order
    (unless (and (= (length order) (length required)) (every #'(lambda (name) (= (count name order) 1)) required))
      (%form-error "~S is not an order of the required parameters ~S." order required))
    (if (equal order required) nil (mapcar #'(lambda (name) (position name required)) order))))

(defun %named-generic (name)
  "The generic function called NAME, or NIL; an error if the name belongs to something else."
  (when (fboundp name)
    (let* ((function (fdefinition name)) (cell (%function-cell name)))
      (if (and (%info cell '%traced) (eq function (%info cell '%tracer))) (setq function (%info cell '%traced)))
      (cond ((%generic-function-p function) function)
            ((and (symbolp name) (or (special-operator-p name) (macro-function name)))
             (%form-error "~S names a macro or a special operator and cannot name a generic function." name))
            (t (%form-error "~S names an ordinary function and cannot name a generic function." name))))))

(defun ensure-generic-function (name &key (lambda-list nil lambda-list-p) argument-precedence-order declare documentation
                                       (generic-function-class 'standard-generic-function) method-class method-combination environment)
  "The generic function called NAME, made or changed as the arguments say (CLHS 7.7)."
  (declare (ignore environment))
  (let ((generic (%named-generic name))
        (class (if (symbolp generic-function-class) (find-class generic-function-class) generic-function-class)))
    (if generic
        (when lambda-list-p (%change-lambda-list generic lambda-list argument-precedence-order))
        (progn
          (setq generic (%make-generic name lambda-list class))
          (when argument-precedence-order (%set-generic-lambda-list generic lambda-list argument-precedence-order))
          (%note-definition 'generic (%function-cell name))
          (%set-function name generic)))
    (when declare (setf (generic-field generic declarations) declare))
    (when documentation (setf (generic-field generic documentation) documentation))
    (when method-class
      (setf (generic-field generic method-class) (if (symbolp method-class) (find-class method-class) method-class)))
    (when method-combination (setf (generic-field generic combination) method-combination))
    (%forget-effective generic)
    generic))

(defun %change-lambda-list (generic lambda-list precedence-order)
  (let ((old (generic-field generic lambda-list)))
    (%set-generic-lambda-list generic lambda-list precedence-order)
    (dolist (method (generic-field generic methods))
      (unwind-protect (%check-congruence generic (method-field method lambda-list))
        (setf (generic-field generic lambda-list) old))
      (setf (generic-field generic lambda-list) lambda-list))))

;;; -- Specializers --

(defvar *eql-specializers* (make-hash-table :test 'eql :weakness :value)
  "From objects to their EQL specializers, which live as long as methods that have them.")

(defun %intern-eql (object)
  "The EQL specializer of OBJECT."
  (or (gethash object *eql-specializers*)
      (setf (gethash object *eql-specializers*) (%make-instance-raw (%layout-of-class 'eql-specializer) (vector object nil)))))

(defun %eql-specializer-p (specializer)
  (eq (class-of specializer) (%named-class 'eql-specializer)))

(defun %specializer (designator)
  "The specializer that a class name, a class or an EQL specializer stands for."
  (cond ((symbolp designator) (find-class designator))
        ((and (consp designator) (eq (car designator) 'eql) (consp (cdr designator)) (null (cddr designator))) (%intern-eql (cadr designator)))
        ((or (%eql-specializer-p designator) (%classp designator)) designator)
        (t (error "~S is not a specializer." designator))))

(defun %specializer-name (specializer)
  (if (%eql-specializer-p specializer) (list 'eql (eql-field specializer object)) (class-field specializer name)))

;;; -- Applicable methods --

(defun %specializes-p (specializer class)
  "Whether the specializer accepts some instances of CLASS."
  (if (%eql-specializer-p specializer)
      (eq (class-of (eql-field specializer object)) class)
      (or (eq specializer *class-t*) (%memq specializer (class-field class precedence-list)))))

(defun %method-applies-p (method classes)
  (do ((specializers (method-field method specializers) (cdr specializers)) (classes classes (cdr classes)))
      ((or (null specializers) (null classes)) t)
    (unless (%specializes-p (car specializers) (car classes)) (return nil))))

(defun %specializer-before-p (a b class)
  (cond ((%eql-specializer-p a) t)
        ((%eql-specializer-p b) nil)
        (t (%memq b (cdr (%memq a (class-field class precedence-list)))))))

(defun %method-before-p (a b classes order)
  "Whether method A is more specific than B for arguments of these classes."
  (let ((as (method-field a specializers)) (bs (method-field b specializers)))
    (if order
        (dolist (i order nil)
          (when (and (nth i classes) (not (eq (nth i as) (nth i bs))))
            (return (%specializer-before-p (nth i as) (nth i bs) (nth i classes)))))
        (do ((as as (cdr as)) (bs bs (cdr bs)) (classes classes (cdr classes)))
            ((or (null as) (null classes)) nil)
          (unless (eq (car as) (car bs)) (return (%specializer-before-p (car as) (car bs) (car classes))))))))

(defun %insert-method (method sorted classes order)
  (if (or (null sorted) (%method-before-p method (car sorted) classes order))
      (cons method sorted)
      (cons (car sorted) (%insert-method method (cdr sorted) classes order))))

(defun %applicable-methods (generic classes)
  "The methods that apply to (some) instances of CLASSES, most specific first; missing classes stand for anything."
  (let ((sorted '()) (order (generic-field generic precedence-order)))
    (dolist (method (generic-field generic methods) sorted)
      (when (%method-applies-p method classes)
        (setq sorted (%insert-method method sorted classes order))))))

(defun %accepts-p (specializers args)
  "Whether the EQL specializers among SPECIALIZERS accept the arguments."
  (do ((specializers specializers (cdr specializers)) (args args (cdr args)))
      ((or (null specializers) (null args)) t)
    (when (and (%eql-specializer-p (car specializers)) (not (eql (eql-field (car specializers) object) (car args)))) (return nil))))

(defun %methods-for-arguments (methods args)
  (let ((result '()))
    (dolist (method methods (nreverse result))
      (when (%accepts-p (method-field method specializers) args) (push method result)))))

(defun %required-arguments (generic args)
  (let ((count (generic-field generic required)))
    (when (< (length args) count)
      (error 'simple-program-error :format-control "The generic function ~S takes at least ~D argument~:P, and got ~D."
                                   :format-arguments (list (generic-field generic name) count (length args))))
    (subseq args 0 count)))

(defun %methods-of-call (generic args)
  "The methods that apply to the arguments, most specific first."
  (%methods-for-arguments (%applicable-methods generic (mapcar #'class-of (%required-arguments generic args))) args))

;;; -- Effective functions --

(defun %single-method-function (method)
  "The function of a method that has no next method."
  (%method-chain (list method) nil))

(defun %method-chain (methods last)
  "The function that calls the first of METHODS, whose next methods are the others and then the function LAST, if it is not NIL."
  (let ((method (car methods)))
    (if (eq (method-field method kind) 'plain)
        (method-field method function)
        (let ((next (cond ((cdr methods) (%method-chain (cdr methods) last)) (t last))))
          (funcall (method-field method function)
                   (or next #'(lambda (&rest args) (apply #'no-next-method (method-field method generic-function) method args)))
                   (and next t))))))

(defun %before-function (before main arity)
  "Calls BEFORE and then MAIN with the same arguments."
  (case arity
    (1 #'(lambda (a) (funcall before a) (funcall main a)))
    (2 #'(lambda (a b) (funcall before a b) (funcall main a b)))
    (3 #'(lambda (a b c) (funcall before a b c) (funcall main a b c)))
    (t #'(lambda (&rest args) (apply before args) (apply main args)))))

(defun %after-function (after main arity)
  "Calls MAIN and then AFTER with the same arguments, for the values of MAIN."
  (case arity
    (1 #'(lambda (a) (multiple-value-prog1 (funcall main a) (funcall after a))))
    (2 #'(lambda (a b) (multiple-value-prog1 (funcall main a b) (funcall after a b))))
    (3 #'(lambda (a b c) (multiple-value-prog1 (funcall main a b c) (funcall after a b c))))
    (t #'(lambda (&rest args) (multiple-value-prog1 (apply main args) (apply after args))))))

(defun %invalid-method-function (generic method)
  #'(lambda (&rest args)
      (declare (ignore args))
      (error "The method ~A on ~S has qualifiers that its method combination does not know." (prin1-to-string method) (generic-field generic name))))

(defun %no-primary-function (generic)
  #'(lambda (&rest args)
      (error "There is no primary method on ~S for the arguments ~S." (generic-field generic name) args)))

(defun %standard-effective (generic methods)
  "Standard method combination: CLHS 7.6.6.2."
  (let ((around '()) (before '()) (primary '()) (after '()) (arity (generic-field generic arity)))
    (dolist (method methods)
      (let ((qualifiers (method-field method qualifiers)))
        (cond ((null qualifiers) (push method primary))
              ((cdr qualifiers) (return-from %standard-effective (%invalid-method-function generic method)))
              (t (case (car qualifiers)
                   (:before (push method before))
                   (:after (push method after))
                   (:around (push method around))
                   (t (return-from %standard-effective (%invalid-method-function generic method))))))))
    (if (null primary)
        (%no-primary-function generic)
        (let ((main (%method-chain (nreverse primary) nil)))
          (dolist (method before) (setq main (%before-function (%single-method-function method) main arity)))
          (dolist (method after) (setq main (%after-function (%single-method-function method) main arity)))
          (if around (%method-chain (nreverse around) main) main)))))

(defun %check-keywords (generic args start keys)
  (when (oddp (length (nthcdr start args)))
    (error 'simple-program-error :format-control "~S was called with an odd number of keyword arguments: ~S"
                                 :format-arguments (list (generic-field generic name) args)))
  (unless (getf (nthcdr start args) :allow-other-keys)
    (do ((tail (nthcdr start args) (cddr tail)))
        ((null tail))
      (unless (or (%memq (car tail) keys) (eq (car tail) :allow-other-keys))
        (error 'simple-program-error :format-control "~S is not a keyword that ~S takes for these arguments: ~S"
                                     :format-arguments (list (car tail) (generic-field generic name) keys))))))

(defun %keyword-checking-function (generic methods function)
  "FUNCTION, after a check of the keywords if they are limited."
  (let ((keys (car (generic-field generic keys))))
    (dolist (method methods)
      (let ((own (method-field method keys)))
        (if (%memq own '(t :rest)) (return-from %keyword-checking-function function) (setq keys (append own keys)))))
    (let ((start (multiple-value-bind (required tail optional) (%lambda-list-parts (generic-field generic lambda-list))
                   (declare (ignore tail))
                   (+ (length required) optional))))
      #'(lambda (&rest args)
          (%check-keywords generic args start keys)
          (apply function args)))))

(defun %make-effective (generic methods)
  (let ((function (if (eq (generic-field generic combination) *standard-combination*)
                      (%standard-effective generic methods)
                      (%combined-effective generic methods))))
    (if (generic-field generic keys) (%keyword-checking-function generic methods function) function)))

(defun %effective-function (generic methods)
  "The effective function of a list of methods, made once for each list."
  (dolist (entry (generic-field generic effective))
    (when (equal (car entry) methods) (return-from %effective-function (cdr entry))))
  (let ((function (%make-effective generic methods)))
    (push (cons methods function) (generic-field generic effective))
    function))

(defun %accessor-effective (generic methods classes)
  "A slot access, if the one method is an accessor and the slot is in the instance."
  (let ((method (car methods)))
    (when (and (null (cdr methods)) (eq (generic-field generic combination) *standard-combination*))
      (let* ((writes (eq (class-of method) (%named-class 'standard-writer-method)))
             (class (if writes (cadr classes) (car classes))))
        (when (and class (or writes (eq (class-of method) (%named-class 'standard-reader-method)))
                   (not (eq (class-of class) (%named-class 'structure-class))))
          (let ((slot (%class-slot class (method-field method slot))))
            (when (and slot (integerp (slot-field slot location)))
              (%slot-access (slot-field slot location) writes))))))))

(defun %eql-dispatcher (generic methods)
  "The effective function where EQL specializers have a say: chooses among METHODS by the arguments."
  (let ((known '()))
    #'(lambda (&rest args)
        (let ((key '()))
          (dolist (method methods) (when (%accepts-p (method-field method specializers) args) (push method key)))
          (let ((entry (assoc key known :test #'equal)))
            (unless entry
              (setq entry (cons key (if key
                                        (%effective-function generic (reverse key))
                                        #'(lambda (&rest args) (apply #'no-applicable-method generic args)))))
              (push entry known))
            (apply (cdr entry) args))))))

(defun %eql-position (methods)
  "The index of the one argument on which METHODS have EQL specializers; NIL if there are several such arguments."
  (let ((found nil))
    (dolist (method methods found)
      (let ((i 0))
        (dolist (specializer (method-field method specializers))
          (when (%eql-specializer-p specializer)
            (if (and found (/= found i)) (return-from %eql-position nil) (setq found i)))
          (incf i))))))

(defun %eql-table (generic methods position)
  "A table from the objects of EQL specializers to effective functions, and the effective function for other objects."
  (let ((table (make-hash-table :test 'eql)) (args (make-list (1+ position))))
    (dolist (method methods)
      (let ((specializer (nth position (method-field method specializers))))
        (when (and (%eql-specializer-p specializer) (not (gethash (eql-field specializer object) table)))
          (setf (nth position args) (eql-field specializer object)
                (gethash (eql-field specializer object) table)
                (%effective-function generic (%methods-for-arguments methods args))))))
    (setf (nth position args) (%unbound))
    (let ((others (%methods-for-arguments methods args)))
      (values table
              (if others
                  (%effective-function generic others)
                  #'(lambda (&rest args) (apply #'no-applicable-method generic args)))))))

(defun %eql-effective (generic methods)
  (let ((position (%eql-position methods)) (arity (generic-field generic arity)))
    (if (null position)
        (%eql-dispatcher generic methods)
        (multiple-value-bind (table others) (%eql-table generic methods position)
          (flet ((choose (object) (gethash object table others)))
            (cond ((eql arity 1) #'(lambda (a) (funcall (choose a) a)))
                  ((and (eql arity 2) (= position 0)) #'(lambda (a b) (funcall (choose a) a b)))
                  ((and (eql arity 2) (= position 1)) #'(lambda (a b) (funcall (choose b) a b)))
                  (t #'(lambda (&rest args) (apply (choose (nth position args)) args)))))))))

(defun %effective-entry (generic classes)
  "What the cache holds for arguments of these classes; NIL if no method applies."
  (let ((methods (%applicable-methods generic classes)))
    (cond ((null methods) nil)
          ((some #'(lambda (method) (some #'%eql-specializer-p (method-field method specializers))) methods)
           (%eql-effective generic methods))
          (t (or (%accessor-effective generic methods classes) (%effective-function generic methods))))))

;;; -- The cache --

(defun %specialized-count (generic)
  "Number of leading arguments at which some method looks."
  (let ((most 0))
    (dolist (method (generic-field generic methods) most)
      (let ((i 0))
        (dolist (specializer (method-field method specializers))
          (incf i)
          (unless (eq specializer *class-t*) (when (> i most) (setq most i))))))))

(defun %forget-effective (generic)
  "Empties the cache: methods or the combination changed."
  (setf (generic-field generic effective) '())
  (let ((count (%specialized-count generic)))
    (cond ((<= count +most-keys+)
           (%set-funcallable-cache generic (vector count))
           (%set-funcallable-discriminator generic nil))
          (t (%set-funcallable-cache generic (vector 0))
             (%set-funcallable-discriminator generic (%uncached-discriminator generic))))))

(defun %uncached-discriminator (generic)
  #'(lambda (&rest args)
      (let ((methods (%methods-of-call generic args)))
        (if methods
            (apply (%effective-function generic methods) args)
            (apply #'no-applicable-method generic args)))))

(defun %leading-classes (args count)
  (let ((classes '()))
    (dotimes (i count (nreverse classes))
      (push (class-of (pop args)) classes))))

(defun %cache-end (cache)
  "Where the entries of CACHE end; behind them a full collection has put NIL."
  (let ((end (length cache)))
    (loop
      (if (and (> end 1) (null (svref cache (1- end)))) (decf end) (return end)))))

(defun %enter-effective (generic args count effective)
  "A new cache with one more entry; the newest comes first."
  (let ((cache (%funcallable-cache generic)) (keys '()))
    (dotimes (i count) (push (%class-key (nth i args)) keys))
    (when (and (every #'%layoutp keys) (= (svref cache 0) count))
      (let* ((end (%cache-end cache)) (old (if (> end (* +most-entries+ (1+ count))) 1 end))
             (new (make-array (+ old count 1))))
        (setf (svref new 0) count)
        (replace new (nreverse keys) :start1 1)
        (setf (svref new (1+ count)) effective)
        (replace new cache :start1 (+ count 2) :start2 1 :end2 old)
        (%set-funcallable-cache generic new)
        t))))

(defun %dispatch-miss (generic args)
  "Called in the place of a call for whose arguments the cache has no entry."
  (%required-arguments generic args)
  (let* ((count (svref (%funcallable-cache generic) 0))
         (effective (%effective-entry generic (%leading-classes args count))))
    (cond ((null effective) (apply #'no-applicable-method generic args))
          ((functionp effective)
           (%enter-effective generic args count effective)
           (apply effective args))
          ((%enter-effective generic args count effective) (apply generic args))
          (t (apply (%effective-function generic (%methods-of-call generic args)) args)))))

;;; -- Adding and removing methods --

(defvar *initialization-generics* '() "The generic functions whose methods decide what initargs are valid.")

(defun %note-method-change (generic)
  (%forget-effective generic)
  (when (%memq generic *initialization-generics*)
    (%reset-constructors)
    (%forget-initargs *class-t*)))

(defun %forget-initargs (class)
  (setf (class-field class initargs) nil)
  (dolist (sub (%direct-subclasses class)) (%forget-initargs sub)))

(defun %same-method (generic qualifiers specializers)
  (dolist (method (generic-field generic methods) nil)
    (when (and (equal (method-field method qualifiers) qualifiers) (equal (method-field method specializers) specializers))
      (return method))))

(defun %add-method (generic method)
  "ADD-METHOD's default."
  (let ((other (method-field method generic-function)))
    (when (and other (not (eq other generic)))
      (error "The method ~S belongs to another generic function, ~S." method other)))
  (%check-congruence generic (method-field method lambda-list))
  (let ((old (%same-method generic (method-field method qualifiers) (method-field method specializers))))
    (when old (%remove-method generic old)))
  (setf (method-field method generic-function) generic)
  (push method (generic-field generic methods))
  (dolist (specializer (method-field method specializers)) (%link-method specializer method))
  (%note-method-change generic)
  (if (and *swap-policy* (functionp (method-field method function)))
      (%definition-stored (list 'method (generic-field generic name) (mapcar #'%specializer-name (method-field method specializers))) (method-field method function) nil))
  generic)

(defun %remove-method (generic method)
  "REMOVE-METHOD's default."
  (when (eq (method-field method generic-function) generic)
    (setf (generic-field generic methods) (remove method (generic-field generic methods) :test #'eq)
          (method-field method generic-function) nil)
    (dolist (specializer (method-field method specializers)) (%unlink-method specializer method))
    (%note-method-change generic))
  generic)

(defun %find-method (generic qualifiers specializers errorp)
  "FIND-METHOD's default."
  (let ((specializers (mapcar #'%specializer specializers)) (required (generic-field generic required)))
    (unless (= (length specializers) required)
      (error "~S takes ~D required argument~:P, but ~D specializer~:P ~:*~[are~;is~:;are~] given."
             (generic-field generic name) required (length specializers)))
    (or (%same-method generic qualifiers specializers)
        (if errorp
            (error "There is no method on ~S with the qualifiers ~S and the specializers ~S."
                   (generic-field generic name) qualifiers (mapcar #'%specializer-name specializers))
            nil))))

(defun %make-method (class qualifiers specializers lambda-list function kind documentation &optional slot)
  (let* ((layout (class-field class layout)) (method (%make-instance-raw layout (%fresh-fields layout *method-fields*))))
    (setf (method-field method qualifiers) qualifiers
          (method-field method specializers) specializers
          (method-field method lambda-list) lambda-list
          (method-field method function) function
          (method-field method kind) kind
          (method-field method documentation) documentation
          (method-field method slot) slot)
    (multiple-value-bind (required tail optional rest key keys) (%lambda-list-parts lambda-list)
      (declare (ignore required tail optional))
      (setf (method-field method keys) (cond (key keys) (rest :rest) (t nil))))
    (%initialize-further-slots method '())))

(defun %generic-lambda-list (lambda-list)
  "The lambda list of a generic function that is made for a method with this one."
  (multiple-value-bind (required tail optional rest key) (%lambda-list-parts lambda-list)
    (declare (ignore tail))
    (append required
            (when (> optional 0) (list* '&optional (%parameter-names optional)))
            (cond (key (list '&key)) (rest (list '&rest 'rest))))))

(defun %parameter-names (count)
  (let ((names '()))
    (dotimes (i count names) (push (make-symbol "OPTIONAL") names))))

(defun %defmethod (name qualifiers specializers lambda-list function kind documentation)
  "What DEFMETHOD does."
  (let* ((specializers (mapcar #'%specializer specializers))
         (generic (or (%named-generic name) (ensure-generic-function name :lambda-list (%generic-lambda-list lambda-list))))
         (class (generic-field generic method-class))
         (method (%make-method (%ensure-finalized class) qualifiers specializers lambda-list function kind documentation)))
    (%call-add-method generic method)
    method))

(defun %call-add-method (generic method) (%add-method generic method))

(defun %add-accessor (name class slot-name writes documentation)
  "Makes a reader or writer method for a slot of CLASS."
  (let* ((lambda-list (if writes '(value object) '(object)))
         (generic (or (%named-generic name) (ensure-generic-function name :lambda-list lambda-list)))
         (function (if writes
                       #'(lambda (value object) (%set-slot-value object slot-name value))
                       #'(lambda (object) (slot-value object slot-name)))))
    (%add-method generic
                 (%make-method (%named-class (if writes 'standard-writer-method 'standard-reader-method))
                               '() (if writes (list *class-t* class) (list class)) lambda-list function 'plain documentation slot-name))))

(defun %remove-accessor (name class writes)
  "Removes the accessor method of a slot that CLASS no longer has."
  (let ((generic (and (fboundp name) (fdefinition name))))
    (when (%generic-function-p generic)
      (let ((method (%same-method generic '() (if writes (list *class-t* class) (list class)))))
        (when (and method (method-field method slot)) (%remove-method generic method))))))
