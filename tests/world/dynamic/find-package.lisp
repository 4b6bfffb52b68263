;;; find-package.lisp: path: MAIN: FIND-PACKAGE
(defpackage "EN" (:use "CL")) (defpackage "DE" (:use "CL"))
(defun en::greet () "hello") (defun de::greet () "hallo")
(defun main () (dolist (l '("en" "de")) (write-line (funcall (find-symbol "GREET" (find-package (string-upcase l)))))))
