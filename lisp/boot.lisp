;;; boot.lisp: the core macros, made from special operators and C leaves only.
;;;
;;; When this file is read there is no macro at all.  It climbs in three steps:
;;;
;;;   1. %CORE-MACRO defines a macro by its expander (a function of form and environment).  With it come the macros that everything
;;;      else is written with: WHEN, COND, AND, OR, PROG1, DEFUN, MULTIPLE-VALUE-BIND.
;;;   2. One parser of macro lambda lists, %DESTRUCTURE, turns a pattern into LET* bindings.  DEFMACRO, MACROLET, DESTRUCTURING-BIND,
;;;      DEFTYPE, DEFSETF and DEFINE-COMPILER-MACRO all use it.
;;;   3. The other macros of chapters 3 and 5, by DEFMACRO.
;;;
;;; A list VALUE is taken apart by one variable that walks along it:
;;;
;;;     (a &optional (b 1) &rest c)   =>   ((args (%check-arguments value 1 nil context))
;;;                                         (a (car args))
;;;                                         (b (if (consp (setq args (cdr args))) (car args) 1))
;;;                                         (c (setq args (cdr args))))
;;;
;;; %CHECK-ARGUMENTS and %CHECK-KEYS return their first argument, so a check costs one call and no binding of its own.
;;;
;;; Temporary variables of expansions are uninterned symbols made by MAKE-SYMBOL, which needs no counter.  Functions that are named
;;; here and defined in later files: ERROR, TYPEP (before types.lisp only for the types of *TYPE-PREDICATES*), SETF.

(setq *package* (find-package "WINDFALL-SYSTEM"))

;;; -- Macros by hand --

