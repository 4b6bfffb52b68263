;;; setf.lisp: generalized references (CLHS chapter 5.1).
;;;
;;; What SETF does with a place (f arg...) is kept in the INFO of f under %SETF-EXPANDER:
;;;
;;;     a symbol u             (setf (f arg...) v) is (u arg... v); u returns v.  Short DEFSETF, and nearly all places of the system.
;;;     (:update n u)          the same with exactly n arguments; further ones are evaluated and dropped (GET, GETHASH).
;;;     (:alias template)      the place is the template with the argument in the place of X: (cadr l) is (car (cdr l)).
;;;     a function             of the place and an environment, which returns the five values of GET-SETF-EXPANSION.
;;;
;;; A reader of a structure is known by %STRUCTURE-ACCESSOR; what is stored in a slot with a type is checked.  Otherwise a macro is expanded, and what remains is a call of the function (SETF f).
;;;
;;; Expansions are made for speed of the compiler as well as of the code.  A place is *plain* when its arguments are constants and variables, and
;;; it is no function's affair: then it may be evaluated twice, and (INCF (CAR X)) is (%RPLACA X (+ (CAR X) 1)) without temporaries.  An
;;; operand may be moved over such a place only when it is a constant or a variable itself, since any other form might assign to those variables.

(in-package "SYS")

;;; -- Forms --

(defun %constant-form-p (form)
  "Whether the form is seen at once to be a constant."
  (cond ((consp form) (or (eq (car form) 'quote) (eq (car form) 'function)))
        ((symbolp form) (%symbol-flag-p form 1))
        (t t)))

(defun %symbol-macro-p (symbol env)
  (nth-value 1 (%symbol-macro-expansion symbol env)))

(defun %plain-form-p (form env)
  "Whether the form is a constant or a variable."
  (or (%constant-form-p form)
      (and (symbolp form) (not (%symbol-macro-p form env)))))

(defun %plain-forms-p (forms env)
  (dolist (form forms t)
    (if (%plain-form-p form env) nil (return nil))))

