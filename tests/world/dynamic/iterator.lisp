;;; iterator.lisp: path: MAIN: WITH-PACKAGE-ITERATOR
(defpackage "JOBS" (:use)) (cl:defun jobs::clean () (cl:write-line "clean"))
(defun main ()
  (with-package-iterator (next (list (find-package "JOBS")) :internal)
    (multiple-value-bind (more symbol) (next) (when more (funcall symbol)))))