(%set-macro '%core-macro
            (function
             (named-lambda %core-macro (form env)
               (declare (ignore env))
               (list '%set-macro (list 'quote (cadr form))
                     (list 'function
                           (list* 'named-lambda (cadr form) '(form env) '(declare (ignorable form env)) (cddr form)))))))

(%set-function '%progn
               (function
                (named-lambda %progn (forms)
                  (if (if (consp forms) (not (cdr forms)) nil) (car forms) (if forms (cons 'progn forms) nil)))))

(%core-macro when
  (%check-arguments (cdr form) 1 nil '("the macro" when))
  (list 'if (cadr form) (%progn (cddr form))))
(%core-macro unless
  (%check-arguments (cdr form) 1 nil '("the macro" unless))
  (list 'if (cadr form) nil (%progn (cddr form))))
(%core-macro lambda (list 'function form))
(%core-macro return
  (%check-arguments (cdr form) 0 1 '("the macro" return))
  (list 'return-from nil (cadr form)))

(%core-macro and
  (labels ((expand (forms)
             (if (cdr forms) (list 'if (car forms) (expand (cdr forms))) (car forms))))
    (if (cdr form) (expand (cdr form)) t)))

(%core-macro or
  (labels ((expand (forms)
             (if (cdr forms)
                 (let ((value (make-symbol "VALUE")))
                   (list 'let (list (list value (car forms))) (list 'if value value (expand (cdr forms)))))
                 (car forms))))
    (expand (cdr form))))

(%core-macro cond
  (labels ((expand (clauses)
             (if clauses
                 (let ((clause (car clauses)))
                   (if (consp clause)
                       (if (cdr clause)
                           (if (eq (car clause) t)
                               (%progn (cdr clause))
                               (list 'if (car clause) (%progn (cdr clause)) (expand (cdr clauses))))
                           (list 'or (car clause) (expand (cdr clauses))))
                       (%form-error "~S is not a clause of COND." clause))))))
    (expand (cdr form))))

(%core-macro prog1
  (%check-arguments (cdr form) 1 nil '("the macro" prog1))
  (let ((value (make-symbol "VALUE")))
    (list* 'let (list (list value (cadr form))) (append (cddr form) (list value)))))

(%core-macro prog2
  (%check-arguments (cdr form) 2 nil '("the macro" prog2))
  (list 'progn (cadr form) (list* 'prog1 (caddr form) (cdddr form))))

(%core-macro multiple-value-bind
  (%check-arguments (cdr form) 2 nil '("the macro" multiple-value-bind))
  (let ((rest (make-symbol "REST")))
    (list 'multiple-value-call
          (list 'function
                (list* 'lambda (list* '&optional (append (cadr form) (list '&rest rest)))
                       (list 'declare (list 'ignore rest))
                       (cdddr form)))
          (caddr form))))

(%core-macro multiple-value-list
  (%check-arguments (cdr form) 1 1 '("the macro" multiple-value-list))
  (list 'multiple-value-call '(function list) (cadr form)))

;;; -- DEFUN --

(%set-function '%form-error
               (function
                (named-lambda %form-error (control &rest arguments)
                  (error 'simple-program-error :format-control control :format-arguments arguments))))

(%set-function '%parse-body
               (function
                (named-lambda %parse-body (body &optional doc-allowed)
                  "The forms, the declarations, and the list of the docstring or NIL, of the body of a definition."
                  (let ((declarations nil) (doc nil) (form nil))
                    (tagbody
                     next
                       (setq form (car body))
                       (cond ((and (consp form) (eq (car form) 'declare))
                              (setq declarations (cons form declarations)))
                             ((and doc-allowed (stringp form) (cdr body) (not doc))
                              (setq doc (list form)))
                             (t (go done)))
                       (setq body (cdr body))
                       (go next)
                     done)
                    (values body (%nreverse-list declarations) doc)))))

(%set-function '%block-name
               (function
                (named-lambda %block-name (name)
                  "The name of the block around the body of the function NAME."
                  (cond ((symbolp name) name)
                        ((and (consp name) (eq (car name) 'setf) (consp (cdr name)) (symbolp (cadr name)) (not (cddr name)))
                         (cadr name))
                        (t (%form-error "~S is not a function name." name))))))

(%set-function '%named-lambda
               (function
                (named-lambda %named-lambda (name lambda-list body)
                  "The lambda expression of a definition: docstring and declarations, then the body in its block."
                  (multiple-value-bind (forms declarations doc) (%parse-body body t)
                    (list* 'named-lambda name lambda-list
                           (append doc declarations (list (list* 'block (%block-name name) forms))))))))

(%core-macro defun
  (if (not (and (consp (cdr form)) (cadr form) (consp (cddr form)))) (%form-error "~S has no name or no lambda list." form))
  (let* ((name (cadr form))
         (function (%named-lambda name (caddr form) (cdddr form)))
         (definition (list '%defun (list 'quote name) (list 'function function))))
    (if (and (symbolp name) (not env) (eq (%info name '%inline-declared) 'inline))
        (list 'progn
              (list 'eval-when '(:compile-toplevel :load-toplevel :execute)
                    (list '%set-info (list 'quote name) ''%inline-expansion (list 'quote (cons 'lambda (cddr function)))))
              definition)
        definition)))

;;; The compiler makes calls of FUNCALL and APPLY instructions; these are for #'FUNCALL and the like.
(defun apply (function argument &rest arguments)
  (if arguments
      (apply function argument (apply (function list*) arguments))
      (apply function argument)))

(defun funcall (function &rest arguments)
  (apply function arguments))

(defun complement (function)
  "A function that is true where FUNCTION is false."
  (lambda (&rest arguments) (not (apply function arguments))))

(defun constantly (value)
  "A function of any arguments that returns VALUE."
  (lambda (&rest arguments) (declare (ignore arguments)) value))

;;; -- Macro lambda lists --

(defun %lambda-list-bounds (pattern)
  "The least and the greatest number of elements that match the pattern; NIL for no greatest."
  (let ((min 0) (max 0) (optional nil) (item nil))
    (tagbody
     next
       (cond ((not (consp pattern)) (if pattern (setq max nil)) (go done)))
       (setq item (car pattern) pattern (cdr pattern))
       (cond ((eq item '&optional) (setq optional t))
             ((or (eq item '&rest) (eq item '&body) (eq item '&key)) (setq max nil) (go done))
             ((eq item '&aux) (go done))
             ((eq item '&whole) (setq pattern (cdr pattern)))
             (t (setq max (+ max 1))
                (if optional nil (setq min (+ min 1)))))
       (go next)
     done)
    (values min max)))

(defun %lambda-list-keywords (specs)
  "The keywords of the &KEY part that SPECS begins with, and whether others are allowed."
  (let ((keywords nil) (item nil))
    (tagbody
     next
       (setq item (car specs))
       (cond ((or (not (consp specs)) (eq item '&aux)) (go done))
             ((eq item '&allow-other-keys) (return-from %lambda-list-keywords (values keywords t)))
             (t (setq keywords (cons (%keyword-of item) keywords))))
       (setq specs (cdr specs))
       (go next)
     done)
    (values (%nreverse-list keywords) nil)))

(defun %keyword-of (spec)
  "The keyword of one element of the &KEY part: VAR, (VAR ...) or ((KEYWORD VAR) ...)."
  (let ((variable (if (consp spec) (car spec) spec)))
    (if (consp variable) (car variable) (intern (symbol-name variable) "KEYWORD"))))

(defun %bind-pattern (pattern value context default bindings)
  "Pushes to BINDINGS what binds PATTERN, a variable or a lambda list, to the value of the form VALUE."
  (if (and pattern (symbolp pattern))
      (cons (list pattern value) bindings)
      (%destructure pattern value context default bindings)))

(defun %bind-optional (spec present value context default bindings)
  "Pushes the bindings of VAR or (VAR [DEFAULT [SUPPLIED-P]]): to VALUE if the form PRESENT is true."
  (let ((variable (if (consp spec) (car spec) spec))
        (otherwise (if (and (consp spec) (cdr spec)) (cadr spec) default))
        (supplied (if (consp spec) (caddr spec) nil)))
    (if supplied
        (%bind-pattern variable (list 'if supplied value otherwise) context default
                       (cons (list supplied (list 'if present t nil)) bindings))
        (%bind-pattern variable (list 'if present value otherwise) context default bindings))))

(defun %bind-keys (specs list context default bindings)
  "Pushes the bindings of the &KEY part SPECS, to be found in the property list that the form LIST gives."
  (let ((keys (make-symbol "KEYS")) (found (make-symbol "FOUND")) (spec nil))
    (multiple-value-bind (keywords open) (%lambda-list-keywords specs)
      (setq bindings (list* (list found nil)
                            (list keys (list '%check-keys list (if open t (list 'quote keywords)) (list 'quote context)))
                            bindings)))
    (tagbody
     next
       (setq spec (car specs))
       (if (or (not (consp specs)) (eq spec '&aux)) (go done))
       (if (not (eq spec '&allow-other-keys))
           (setq bindings
                 (%bind-optional (if (and (consp spec) (consp (car spec))) (cons (cadr (car spec)) (cdr spec)) spec)
                                 (list 'setq found (list '%find-key keys (list 'quote (%keyword-of spec))))
                                 (list 'car found) context default bindings)))
       (setq specs (cdr specs))
       (go next)
     done)
    bindings))

(defun %bind-aux (specs bindings)
  "Pushes the bindings of the &AUX part."
  (let ((tail (memq '&aux specs)) (spec nil))
    (tagbody
     next
       (setq tail (cdr tail))
       (if (not (consp tail)) (go done))
       (setq spec (car tail))
       (setq bindings (cons (if (consp spec) (list (car spec) (cadr spec)) (list spec nil)) bindings))
       (go next)
     done)
    bindings))

(defun %destructure (pattern value context default bindings)
  "Pushes to BINDINGS, in reverse order, LET* bindings that take the list that the form VALUE gives apart as the lambda list PATTERN
says.  CONTEXT says in error messages what it is for; DEFAULT is the default of optional and keyword variables."
  (let* ((args (make-symbol "ARGS")) (here args) (onward (list 'setq args (list 'cdr args))) (mode 'required) (item nil))
    (multiple-value-bind (min max) (%lambda-list-bounds pattern)
      (setq bindings (cons (list args (list '%check-arguments value min max (list 'quote context))) bindings)))
    (if (and (consp pattern) (eq (car pattern) '&whole))
        (setq bindings (%bind-pattern (cadr pattern) args context default bindings)
              pattern (cddr pattern)))
    (tagbody
     next
       (if (not pattern) (go done))
       (if (not (consp pattern)) (setq pattern (list '&rest pattern)))
       (setq item (car pattern) pattern (cdr pattern))
       (cond ((eq item '&optional)
              (if (not (eq mode 'required)) (%form-error "Misplaced &OPTIONAL in the lambda list of ~{~A~^ ~}." context))
              (setq mode 'optional))
             ((or (eq item '&rest) (eq item '&body))
              (if (not (consp pattern)) (%form-error "No variable after ~S in the lambda list of ~{~A~^ ~}." item context))
              (setq bindings (%bind-pattern (car pattern) here context default bindings)
                    here args mode 'rest pattern (cdr pattern)))
             ((eq item '&key)
              (setq bindings (%bind-aux pattern (%bind-keys pattern here context default bindings)))
              (go done))
             ((eq item '&aux)
              (setq bindings (%bind-aux (cons item pattern) bindings))
              (go done))
             ((eq mode 'required)
              (setq bindings (%bind-pattern item (list 'car here) context default bindings)
                    here onward))
             ((eq mode 'optional)
              (setq bindings (%bind-optional item (list 'consp here) (list 'car args) context default bindings)
                    here onward))
             (t (%form-error "Misplaced ~S in the lambda list of ~{~A~^ ~}." item context)))
       (go next)
     done)
    bindings))

(defun %bind-list (pattern value context default body)
  "A LET* form that evaluates BODY (declarations first) with the variables of PATTERN bound to the parts of the value of VALUE."
  (let ((bindings (%nreverse-list (%destructure pattern value context default nil))))
    (list* 'let* bindings
           (list 'declare (list 'ignorable (car (car bindings))))
           body)))

(defun %extract-parameter (keyword lambda-list)
  "The variable after KEYWORD at the top level of the lambda list or NIL, and the lambda list without them."
  (let ((head nil) (tail lambda-list))
    (tagbody
     next
       (cond ((not (consp tail)) (return-from %extract-parameter (values nil lambda-list)))
             ((not (eq (car tail) keyword))
              (setq head (cons (car tail) head) tail (cdr tail))
              (go next))))
    (values (cadr tail) (append (%nreverse-list head) (cddr tail)))))

(defun %parse-macro (name lambda-list body &optional kind)
  "The lambda expression, of a form and an environment, of the expander NAME with the macro lambda list.  KIND is MACRO, TYPE (optional
parameters are * by default, and the form may be an atom), or COMPILER-MACRO (the form may be a FUNCALL).  The expander's name is
(KIND NAME): were it NAME, a call of the function NAME in it would be taken for a call of itself."
  (let ((form (make-symbol "FORM")) (environment (make-symbol "ENVIRONMENT")) (outer nil)
        (context (list (cond ((eq kind 'type) "the type") ((eq kind 'compiler-macro) "the compiler macro of")
                             ((eq kind 'setf) "the place") (t "the macro"))
                       name)))
    (multiple-value-bind (variable rest) (%extract-parameter '&environment lambda-list)
      (if variable (setq outer (list (list variable environment))))
      (setq lambda-list rest))
    (if (and (consp lambda-list) (eq (car lambda-list) '&whole))
        (setq outer (append (%nreverse-list (%bind-pattern (cadr lambda-list) form context nil nil)) outer)
              lambda-list (cddr lambda-list)))
    (multiple-value-bind (forms declarations doc) (%parse-body body t)
      (let ((bindings (%nreverse-list (%destructure lambda-list
                                              (cond ((eq kind 'compiler-macro) (list '%call-arguments form))
                                                    ((eq kind 'type) (list '%type-arguments form))
                                                    (t (list 'cdr form)))
                                              context (if (eq kind 'type) ''* nil) nil))))
        (append (list* 'named-lambda (list (or kind 'macro) name) (list form environment) doc)
                (list (list 'declare (list 'ignorable form environment))
                      (list* 'let* (append outer bindings)
                             (list 'declare (list 'ignorable (car (car bindings))))
                             (append declarations (list (list* 'block (%block-name name) forms))))))))))

(defun %call-arguments (form)
  "The arguments of a call, which may be a call by way of FUNCALL."
  (if (eq (car form) 'funcall) (cddr form) (cdr form)))

(defun %type-arguments (specifier)
  (if (consp specifier) (cdr specifier) nil))

(%core-macro defmacro
  (let ((name (cadr form)))
    (if (or (not name) (not (symbolp name))) (%form-error "~S cannot name a macro." name))
    (list 'eval-when '(:compile-toplevel :load-toplevel :execute)
          (list '%set-macro (list 'quote name) (list 'function (%parse-macro name (caddr form) (cdddr form) 'macro)))
          (list 'quote name))))

(%core-macro destructuring-bind
  (%bind-list (cadr form) (caddr form) '("DESTRUCTURING-BIND") nil (cdddr form)))

;;; -- Variables and proclamations --

(defmacro eval-always (&body body)
  "BODY, at compile time too."
  `(eval-when (:compile-toplevel :load-toplevel :execute) ,@body))

(defun %add-symbol-flags (symbol flags)
  (%set-symbol-flags symbol (logior (%symbol-flags symbol) flags)))

(%set-symbol-flags '*unit-owner* 2)
(set '*unit-owner* nil) ; the owner of the unit that is being loaded: units.lisp

(defun %note-definition (kind cell)
  "Remembers with the symbol which unit has defined the thing of that kind, for UNLOAD; what anybody else defines anew is no unit's any more.  Functions,
methods and expanders need no such note: their code tells."
  (let* ((all (%info cell '%definers nil)) (place (%find-key all kind)) (file (if *unit-owner* (%owner-truename *unit-owner*) nil)))
    (cond (place (rplaca place file))
          (file (%set-info cell '%definers (list* kind file all))))
    cell))

(defun %note-variable (symbol)
  "Before a variable is defined: one that was there and is no unit's does not become one's."
  (let ((place (%find-key (%info symbol '%definers nil) 'variable)))
    (if (or (not (boundp symbol)) (and place (car place)))
        (%note-definition 'variable symbol))))

(defun %proclaim-special (symbol)
  (if (not (symbolp symbol)) (error 'type-error :datum symbol :expected-type 'symbol))
  (if (%symbol-flag-p symbol 1)
      (if (not (%symbol-flag-p symbol 2)) (%form-error "~S is a constant and cannot be proclaimed special." symbol)))
  (if (%symbol-flag-p symbol 32) (%form-error "~S is a symbol macro and cannot be proclaimed special." symbol))
  (%note-variable symbol)
  (%add-symbol-flags symbol 2))

(defun %note-documentation (name kind string)
  "Keeps the documentation of a thing that has no place of its own for it."
  (let* ((all (%info name '%documentation nil)) (place (%find-key all kind)))
    (if place
        (rplaca place string)
        (%set-info name '%documentation (list* kind string all)))
    string))

(defmacro defvar (name &optional (value nil value-p) (doc nil doc-p))
  `(progn
     (eval-always (%proclaim-special ',name))
     ,@(if value-p `((if (boundp ',name) nil (set ',name ,value))))
     ,@(if doc-p `((%note-documentation ',name 'variable ,doc)))
     ',name))

(defmacro defparameter (name value &optional (doc nil doc-p))
  `(progn
     (eval-always (%proclaim-special ',name))
     (set ',name ,value)
     ,@(if doc-p `((%note-documentation ',name 'variable ,doc)))
     ',name))

(defun %defconstant (name value)
  (cond ((not (symbolp name)) (error 'type-error :datum name :expected-type 'symbol))
        ((%symbol-flag-p name 32) (%form-error "~S is a symbol macro and cannot be defined as a constant." name))
        ((%symbol-flag-p name 1)
         (if (eql (symbol-value name) value)
             nil
             (cerror "Go ahead and change the value." "The constant ~S is being redefined from ~S to ~S."
                     name (symbol-value name) value))))
  (%set-symbol-flags name (logandc2 (%symbol-flags name) 1))
  (%note-definition 'variable name)
  (set name value)
  (%add-symbol-flags name 3)
  name)

(defmacro defconstant (name value &optional (doc nil doc-p))
  `(eval-always
     (%defconstant ',name ,value)
     ,@(if doc-p `((%note-documentation ',name 'variable ,doc)))
     ',name))

(defmacro define-symbol-macro (symbol expansion)
  `(eval-always (%define-symbol-macro ',symbol ',expansion)))

(defun %define-symbol-macro (symbol expansion)
  (cond ((not (symbolp symbol)) (error 'type-error :datum symbol :expected-type 'symbol))
        ((%symbol-flag-p symbol 3) (%form-error "~S is a variable and cannot be defined as a symbol macro." symbol)))
  (%set-info symbol '%symbol-macro-expansion expansion)
  (%note-definition 'symbol-macro symbol)
  (%add-symbol-flags symbol 32)
  symbol)

(defmacro define-compiler-macro (name lambda-list &body body)
  `(eval-always
     (%set-info (%function-cell ',name) '%compiler-macro #',(%parse-macro name lambda-list body 'compiler-macro))
     ',name))

(defvar *declarations* nil "Names proclaimed by DECLARATION.")

(defvar *policy* (list 'speed 1 'safety 1 'debug 1 'space 1 'compilation-speed 1)
  "The qualities proclaimed by OPTIMIZE: a property list.")

(defun %proclaim-quality (spec)
  (let* ((name (if (consp spec) (car spec) spec))
         (value (if (consp spec) (if (consp (cdr spec)) (cadr spec) 3) 3))
         (place (%find-key *policy* name)))
    (if place
        (setq *policy* (%replace-property *policy* name value))
        (%form-error "~S is not an optimization quality." name))))

(defun %replace-property (list key value)
  "A copy of the property list with another value for KEY."
  (cond ((not list) nil)
        ((eq (car list) key) (list* key value (cddr list)))
        (t (list* (car list) (cadr list) (%replace-property (cddr list) key value)))))

(defun %proclaim-each (function names)
  (tagbody
   next
     (if (not names) (go done))
     (funcall function (car names))
     (setq names (cdr names))
     (go next)
   done))

(defun proclaim (spec)
  "Makes the declaration specifier SPEC hold globally (CLHS PROCLAIM)."
  (if (not (consp spec)) (error 'type-error :datum spec :expected-type 'cons))
  (let ((kind (car spec)) (rest (cdr spec)))
    (cond ((eq kind 'special) (%proclaim-each #'%proclaim-special rest))
          ((or (eq kind 'inline) (eq kind 'notinline))
           (%proclaim-each (lambda (name) (%set-info (%note-definition 'inline (%function-cell name)) '%inline-declared kind)) rest))
          ((eq kind 'optimize) (%proclaim-each #'%proclaim-quality rest))
          ((eq kind 'type) (%proclaim-type (car rest) (cdr rest)))
          ((eq kind 'ftype)
           (%proclaim-each (lambda (name) (%set-info (%note-definition 'ftype (%function-cell name)) '%global-ftype (car rest))) (cdr rest)))
          ((eq kind 'declaration)
           (%proclaim-each #'%proclaim-declaration rest))
          ((memq kind '(ignore ignorable dynamic-extent))
           (%form-error "~S is not allowed in a proclamation." spec))
          ((memq kind *declarations*) nil)
          (t (%proclaim-type kind rest))))
  nil)

(defun %proclaim-declaration (name)
  (%note-definition 'declaration name)
  (if (not (memq name *declarations*)) (setq *declarations* (cons name *declarations*))))

(defun %proclaim-type (type names)
  (%proclaim-each (lambda (name)
                    (if (not (symbolp name)) (error 'type-error :datum name :expected-type 'symbol))
                    (%set-info (%note-definition 'type name) '%global-type type))
                  names))

(defmacro declaim (&rest specs)
  (list* 'eval-always (append (%mapcar (lambda (spec) `(proclaim ',spec)) specs) '(nil))))

(eval-always
  (%proclaim-each (lambda (name) (%add-symbol-flags name 16))
                  '(block catch eval-when flet function go if labels let let* load-time-value locally macrolet multiple-value-call
                    multiple-value-prog1 progn progv quote return-from setq symbol-macrolet tagbody the throw unwind-protect)))

;;; Variables that C reads; those that have no value yet get one by DEFVAR in their chapter's file.
(eval-always
  (%proclaim-each #'%proclaim-special
                  '(*package* *readtable* *read-base* *read-default-float-format* *print-base* *print-radix* *print-case* *print-escape*
                    *print-readably* *print-gensym* *standard-input* *standard-output* *error-output* *terminal-io* *features*
                    *macroexpand-hook* *random-state* *load-pathname* *source-place*)))

(defun %mapcar (function list)
  (let ((result nil))
    (tagbody
     next
       (if (not list) (go done))
       (setq result (cons (funcall function (car list)) result) list (cdr list))
       (go next)
     done)
    (%nreverse-list result)))

(defmacro in-package (name)
  `(eval-always (setq *package* (%package-named ',name))))

(defun %package-named (name)
  (or (find-package name)
      (error (%simple-class 'package-error) :package name
                                            :format-control "There is no package named ~S." :format-arguments (list name))))

(defconstant lambda-list-keywords
  '(&optional &rest &key &allow-other-keys &aux &body &whole &environment)
  "All lambda list keywords.")
(defconstant call-arguments-limit 65536 "A call has fewer arguments.")
(defconstant lambda-parameters-limit 4096 "A lambda list has fewer parameters.")
(defconstant multiple-values-limit 4096 "There are fewer values.")

;;; -- Iteration --

(defun %statements (body)
  "The forms of the body of an iteration, in a TAGBODY only if there are tags: a list."
  (let ((tail body))
    (tagbody
     next
       (cond ((not tail) (return-from %statements body))
             ((consp (car tail)) (setq tail (cdr tail)) (go next))))
    `((tagbody ,@body))))

(defmacro loop (&body forms)
  (let ((top (make-symbol "TOP")))
    `(block nil (tagbody ,top ,@forms (go ,top)))))

(defun %special-specifiers (specifiers)
  (cond ((not (consp specifiers)) nil)
        ((and (consp (car specifiers)) (eq (car (car specifiers)) 'special)) (cons (car specifiers) (%special-specifiers (cdr specifiers))))
        (t (%special-specifiers (cdr specifiers)))))

(defun %special-declarations (declarations)
  "The SPECIAL specifiers of a list of DECLARE expressions."
  (if declarations (append (%special-specifiers (cdr (car declarations))) (%special-declarations (cdr declarations))) nil))

(defmacro dolist ((variable list &optional result) &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    (let ((tail (make-symbol "TAIL")) (next (make-symbol "NEXT")) (end (make-symbol "END")))
      `(block nil
         (let ((,tail ,list))
           (tagbody
              ,next
              (if ,tail nil (go ,end))
              (let ((,variable (car ,tail)))
                ,@declarations
                (setq ,tail (cdr ,tail))
                ,@(%statements forms))
              (go ,next)
              ,end))
         ,@(if result
               `((let ((,variable nil))
                   (declare (ignorable ,variable) ,@(%special-declarations declarations))
                   ,result)))))))

(defmacro dotimes ((variable count &optional result) &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    (let* ((constant (integerp count)) (limit (if constant count (make-symbol "LIMIT")))
           (next (make-symbol "NEXT")) (end (make-symbol "END")))
      `(block nil
         (let (,@(if constant nil `((,limit ,count))) (,variable 0))
           (declare (ignorable ,variable))
           ,@declarations
           (tagbody
              ,next
              (if (< ,variable ,limit) nil (go ,end))
              ,@forms
              (setq ,variable (+ ,variable 1))
              (go ,next)
              ,end)
           ,@(if result (list result)))))))

(defun %do-bindings (specs)
  (%mapcar (lambda (spec) (if (consp spec) (list (car spec) (cadr spec)) spec)) specs))

(defun %do-steps (specs)
  "The variables with a step form, and those forms: the arguments of PSETQ or SETQ."
  (let ((steps nil))
    (%proclaim-each (lambda (spec)
                      (if (and (consp spec) (consp (cdr spec)) (consp (cddr spec)))
                          (setq steps (list* (caddr spec) (car spec) steps))))
                    specs)
    (%nreverse-list steps)))

(defun %expand-do (let setq specs end body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    (let ((next (make-symbol "NEXT")) (done (make-symbol "DONE")) (steps (%do-steps specs)))
      `(block nil
         (,let ,(%do-bindings specs)
           ,@declarations
           (tagbody
              ,next
              (if ,(car end) (go ,done))
              (tagbody ,@forms)
              ,@(if steps `((,(if (cddr steps) setq 'setq) ,@steps)))
              (go ,next)
              ,done)
           ,@(cdr end))))))

(defmacro do (specs end &body body) (%expand-do 'let 'psetq specs end body))
(defmacro do* (specs end &body body) (%expand-do 'let* 'setq specs end body))

(defmacro prog (variables &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    `(block nil (let ,variables ,@declarations (tagbody ,@forms)))))

(defmacro prog* (variables &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    `(block nil (let* ,variables ,@declarations (tagbody ,@forms)))))

;;; -- Assignment and values --

(defun %some-symbol-macro-p (variables environment)
  (do ((tail variables (cdr tail)))
      ((not tail) nil)
    (multiple-value-bind (expansion found) (if (symbolp (car tail)) (%symbol-macro-expansion (car tail) environment) nil)
      (declare (ignore expansion))
      (if found (return t)))))

(defmacro psetq (&rest pairs &environment environment)
  (let ((bindings nil) (steps nil))
    (do ((tail pairs (cddr tail)))
        ((not (consp tail)))
      (if (%some-symbol-macro-p (list (car tail)) environment) (return-from psetq (list* 'psetf pairs))))
    (do ((tail pairs (cddr tail)))
        ((not tail))
      (if (not (consp (cdr tail))) (%form-error "PSETQ has an odd number of arguments: ~S" pairs))
      (if (cddr tail)
          (let ((value (make-symbol "NEW")))
            (setq bindings (cons (list value (cadr tail)) bindings)
                  steps (list* value (car tail) steps)))
          (setq steps (list* (cadr tail) (car tail) steps))))
    (if bindings
        `(let ,(%nreverse-list bindings)
           (setq ,@(%psetq-steps steps))
           nil)
        `(progn (setq ,@(%nreverse-list steps)) nil))))

(defun %psetq-steps (steps)
  "The assignments of PSETQ: the last form's first, as it is evaluated where nothing is assigned yet."
  (let ((result nil))
    (tagbody
     next
       (if (not steps) (go done))
       (setq result (list* (car steps) (cadr steps) result) steps (cddr steps))
       (go next)
     done)
    (%nreverse-list result)))

(defmacro multiple-value-setq (variables form &environment environment)
  (cond
    ((not variables) `(values ,form))
    ((%some-symbol-macro-p variables environment) `(values (setf (values ,@variables) ,form)))
    (t
      (let ((values (%mapcar (lambda (variable) (make-symbol (symbol-name variable))) variables)) (steps nil))
        (do ((v variables (cdr v)) (n values (cdr n)))
            ((not v))
          (setq steps (list* (car n) (car v) steps)))
        `(multiple-value-bind ,values ,form
           (setq ,@(%nreverse-list steps))
           ,(car values))))))

(defmacro nth-value (n form)
  (if (and (integerp n) (< -1 n 32))
      (let ((variables nil))
        (dotimes (i (+ n 1)) (setq variables (cons (make-symbol "VALUE") variables)))
        `(multiple-value-bind ,variables ,form
           (declare (ignore ,@(do ((v variables (cdr v)) (before nil (cons (car v) before))) ((not (cdr v)) before))))
           ,(do ((v variables (cdr v))) ((not (cdr v)) (car v)))))
      `(nth ,n (multiple-value-list ,form))))

(defmacro push (item place)
  `(setq ,place (cons ,item ,place)))

(defmacro pop (place)
  `(prog1 (car ,place) (setq ,place (cdr ,place))))

;;; -- CASE --

(defun %key-test (variable keys)
  "A form that tells whether the variable is EQL to one of the keys."
  (let ((tests (%mapcar (lambda (key)
                          (if (or (symbolp key) (characterp key) (%fixnump key))
                              `(eq ,variable ',key)
                              `(eql ,variable ',key)))
                        keys)))
    (if (cdr tests) (cons 'or tests) (car tests))))

(defun %case-keys (clause)
  (if (not (consp clause)) (%form-error "~S is not a clause of CASE." clause))
  (if (listp (car clause)) (car clause) (list (car clause))))

(defun %expand-case (variable clauses otherwise)
  "Nested IFs; OTHERWISE is the list of the last form, or T if T and OTHERWISE clauses are allowed."
  (cond ((not clauses) (if (consp otherwise) (car otherwise) nil))
        ((and (eq otherwise t) (consp (car clauses)) (memq (caar clauses) '(t otherwise)))
         (if (cdr clauses) (%form-error "The clause ~S is not the last one." (car clauses)))
         (%progn (cdar clauses)))
        (t (let ((keys (%case-keys (car clauses))) (rest (%expand-case variable (cdr clauses) otherwise)))
             (if keys
                 `(if ,(%key-test variable keys) ,(%progn (cdar clauses)) ,rest)
                 rest)))))

(defun %all-keys (clauses)
  (let ((keys nil))
    (dolist (clause clauses (%nreverse-list keys))
      (dolist (key (%case-keys clause))
        (setq keys (cons key keys))))))

(defmacro case (key &body clauses)
  (let ((variable (make-symbol "KEY")))
    `(let ((,variable ,key))
       (declare (ignorable ,variable))
       ,(%expand-case variable clauses t))))

(defmacro ecase (key &body clauses)
  (let ((variable (make-symbol "KEY")))
    `(let ((,variable ,key))
       ,(%expand-case variable clauses `((%case-failure ,variable '(member ,@(%all-keys clauses))))))))

(defun %case-failure (datum type)
  (error 'type-error :datum datum :expected-type type))

(defun %expand-correctable (place clauses type expand)
  "CCASE and CTYPECASE: tries again with the value that the restart STORE-VALUE puts into PLACE."
  (let ((value (make-symbol "VALUE")) (again (make-symbol "AGAIN")) (block (make-symbol "CASE")))
    `(block ,block
       (tagbody
          ,again
          (let ((,value ,place))
            (return-from ,block
              ,(funcall expand value clauses
                        `((progn (setf ,place (%correct-value ,value ',type ',place)) (go ,again))))))))))

(defmacro ccase (place &body clauses)
  (%expand-correctable place clauses `(member ,@(%all-keys clauses)) #'%expand-case))

;;; -- TYPECASE --

(defvar *type-predicates*
  '(cons consp atom atom list listp null null symbol symbolp keyword keywordp fixnum %fixnump integer integerp rational rationalp
    single-float %single-float-p short-float %single-float-p double-float %double-float-p long-float %double-float-p float floatp
    real realp number numberp complex complexp character characterp string stringp simple-vector simple-vector-p
    vector vectorp array arrayp bit-vector bit-vector-p simple-bit-vector simple-bit-vector-p
    function functionp hash-table hash-table-p package packagep)
  "Property list: names of types that have a predicate.")

(defun %type-test (variable type)
  "A form that tells whether the value of the variable is of the type."
  (let ((predicate (if (symbolp type) (%find-key *type-predicates* type) nil)))
    (cond (predicate (list (car predicate) variable))
          ((memq type '(t otherwise)) t)
          (t `(typep ,variable ',type)))))

(defun %expand-typecase (variable clauses otherwise)
  (cond ((not clauses) (if (consp otherwise) (car otherwise) nil))
        ((not (consp (car clauses))) (%form-error "~S is not a clause of TYPECASE." (car clauses)))
        ((and (eq otherwise t) (memq (caar clauses) '(t otherwise))) (%progn (cdar clauses)))
        (t `(if ,(%type-test variable (caar clauses))
                ,(%progn (cdar clauses))
                ,(%expand-typecase variable (cdr clauses) otherwise)))))

(defmacro typecase (key &body clauses)
  (let ((variable (make-symbol "KEY")))
    `(let ((,variable ,key))
       (declare (ignorable ,variable))
       ,(%expand-typecase variable clauses t))))

(defmacro etypecase (key &body clauses)
  (let ((variable (make-symbol "KEY")))
    `(let ((,variable ,key))
       ,(%expand-typecase variable clauses `((%case-failure ,variable '(or ,@(%mapcar #'car clauses))))))))

(defmacro ctypecase (place &body clauses)
  (%expand-correctable place clauses `(or ,@(%mapcar #'car clauses)) #'%expand-typecase))

;;; -- Checks --

(defmacro check-type (place type &optional string)
  (let ((again (make-symbol "AGAIN")) (value (make-symbol "VALUE")))
    `(tagbody
        ,again
        (let ((,value ,place))
          (if ,(%type-test value type)
              nil
              (progn (setf ,place (%correct-value ,value ',type ',place ,string)) (go ,again)))))))

(defmacro assert (test &optional places datum &rest arguments)
  (let ((again (make-symbol "AGAIN")))
    `(tagbody
        ,again
        (if ,test
            nil
            (progn
              (%assertion-failure ',test ',places ,datum ,@arguments)
              ,@(%mapcar (lambda (place) `(setf ,place (%ask-new-value ',place ,place))) places)
              (go ,again))))))

(defmacro with-gensyms (names &body body)
  "Evaluates BODY with the variables NAMES bound to new uninterned symbols of the same names."
  `(let ,(%mapcar (lambda (name) `(,name (make-symbol ,(symbol-name name)))) names)
     ,@body))
