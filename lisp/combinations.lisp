;;; combinations.lisp: method combination other than the standard one.
;;;
;;; A method combination is an instance that says how to make, from the applicable methods of a generic function, a form.  The effective function is made of closures
;;; if the form consists of calls of methods and functions, which needs no compiler; else it is the form
;;; compiled, in a lambda expression over the arguments, with CALL-METHOD as a local macro.  Names have their combination in INFO, under %METHOD-COMBINATION;
;;; a generic function has a copy with its options.
(in-package "SYS")

(defun %make-combination (name kind operator order function documentation)
  (let ((combination (%make-instance-raw (%layout-of-class 'method-combination) (vector nil nil nil nil nil nil nil))))
    (setf (combination-field combination name) name
          (combination-field combination kind) kind
          (combination-field combination operator) operator
          (combination-field combination order) order
          (combination-field combination function) function
          (combination-field combination documentation) documentation)
    combination))

(setq *standard-combination* (%make-combination 'standard 'standard nil nil nil nil))
(%set-info 'standard '%method-combination *standard-combination*)

(defun %find-combination (name options)
  (let ((combination (%info name '%method-combination)))
    (cond ((null combination) (error "There is no method combination called ~S." name))
          ((and (null options) (not (eq (combination-field combination kind) 'short))) 
           (if (eq (combination-field combination kind) 'standard) combination (%combination-with-options combination options)))
          ((eq (combination-field combination kind) 'standard) (%form-error "The standard method combination takes no options: ~S" options))
          (t (%combination-with-options combination options)))))

(defun %combination-with-options (combination options)
  (let ((copy (%make-instance-raw (%instance-layout combination) (copy-seq (%instance-slots combination)))))
    (setf (combination-field copy options) options)
    copy))

;;; -- Effective functions from forms --

(defun %method-call-form (method next)
  "What (CALL-METHOD METHOD NEXT) is within an effective method form over the arguments %ARGS."
  `(apply ',(%callable-method method next) %args))

(defun %callable-method (method next)
  (if (and (consp method) (eq (car method) 'make-method))
      (%form-function (cadr method))
      (%callable-chain method (and (consp next) (car next)))))

(defun %callable-chain (method next)
  (if (eq (method-field method kind) 'plain)
      (method-field method function)
      (funcall (method-field method function)
               (if next
                   (%callable-method (car next) (list (cdr next)))
                   #'(lambda (&rest args) (apply #'no-next-method (method-field method generic-function) method args)))
               (and next t))))

(defun %form-function (form)
  "The function of the arguments that evaluates an effective method form."
  (let ((part (%form-closure form)))
    (if part
        (lambda (&rest args) (funcall part args))
        (values (compile nil `(lambda (&rest %args) ; the first value, and so no tail call: a trace of names looks for this frame
                                (declare (ignorable %args))
                                (macrolet ((call-method (method &rest next) (%method-call-form method next)))
                                  ,form)))))))

(defun %form-closure (form)
  "A function of the list of arguments that evaluates an effective method form made of calls of methods and functions, as most are; else NIL: that takes the compiler."
  (cond ((atom form) (if (or (not (symbolp form)) (keywordp form) (member form '(t nil)))
                         (lambda (args) (declare (ignore args)) form)))
        ((eq (car form) 'quote) (lambda (args) (declare (ignore args)) (cadr form)))
        ((eq (car form) 'call-method)
         (let ((function (%callable-method (cadr form) (cddr form)))) (lambda (args) (apply function args))))
        ((%plain-operator-p (car form))
         (let ((parts (mapcar #'%form-closure (cdr form)))) (if (member nil parts) nil (%operator-closure (car form) parts))))))

(defun %plain-operator-p (operator)
  (and (symbolp operator)
       (or (member operator '(progn multiple-value-prog1 and or))
           (let ((function (%global-function operator))) (and function (not (eq function #'%call-special-operator)))))))

(defun %operator-closure (operator parts)
  (case operator
    (progn (lambda (args) (do ((tail parts (cdr tail))) ((null (cdr tail)) (and tail (funcall (car tail) args))) (funcall (car tail) args))))
    (multiple-value-prog1 (lambda (args) (multiple-value-prog1 (funcall (car parts) args) (dolist (part (cdr parts)) (funcall part args)))))
    (and (lambda (args)
           (do ((tail parts (cdr tail))) ((null (cdr tail)) (if tail (funcall (car tail) args) t))
             (unless (funcall (car tail) args) (return nil)))))
    (or (lambda (args)
          (do ((tail parts (cdr tail))) ((null (cdr tail)) (and tail (funcall (car tail) args)))
            (let ((value (funcall (car tail) args))) (when value (return value))))))
    (t (lambda (args) (apply operator (mapcar (lambda (part) (funcall part args)) parts))))))

(defun %combined-effective (generic methods)
  "The effective function of METHODS by the generic function's own combination."
  (let* ((combination (generic-field generic combination)) (function (combination-field combination function)))
    (if (eq (combination-field combination kind) 'short)
        (%form-function (%short-form generic combination methods))
        (%form-function (apply function generic methods (combination-field combination options))))))

;;; -- Short form --

(defun %short-form (generic combination methods)
  (let ((name (combination-field combination name)) (operator (combination-field combination operator)) (around '()) (primary '())
        (order (or (car (combination-field combination options)) :most-specific-first)))
    (dolist (method methods)
      (let ((qualifiers (method-field method qualifiers)))
        (cond ((equal qualifiers '(:around)) (push method around))
              ((and (eq (car qualifiers) name) (null (cdr qualifiers))) (push method primary))
              (t (return-from %short-form (%invalid-method-form generic method))))))
    (when (eq order :most-specific-first) (setq primary (reverse primary)))
    (if (null primary)
        `(funcall ',(%no-primary-function generic))
        (let ((form (if (and (null (cdr primary)) (combination-field combination order))
                        `(call-method ,(car primary))
                        `(,operator ,@(mapcar #'(lambda (method) `(call-method ,method)) primary))))
              (around (reverse around)))
          (if around `(call-method ,(car around) (,@(cdr around) (make-method ,form))) form)))))

(defun %invalid-method-form (generic method)
  `(funcall ',(%invalid-method-function generic method)))

(defun %define-short-combination (name operator identity documentation)
  (%set-info (%note-definition 'method-combination name) '%method-combination (%make-combination name 'short operator identity nil documentation))
  name)

(dolist (name '(+ and append list max min nconc or progn))
  (%define-short-combination name name (not (eq name 'list)) nil))

;;; -- Long form --

(defun %group-test (qualifiers variable)
  "A form that tells whether the qualifiers that VARIABLE holds match one of the patterns or predicates of a group."
  (cond ((symbolp qualifiers)
         (cond ((null qualifiers) `(null ,variable)) ((eq qualifiers '*) 't) (t `(,qualifiers ,variable))))
        (t `(%qualifiers-match-p ',qualifiers ,variable))))

(defun %qualifiers-match-p (pattern qualifiers)
  (do () ((atom pattern) (or (eq pattern '*) (eq pattern qualifiers)))
    (unless (and (consp qualifiers) (or (eq (car pattern) '*) (equal (car pattern) (car qualifiers)))) (return nil))
    (pop pattern)
    (pop qualifiers)))

(defun %parse-group (group)
  "Variable, test form of the variable QUALIFIERS, order form, required-p, of a method group specifier."
  (let ((tests '()) (tail (cdr group)))
    (do () ((or (null tail) (%memq (car tail) '(:description :order :required))))
      (push (%group-test (pop tail) 'qualifiers) tests))
    (values (car group) `(or ,@(nreverse tests)) (getf tail :order :most-specific-first) (getf tail :required))))

(defun %group-clauses (groups)
  (mapcar #'(lambda (group)
              (multiple-value-bind (variable test) (%parse-group group)
                `(,test (push method ,variable))))
          groups))

(defun %group-endings (groups)
  "Forms that put the methods of each group into its order and check that required groups are not empty."
  (let ((forms '()))
    (dolist (group groups (nreverse forms))
      (multiple-value-bind (variable test order required) (%parse-group group)
        (declare (ignore test))
        (when required
          (push `(when (null ,variable) (return-from %combination `(funcall ',(%no-primary-function %generic)))) forms))
        (push `(unless (eq ,order :most-specific-last) (setq ,variable (reverse ,variable))) forms)))))

(defun %combination-arguments (body)
  "The :ARGUMENTS lambda list, the :GENERIC-FUNCTION variable and the rest of BODY."
  (let ((arguments nil) (generic nil))
    (do () ((not (and (consp (car body)) (%memq (caar body) '(:arguments :generic-function)))))
      (let ((option (pop body)))
        (if (eq (car option) :arguments) (setq arguments (cdr option)) (setq generic (cadr option)))))
    (values arguments generic body)))

(defun %argument-variables (lambda-list)
  (let ((variables '()))
    (dolist (item lambda-list (nreverse variables))
      (unless (%memq item lambda-list-keywords)
        (let ((variable (if (consp item) (car item) item)))
          (push (if (consp variable) (cadr variable) variable) variables)
          (when (and (consp item) (caddr item)) (push (caddr item) variables)))))))

(defun %long-combination-lambda (lambda-list groups body)
  "The function of a long-form combination: of generic function, methods and options; it returns the effective method form."
  (multiple-value-bind (arguments generic body) (%combination-arguments body)
    (multiple-value-bind (forms declarations) (%parse-body body t)
      (let ((variables (%argument-variables arguments)))
        `(lambda (%generic %methods ,@lambda-list)
           (declare (ignorable %generic %methods))
           (block %combination
             (let (,@(mapcar #'car groups) ,@(if generic `((,generic %generic)) '())
                   ,@(mapcar #'(lambda (variable) `(,variable (make-symbol ,(symbol-name variable)))) variables))
               ,@declarations
               (dolist (method %methods)
                 (let ((qualifiers (method-field method qualifiers)))
                   (declare (ignorable qualifiers))
                   (cond ,@(%group-clauses groups)
                         (t (return-from %combination (%invalid-method-form %generic method))))))
               ,@(%group-endings groups)
               (let ((%form (progn ,@forms)))
                 ,(if arguments
                      `(%bind-combination-arguments (list ,@variables) ',variables ',arguments %generic %form)
                      '%form)))))))))

(defun %bind-combination-arguments (symbols variables lambda-list generic form)
  "FORM with the variables of the :ARGUMENTS option bound to the arguments of the call."
  (let ((required (generic-field generic required)) (names '()) (tail lambda-list) (mine 0))
    (when (eq (car tail) '&whole) (setq tail (cddr tail)))
    (do () ((or (null tail) (%memq (car tail) lambda-list-keywords)))
      (push (pop tail) names)
      (incf mine))
    (let ((lambda-list (sublis (mapcar #'cons variables symbols) lambda-list)))
      (unless (%memq '&rest lambda-list)
        (setq lambda-list (append (ldiff lambda-list (or (%memq '&key lambda-list) (%memq '&aux lambda-list))) '(&rest %more)
                                  (or (%memq '&key lambda-list) (%memq '&aux lambda-list)))))
      (when (and (%memq '&key lambda-list) (not (%memq '&allow-other-keys lambda-list)))
        (setq lambda-list (append (ldiff lambda-list (%memq '&aux lambda-list)) '(&allow-other-keys) (%memq '&aux lambda-list))))
      `(apply #'(lambda ,lambda-list (declare (ignorable ,@symbols)) ,form)
              (%fit-arguments %args ,required ,mine)))))

(defun %fit-arguments (args required wanted)
  "The arguments with exactly WANTED in the place of the REQUIRED ones: CLHS DEFINE-METHOD-COMBINATION, :ARGUMENTS."
  (let ((first (subseq args 0 (min required (length args)))))
    (append (subseq (append first (make-list (max 0 (- wanted (length first))))) 0 wanted) (nthcdr required args))))

(defmacro define-method-combination (name &rest rest)
  (if (and rest (listp (car rest)))
      (destructuring-bind (lambda-list groups &body body) rest
        `(%define-long-combination ',name #',(%long-combination-lambda lambda-list groups body)))
      (destructuring-bind (&key (operator name) identity-with-one-argument documentation) rest
        `(%define-short-combination ',name ',operator ',identity-with-one-argument ',documentation))))

(defun %define-long-combination (name function)
  (%set-info (%note-definition 'method-combination name) '%method-combination (%make-combination name 'long nil nil function nil))
  name)
