;;; harness.lisp: runs a file of tests.
;;;
;;;     (check FORM => VALUE)            the first value of FORM is VALUE
;;;     (check FORM => VALUE VALUE...)   FORM has exactly these values; also none: (check FORM =>)
;;;     (check FORM =!> CONDITION-TYPE)  FORM signals an error (or other serious condition, or warning) of the type
;;;
;;; VALUEs are data, not evaluated.  They are compared as by EQUAL, but arrays by their elements, and uninterned symbols by their names; numbers must be
;;; EQL, so 1 is not 1.0.  Other top-level forms of the file are evaluated, in order.  Forms are read one by one in package CL-TEST, so a DEFPACKAGE
;;; or a reader macro serves what follows.
;;;
;;; A failure prints FILE:LINE:, the form, what was expected and what came; at the end stands "FILE: N passed, N failed".  The file needs nothing
;;; but the standard, so that another Lisp can serve as an oracle:
;;;
;;;     WINDFALL="sbcl --noinform --no-sysinit --no-userinit --disable-debugger" tools/test

(defpackage "CL-TEST"
  (:use "COMMON-LISP" #+windfall "WINDFALL"))

(in-package "CL-TEST")

(defvar *passed* 0)
(defvar *failed* 0)
(defvar *file* "")
(defvar *line* 0)

;;; -- Comparison --

(defun same-array-p (a b)
  (and (equal (array-dimensions a) (array-dimensions b))
       (dotimes (i (array-total-size a) t)
         (unless (same-p (row-major-aref a i) (row-major-aref b i)) (return nil)))))

(defun same-vector-p (a b)
  (and (= (length a) (length b))
       (dotimes (i (length a) t)
         (unless (same-p (aref a i) (aref b i)) (return nil)))))

(defun same-p (a b)
  (cond ((and (consp a) (consp b))
         (and (same-p (car a) (car b)) (same-p (cdr a) (cdr b))))
        ((and (stringp a) (stringp b)) (string= a b))
        ((and (vectorp a) (vectorp b)) (same-vector-p a b))
        ((and (arrayp a) (arrayp b)) (same-array-p a b))
        ((and (symbolp a) (symbolp b))
         (or (eq a b)
             (and (null (symbol-package a)) (null (symbol-package b)) (string= (symbol-name a) (symbol-name b)))))
        (t (equal a b))))

(defun same-values-p (expected values)
  (if (= (length expected) 1)
      (same-p (first expected) (first values))
      (and (= (length expected) (length values))
           (every #'same-p expected values))))

;;; -- Reports --

(defun show (object)
  (handler-case
      (let ((*print-length* 30) (*print-level* 8) (*print-pretty* nil) (*print-circle* nil) (*print-readably* nil))
        (prin1-to-string object))
    (error () "something that cannot be printed")))

(defun describe-condition (condition)
  (format nil "~A: ~A" (show (type-of condition))
          (handler-case (princ-to-string condition) (error () "(it cannot be printed)"))))

(defun fail (form expected got)
  (incf *failed*)
  (format t "~A:~D: ~A~%    expected ~A~%    got      ~A~%" *file* *line* (show form) expected got)
  (finish-output))

(defun show-values (values)
  (format nil "~{~A~^ ~}" (mapcar #'show values)))

;;; -- Checks --

(defun check-values (form expected function)
  (let ((values (handler-case
                    (handler-bind ((warning #'muffle-warning))
                      (multiple-value-list (funcall function)))
                  (serious-condition (condition)
                    (fail form (show-values expected) (describe-condition condition))
                    (return-from check-values nil)))))
    (if (same-values-p expected values)
        (incf *passed*)
        (fail form (show-values expected) (show-values values)))))

(defun check-condition (form type function)
  (block done
    (let ((values (handler-case
                      (handler-bind ((warning (lambda (condition)
                                                (when (typep condition type)
                                                  (incf *passed*)
                                                  (return-from done nil))
                                                (muffle-warning condition))))
                        (multiple-value-list (funcall function)))
                    (serious-condition (condition)
                      (if (typep condition type)
                          (incf *passed*)
                          (fail form (show type) (describe-condition condition)))
                      (return-from done nil)))))
      (fail form (show type) (show-values values)))))

(defun run-check (form &optional (function (lambda () (eval (second form)))))
  (let ((arrow (if (consp (cddr form)) (third form) nil)))
    (cond ((eq arrow '=>) (check-values (second form) (cdddr form) function))
          ((eq arrow '=!>) (check-condition (second form) (fourth form) function))
          (t (fail form "=> or =!>" "a malformed check")))))

(defun run-form (form)
  (if (and (consp form) (eq (car form) 'check))
      (run-check form)
      (handler-case (handler-bind ((warning #'muffle-warning)) (eval form))
        (serious-condition (condition) (fail form "no error" (describe-condition condition))))))

;;; -- Compiled files --

(defun compiles-p (form)
  "Whether the compiler takes the form."
  (handler-case (handler-bind ((warning #'muffle-warning)) (compile nil `(lambda () ,form)) t)
    (serious-condition () nil)))

(defmacro check (&whole check form arrow &rest expected)
  "In a file that is compiled: what cannot be compiled is evaluated, so that it is this check that fails or signals."
  (declare (ignore arrow expected))
  (if (compiles-p form)
      `(run-check (list* 'check ,(show form) ',(cddr check)) (lambda () ,form))
      `(run-check ',check)))

(defun compile-tests (name output)
  "Compiles a file of tests."
  (let ((*package* (find-package "CL-TEST")) (*error-output* (make-broadcast-stream)) (*standard-output* (make-broadcast-stream)))
    (handler-bind ((warning #'muffle-warning)) (compile-file name :output-file output))))

(defun load-tests (compiled name)
  "Runs a compiled file of tests."
  (setq *passed* 0 *failed* 0 *file* name)
  (let ((*package* (find-package "CL-TEST")))
    (handler-case (handler-bind ((warning #'muffle-warning)) (load compiled))
      (serious-condition (condition) (fail '(load) "no error" (describe-condition condition)))))
  (format t "~&~A: ~D passed, ~D failed~%" name *passed* *failed*)
  (finish-output))

;;; -- Files --

(defun file-text (name)
  (with-open-file (stream name)
    (let ((lines '()))
      (loop
        (let ((line (read-line stream nil nil)))
          (unless line (return))
          (push line lines)))
      (with-output-to-string (text)
        (dolist (line (reverse lines))
          (write-string line text)
          (terpri text))))))

(defun skip-blanks (text position)
  "The position of the next character that is neither white space nor in a comment."
  (let ((in-comment nil))
    (loop
      (when (>= position (length text)) (return position))
      (let ((char (char text position)))
        (cond ((eql char #\Newline) (incf *line*) (setq in-comment nil))
              (in-comment)
              ((eql char #\;) (setq in-comment t))
              ((not (member char '(#\Space #\Tab #\Return #\Page))) (return position))))
      (incf position))))

(defun run-text (text)
  (let ((position 0) (*line* 1))
    (loop
      (setq position (skip-blanks text position))
      (when (>= position (length text)) (return))
      (multiple-value-bind (form end) (read-from-string text t nil :start position)
        (run-form form)
        (incf *line* (count #\Newline text :start position :end end))
        (setq position end)))))

(defun run-file (name)
  (setq *passed* 0 *failed* 0 *file* name)
  (let ((*package* (find-package "CL-TEST")))
    (handler-case (run-text (file-text name))
      (serious-condition (condition)
        (fail '(read) "a form" (describe-condition condition)))))
  (format t "~&~A: ~D passed, ~D failed~%" name *passed* *failed*)
  (finish-output))
