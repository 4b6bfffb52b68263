;;; advice.lisp: ADVISE, BREAK-FUNCTION and UNDO, after Interlisp.
;;;
;;; Advice is what a function shall do besides: before it, after it, or around it.  The function cell of an advised name holds a wrapper; the advice
;;; itself is under %ADVICE with the name, so that several pieces share one wrapper and ARGLIST and its like see the original.  A definition that
;;; replaces the wrapper ends the advice.
;;;
;;; UNDO takes back what MKSWAP, MKUNSWAP, PUTD, CHANGENAME, ADVISE, UNADVISE and BREAK-FUNCTION did, the latest first.  For each it keeps a
;;; function; for MKSWAP that is MKUNSWAP, so nothing resident is held for its sake.

(in-package "SYS")

;;; -- UNDO --

(defconstant %undo-limit 100 "So many things can be undone.")
(defvar *undo-list* '() "What can be undone, the latest first: pairs of a description and a function.")

(defun %note-undo (description function)
  (push (cons description function) *undo-list*)
  (if (> (length *undo-list*) %undo-limit) (setq *undo-list* (subseq *undo-list* 0 %undo-limit)))
  nil)

(defun overlays:undo (&optional (name nil name-p))
  "Takes back the latest of what can be undone, or the latest that was done to NAME.  Returns what that was, a list; NIL if there is nothing."
  (let ((entry (if name-p
                   (find-if (lambda (entry) (equal (second (car entry)) name)) *undo-list*)
                   (first *undo-list*))))
    (when entry
      (setq *undo-list* (remove entry *undo-list* :test #'eq))
      (let ((rest *undo-list*))
        (funcall (cdr entry))
        (setq *undo-list* rest))
      (car entry))))

;;; -- Advice --

(defstruct (advice (:copier nil)) name original wrapper (before '()) (after '()) (around '()))

(defvar overlays:!value nil "The value of an advised function, while its :AFTER advice runs; what it is set to becomes the function's value.")

(defun %run-around (around original arguments)
  (if around
      (apply (first around)
             (lambda (&rest arguments) (%run-around (rest around) original arguments))
             arguments)
      (apply original arguments)))

(defun %run-advised (advice arguments)
  (dolist (function (advice-before advice)) (apply function arguments))
  (let* ((values (multiple-value-list (%run-around (advice-around advice) (advice-original advice) arguments)))
         (overlays:!value (first values)))
    (dolist (function (advice-after advice)) (apply function arguments))
    (values-list (if (eq overlays:!value (first values)) values (cons overlays:!value (rest values))))))

(defun %advice-of (name)
  "The advice of a function that is advised now."
  (let ((advice (%info (%function-cell name) '%advice nil)))
    (if (and advice (fboundp name) (eq (fdefinition name) (advice-wrapper advice))) advice nil)))

(defun %make-advised (name)
  (if (and (symbolp name) (or (macro-function name) (special-operator-p name)))
      (error "~S is no function and cannot be advised." name))
  (let* ((advice (make-advice :name name :original (fdefinition name))) (wrapper (lambda (&rest arguments) (%run-advised advice arguments))))
    (setf (advice-wrapper advice) wrapper
          (fdefinition name) wrapper)
    (%set-info (%function-cell name) '%advice advice)
    advice))

(defun %variables-of (lambda-list)
  (loop for item in lambda-list
        unless (member item lambda-list-keywords)
          collect (if (consp item) (if (consp (car item)) (second (car item)) (car item)) item)))

(defun %advice-function (name when what)
  "WHAT as a function: a form sees the arguments by the names of the lambda list, and in :AROUND advice (ORIGINAL) calls what it is put around."
  (if (functionp what)
      what
      (let* ((lambda-list (overlays:arglist name)) (variables (%variables-of lambda-list)) (next (gensym "NEXT")) (arguments (gensym "ARGUMENTS")))
        (compile nil
                 (if (eq when :around)
                     `(lambda (,next &rest ,arguments)
                        (flet ((overlays:original () (apply ,next ,arguments)))
                          (declare (ignorable #'overlays:original))
                          (apply (lambda ,lambda-list (declare (ignorable ,@variables)) ,what) ,arguments)))
                     `(lambda ,lambda-list (declare (ignorable ,@variables)) ,what))))))

(defun %advice-time (when)
  (or (find when '(:before :after :around) :test #'string-equal)
      (error 'type-error :datum when :expected-type '(member :before :after :around))))

(defun %add-advice (list function where)
  (if (member where '(:first :top) :test #'string-equal) (cons function list) (append list (list function))))

(defun overlays:advise (name when &optional (where nil where-p) (what nil what-p))
  "Makes the function NAME do something besides.  (ADVISE name what), (ADVISE name when what) or (ADVISE name when where what).  WHEN is :BEFORE
(the default), :AFTER or :AROUND; WHERE is :LAST (the default) or :FIRST among the advice of that kind.  WHAT is a function or a form.  A
function gets the arguments, in :AROUND advice behind a function that goes on.  A form sees the arguments by their names; in :AFTER advice
!VALUE is the value, and may be set; in :AROUND advice (ORIGINAL) goes on.  Returns NAME.  See also TRACE."
  (multiple-value-bind (when where what)
      (cond (what-p (values when where what))
            (where-p (values when :last where))
            (t (values :before :last when)))
    (let* ((when (%advice-time when))
           (function (%advice-function name when what))
           (advice (or (%advice-of name) (%make-advised name))))
      (ecase when
        (:before (setf (advice-before advice) (%add-advice (advice-before advice) function where)))
        (:after (setf (advice-after advice) (%add-advice (advice-after advice) function where)))
        (:around (setf (advice-around advice) (%add-advice (advice-around advice) function where))))
      (%note-undo (list 'overlays:advise name) (lambda () (%remove-advice name function)))
      name)))

(defun %remove-advice (name function)
  (let ((advice (%advice-of name)))
    (when advice
      (setf (advice-before advice) (remove function (advice-before advice))
            (advice-after advice) (remove function (advice-after advice))
            (advice-around advice) (remove function (advice-around advice)))
      (unless (or (advice-before advice) (advice-after advice) (advice-around advice))
        (overlays:unadvise name)))))

(defun overlays:unadvise (name)
  "Ends all advice of the function NAME, which is as it was.  Returns NAME, or NIL if it was not advised."
  (let ((advice (%advice-of name)))
    (when advice
      (setf (fdefinition name) (advice-original advice))
      (%remove-info (%function-cell name) '%advice)
      (setq *undo-list* (remove (list 'overlays:advise name) *undo-list* :key #'car :test #'equal))
      (%note-undo (list 'overlays:unadvise name)
                  (lambda ()
                    (when (and (fboundp name) (eq (fdefinition name) (advice-original advice)))
                      (setf (fdefinition name) (advice-wrapper advice))
                      (%set-info (%function-cell name) '%advice advice))))
      name)))

;;; -- Breaks --

(defun overlays:break-function (name &optional (when t))
  "Calls of the function NAME enter the debugger first, if WHEN, a form that sees the arguments by their names, is true then.  CONTINUE goes
on with the call.  UNBREAK-FUNCTION and UNDO end it."
  (overlays:advise name :before :first `(if ,when (break "~S is called." ',name))))

(defun overlays:unbreak-function (name)
  "Ends breaks and other advice of the function NAME."
  (overlays:unadvise name))