(defun %place-expander (name env)
  "What INFO says of the place operator: NIL if it is not known, or if the name is that of a local function."
  (cond ((not (symbolp name)) (%form-error "~S is not the operator of a place." name))
        ((and env (%local-function-p name env)) nil)
        ((%info name '%setf-expander))
        (t (let ((accessor (%info name '%structure-accessor)))
             (if (and accessor (not (cadddr accessor))) (list :structure (caddr accessor)) nil)))))

(defun %replace-x (template form)
  (cond ((eq template 'x) form)
        ((consp template) (cons (%replace-x (car template) form) (%replace-x (cdr template) form)))
        (t template)))

(defun %place-alias (place expander)
  (if (or (not (consp (cdr place))) (cddr place)) (%form-error "The place ~S must have one argument." place))
  (%replace-x (cadr expander) (cadr place)))

(defun %temporaries (forms)
  "Variables for the forms that are not constant and those forms; and what stands for all the forms."
  (let ((variables nil) (values nil) (arguments nil))
    (dolist (form forms)
      (if (%constant-form-p form)
          (setq arguments (cons form arguments))
          (let ((variable (make-symbol "ARGUMENT")))
            (setq variables (cons variable variables)
                  values (cons form values)
                  arguments (cons variable arguments)))))
    (values (%nreverse-list variables) (%nreverse-list values) (%nreverse-list arguments))))

(defun %bindings (variables values)
  (let ((bindings nil))
    (dolist (variable variables (%nreverse-list bindings))
      (setq bindings (cons (list variable (car values)) bindings)
            values (cdr values)))))

(defun %let* (bindings body)
  (if bindings (list 'let* bindings body) body))

(defun %take (n list)
  (if (and (consp list) (> n 0)) (cons (car list) (%take (- n 1) (cdr list))) nil))

(defun %write-form (expander place arguments value)
  "The form that stores, when the expander is a symbol or of the kinds :UPDATE and :STRUCTURE, or NIL."
  (cond ((not expander) `(funcall #'(setf ,(car place)) ,value ,@arguments))
        ((symbolp expander) (cons expander (append arguments (list value))))
        ((eq (car expander) :structure)
         `(%structure-setf ',(car place) ,@arguments
                           ,(if (eq (cadr expander) t) value `(%check-value ,value ,(cadr expander)))))
        (t (cons (caddr expander) (append (%take (cadr expander) arguments) (list value))))))

(defmacro %check-value (form type)
  "The value of the form; TYPE-ERROR if it is not of the type, which is not evaluated."
  (let ((value (make-symbol "VALUE")))
    `(let ((,value ,form))
       (if ,(%type-test value type) nil (%case-failure ,value ',type))
       ,value)))

;;; -- GET-SETF-EXPANSION --

(defun %expand-place (place env)
  "The place after symbol macros, aliases and macros, and its expander."
  (tagbody
   next
     (if (symbolp place)
         (multiple-value-bind (expansion found) (%symbol-macro-expansion place env)
           (if found (progn (setq place expansion) (go next)) (return-from %expand-place (values place nil)))))
     (if (not (consp place)) (%form-error "~S is not a place." place))
     (let ((expander (%place-expander (car place) env)))
       (cond ((and (consp expander) (eq (car expander) :alias))
              (setq place (%place-alias place expander))
              (go next))
             (expander (return-from %expand-place (values place expander)))
             ((%macro-function (car place) env)
              (setq place (funcall (%macro-function (car place) env) place env))
              (go next))
             (t (return-from %expand-place (values place nil)))))))

(defun get-setf-expansion (place &optional env)
  "Five values: temporary variables, their values, store variables, and the forms that write and read the place (CLHS 5.1.1.2)."
  (multiple-value-bind (place expander) (%expand-place place env)
    (cond ((symbolp place)
           (let ((store (make-symbol "NEW")))
             (values nil nil (list store) (list 'setq place store) place)))
          ((functionp expander) (funcall expander place env))
          (t (multiple-value-bind (variables values arguments) (%temporaries (cdr place))
               (let ((store (make-symbol "NEW")))
                 (values variables values (list store) (%write-form expander place arguments store)
                         (cons (car place) arguments))))))))

;;; -- SETF --

(defun %bind-stores (stores value body)
  (if (and stores (not (cdr stores)))
      `(let ((,(car stores) ,value)) ,body)
      `(multiple-value-bind ,stores ,value ,body)))

(defun %setf-form (place value env)
  "The form for (SETF PLACE VALUE)."
  (if (symbolp place) (return-from %setf-form (list 'setq place value)))
  (multiple-value-bind (place expander) (%expand-place place env)
    (cond ((symbolp place) (list 'setq place value))
          ((functionp expander)
           (multiple-value-bind (variables values stores writer) (funcall expander place env)
             (%let* (%bindings variables values) (%bind-stores stores value writer))))
          ((or (and expander (symbolp expander))
               (and (consp expander) (or (eq (car expander) :structure) (= (cadr expander) (length (cdr place)))))
               (and (%plain-form-p value env) (%plain-forms-p (cdr place) env)))
           (%write-form expander place (cdr place) value))
          (t (multiple-value-bind (variables values arguments) (%temporaries (cdr place))
               (let ((store (make-symbol "NEW")))
                 (%let* (append (%bindings variables values) (list (list store value)))
                        (%write-form expander place arguments store))))))))

(defmacro setf (&rest pairs &environment env)
  (let ((forms nil))
    (do ((tail pairs (cddr tail)))
        ((not tail))
      (if (not (consp (cdr tail))) (%form-error "SETF has an odd number of arguments: ~S" pairs))
      (setq forms (cons (%setf-form (car tail) (cadr tail) env) forms)))
    (%progn (%nreverse-list forms))))

(defmacro psetf (&rest pairs &environment env)
  (labels ((expand (tail)
             (cond ((not tail) nil)
                   ((not (consp (cdr tail))) (%form-error "PSETF has an odd number of arguments: ~S" pairs))
                   (t (multiple-value-bind (variables values stores writer) (get-setf-expansion (car tail) env)
                        (%let* (%bindings variables values)
                               (%bind-stores stores (cadr tail)
                                             (if (cddr tail) `(progn ,(expand (cddr tail)) ,writer nil) `(progn ,writer nil)))))))))
    (expand pairs)))

(defun %bind-in-order (stores readers body)
  "Binds each list of store variables to the value of the reader at the same place, the first outermost."
  (do ((s (%reverse-list stores) (cdr s))
       (r (%reverse-list readers) (cdr r)))
      ((not s) body)
    (setq body (%bind-stores (car s) (car r) body))))

(defun %expand-places (places env)
  "Of several places: the bindings of all, the lists of store variables, the writers and the readers."
  (let ((bindings nil) (stores nil) (writers nil) (readers nil))
    (dolist (place places)
      (multiple-value-bind (variables values store writer reader) (get-setf-expansion place env)
        (setq bindings (append bindings (%bindings variables values))
              stores (cons store stores)
              writers (cons writer writers)
              readers (cons reader readers))))
    (values bindings (%nreverse-list stores) (%nreverse-list writers) (%nreverse-list readers))))

(defmacro shiftf (&rest places-and-value &environment env)
  "Each place gets the value of the next; the first one's old value is returned."
  (if (not (cdr places-and-value)) (%form-error "SHIFTF needs a place and a value."))
  (multiple-value-bind (bindings stores writers readers) (%expand-places (butlast places-and-value) env)
    (let ((old (%mapcar (lambda (store) (declare (ignore store)) (make-symbol "OLD")) (car stores))))
      (%let* bindings
             (%bind-stores old (car readers)
                           (%bind-in-order stores (append (cdr readers) (last places-and-value))
                                           `(progn ,@writers ,(if (and old (not (cdr old))) (car old) `(values ,@old)))))))))

(defmacro rotatef (&rest places &environment env)
  "Each place gets the value of the next, the last one that of the first; returns NIL."
  (multiple-value-bind (bindings stores writers readers) (%expand-places places env)
    (%let* bindings
           (%bind-in-order (append (last stores) (butlast stores)) readers `(progn ,@writers nil)))))

;;; -- Read, compute, write --

(defun %plain-place-p (place env)
  "Whether the place may be evaluated twice: it is a variable, or its operator is known and its arguments are constants and variables."
  (if (symbolp place)
      (not (%symbol-macro-p place env))
      (and (consp place)
           (let ((expander (%place-expander (car place) env)))
             (and expander (not (functionp expander))))
           (%plain-forms-p (cdr place) env))))

(defun %modify (place env function operands)
  "The form that sets PLACE to the value of (FUNCTION place . OPERANDS)."
  (if (and (%plain-place-p place env) (%plain-forms-p operands env))
      (%setf-form place (list* function place operands) env)
      (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
        (multiple-value-bind (more-variables more-values arguments) (%temporaries operands)
          (%let* (append (%bindings variables values) (%bindings more-variables more-values))
                 (%bind-stores stores (list* function reader arguments) writer))))))

(defmacro incf (place &optional (delta 1) &environment env) (%modify place env '+ (list delta)))
(defmacro decf (place &optional (delta 1) &environment env) (%modify place env '- (list delta)))

(defun %with-item (item env function)
  "The form that FUNCTION makes of a constant or variable that stands for ITEM."
  (if (%plain-form-p item env)
      (funcall function item)
      (let ((variable (make-symbol "ITEM")))
        `(let ((,variable ,item)) ,(funcall function variable)))))

(defmacro push (item place &environment env)
  (cond ((and (symbolp place) (not (%symbol-macro-p place env))) `(setq ,place (cons ,item ,place)))
        ((%plain-place-p place env)
         (%with-item item env (lambda (item) (%setf-form place `(cons ,item ,place) env))))
        (t (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
             (%with-item item env
                         (lambda (item)
                           (%let* (%bindings variables values)
                                  (%bind-stores stores `(cons ,item ,reader) writer))))))))

(defmacro pushnew (item place &rest keys &environment env)
  (if (and (%plain-place-p place env) (%plain-forms-p keys env))
      (%with-item item env (lambda (item) (%setf-form place `(adjoin ,item ,place ,@keys) env)))
      (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
        (multiple-value-bind (more-variables more-values arguments) (%temporaries keys)
          (%with-item item env
                      (lambda (item)
                        (%let* (append (%bindings variables values) (%bindings more-variables more-values))
                               (%bind-stores stores `(adjoin ,item ,reader ,@arguments) writer))))))))

(defmacro pop (place &environment env)
  (cond ((and (symbolp place) (not (%symbol-macro-p place env))) `(prog1 (car ,place) (setq ,place (cdr ,place))))
        (t (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
             (let ((list (make-symbol "LIST")))
               (%let* (append (%bindings variables values) (list (list list reader)))
                      `(prog1 (car ,list) ,(%bind-stores stores `(cdr ,list) writer))))))))

(defmacro remf (place indicator &environment env)
  (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
    (with-gensyms (key list found)
      (%let* (append (%bindings variables values) (list (list key indicator)))
             `(multiple-value-bind (,list ,found) (%remf ,reader ,key)
                (if ,found (progn ,(%bind-stores stores list writer) t) nil))))))

(defmacro define-modify-macro (name lambda-list function &optional doc)
  (let ((operands nil) (rest nil) (mode nil))
    (do ((tail lambda-list (cdr tail)))
        ((not tail))
      (let ((item (car tail)))
        (cond ((eq item '&optional) (setq mode item))
              ((eq item '&rest) (setq rest (cadr tail) tail (cdr tail)))
              (t (setq operands (cons (if (consp item) (car item) item) operands))))))
    (with-gensyms (place env)
      `(defmacro ,name (,place ,@lambda-list &environment ,env)
         ,@(if doc (list doc))
         (%modify ,place ,env ',function (list* ,@(%nreverse-list operands) ,rest))))))

;;; -- Defining places --

(defun %set-setf-expander (name expander)
  (%set-info (%note-definition 'setf name) '%setf-expander expander)
  name)

(defun %expand-long-defsetf (place env store-count function)
  (multiple-value-bind (variables values arguments) (%temporaries (cdr place))
    (let ((stores nil))
      (dotimes (i store-count) (setq stores (cons (make-symbol "NEW") stores)))
      (values variables values stores (funcall function arguments env stores) (cons (car place) arguments)))))

(defun %long-defsetf (name lambda-list stores body)
  (with-gensyms (place env arguments environment store-list)
    (multiple-value-bind (env-variable lambda-list) (%extract-parameter '&environment lambda-list)
      (multiple-value-bind (forms declarations doc) (%parse-body body t)
        `(progn
           (%set-setf-expander
            ',name
            (function
             (lambda (,place ,env)
               (%expand-long-defsetf
                ,place ,env ,(length stores)
                (lambda (,arguments ,environment ,store-list)
                  (declare (ignorable ,environment))
                  (let* (,@(if env-variable (list (list env-variable environment)))
                         ,@(%mapcar (lambda (store) `(,store (prog1 (car ,store-list) (setq ,store-list (cdr ,store-list))))) stores)
                         ,@(%nreverse-list (%destructure lambda-list arguments (list "the place" name) nil nil)))
                    ,@declarations
                    (block ,name ,@forms)))))))
           ,@(if doc `((%note-documentation ',name 'setf ,(car doc))))
           ',name)))))

(defmacro defsetf (name &rest rest)
  "Short form: (DEFSETF reader writer [doc]); long form: (DEFSETF reader lambda-list (store...) . body)."
  (if (and (consp rest) (symbolp (car rest)) (car rest))
      `(eval-when (:compile-toplevel :load-toplevel :execute)
         ,@(if (cdr rest) `((%note-documentation ',name 'setf ,(cadr rest))))
         (%set-setf-expander ',name ',(car rest)))
      `(eval-when (:compile-toplevel :load-toplevel :execute)
         ,(%long-defsetf name (car rest) (cadr rest) (cddr rest)))))

(defmacro define-setf-expander (name lambda-list &body body)
  `(eval-when (:compile-toplevel :load-toplevel :execute)
     (%set-setf-expander ',name #',(%parse-macro name lambda-list body 'setf))))

;;; -- The system's places --

(defun %define-places (places)
  "PLACES: name, expander, name, expander..."
  (do ((tail places (cddr tail)))
      ((not tail))
    (%set-setf-expander (car tail) (cadr tail))))

(%define-places
 '(car %rplaca cdr %rplacd rest %rplacd first %rplaca
   caar (:alias (car (car x))) cadr (:alias (car (cdr x))) cdar (:alias (cdr (car x))) cddr (:alias (cdr (cdr x)))
   caaar (:alias (car (caar x))) caadr (:alias (car (cadr x))) cadar (:alias (car (cdar x))) caddr (:alias (car (cddr x)))
   cdaar (:alias (cdr (caar x))) cdadr (:alias (cdr (cadr x))) cddar (:alias (cdr (cdar x))) cdddr (:alias (cdr (cddr x)))
   caaaar (:alias (car (caaar x))) caaadr (:alias (car (caadr x))) caadar (:alias (car (cadar x))) caaddr (:alias (car (caddr x)))
   cadaar (:alias (car (cdaar x))) cadadr (:alias (car (cdadr x))) caddar (:alias (car (cddar x))) cadddr (:alias (car (cdddr x)))
   cdaaar (:alias (cdr (caaar x))) cdaadr (:alias (cdr (caadr x))) cdadar (:alias (cdr (cadar x))) cdaddr (:alias (cdr (caddr x)))
   cddaar (:alias (cdr (cdaar x))) cddadr (:alias (cdr (cdadr x))) cdddar (:alias (cdr (cddar x))) cddddr (:alias (cdr (cdddr x)))
   second (:alias (car (cdr x))) third (:alias (car (cddr x))) fourth (:alias (car (cdddr x))) fifth (:alias (car (cddddr x)))
   sixth (:alias (nth 5 x)) seventh (:alias (nth 6 x)) eighth (:alias (nth 7 x)) ninth (:alias (nth 8 x)) tenth (:alias (nth 9 x))
   nth %setnth svref %svset aref %aset row-major-aref %row-major-set char %char-set schar %schar-set bit %bit-set sbit %bit-set
   fill-pointer %set-fill-pointer elt %setelt symbol-value set symbol-plist %set-symbol-plist symbol-function %set-symbol-function
   fdefinition %set-function get (:update 2 %put) gethash (:update 2 %puthash) macro-function (:update 1 %set-macro-function)
   compiler-macro-function (:update 1 %set-compiler-macro-function)))

(defun %set-symbol-function (symbol function)
  (if (symbolp symbol) (%set-function symbol function) (error 'type-error :datum symbol :expected-type 'symbol)))

(defun %set-macro-function (symbol function)
  (%set-macro symbol function))

(defun %set-compiler-macro-function (name function)
  (if function
      (%set-info (%function-cell name) '%compiler-macro function)
      (%remove-info (%function-cell name) '%compiler-macro))
  function)

(define-setf-expander values (&rest places &environment env)
  (let ((variables nil) (values nil) (stores nil) (writers nil) (readers nil))
    (dolist (place places)
      (multiple-value-bind (place-variables place-values place-stores writer reader) (get-setf-expansion place env)
        ;; A place with several stores takes one value; its other stores are NIL.
        (setq variables (append variables place-variables (cdr place-stores))
              values (append values place-values (%mapcar (lambda (store) (declare (ignore store)) nil) (cdr place-stores)))
              stores (cons (car place-stores) stores)
              writers (cons writer writers)
              readers (cons reader readers))))
    (values variables values (%nreverse-list stores) `(values ,@(%nreverse-list writers)) `(values ,@(%nreverse-list readers)))))

(define-setf-expander the (type place &environment env)
  (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
    (let ((store (make-symbol "NEW")))
      (if (cdr stores)
          (values variables values stores writer `(the ,type ,reader))
          (values variables values (list store) `(let ((,(car stores) (the ,type ,store))) ,writer) `(the ,type ,reader))))))

(define-setf-expander apply (function &rest arguments &environment env)
  (if (not (and (consp function) (memq (car function) '(function quote)) (consp (cdr function)) (symbolp (cadr function))))
      (%form-error "In a place APPLY must be given a function's name, not ~S." function))
  (let ((expander (%place-expander (cadr function) env)) (store (make-symbol "NEW")))
    (multiple-value-bind (variables values temporaries) (%temporaries arguments)
      (values variables values (list store)
              (if (and expander (symbolp expander))
                  `(apply #',expander ,@(%take (- (length temporaries) 1) temporaries)
                          (append ,(car (last temporaries)) (list ,store)))
                  `(apply #'(setf ,(cadr function)) ,store ,@temporaries))
              `(apply ,function ,@temporaries)))))

(define-setf-expander getf (place indicator &optional (default nil default-p) &environment env)
  (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
    (with-gensyms (key otherwise store)
      (values (append variables (list key) (if default-p (list otherwise)))
              (append values (list indicator) (if default-p (list default)))
              (list store)
              `(progn ,(%bind-stores stores `(%putf ,reader ,key ,store) writer) ,store)
              `(getf ,reader ,key ,@(if default-p (list otherwise)))))))

(defun %byte-place (reader-name writer-name spec place env)
  "The expansion of LDB and MASK-FIELD."
  (multiple-value-bind (variables values stores writer reader) (get-setf-expansion place env)
    (with-gensyms (byte store)
      (values (cons byte variables) (cons spec values) (list store)
              `(progn ,(%bind-stores stores `(,writer-name ,store ,byte ,reader) writer) ,store)
              `(,reader-name ,byte ,reader)))))

(define-setf-expander ldb (spec place &environment env) (%byte-place 'ldb 'dpb spec place env))
(define-setf-expander mask-field (spec place &environment env) (%byte-place 'mask-field 'deposit-field spec place env))

(defsetf subseq (sequence start &optional end) (new)
  `(progn (replace ,sequence ,new :start1 ,start :end1 ,end) ,new))
