;;; imported.lisp: a symbol that was shaken off is looked up in a package that imported it.
(defpackage "HOME" (:use "CL") (:export "TOOL"))
(defpackage "GUEST" (:use "CL") (:import-from "HOME" "TOOL"))
(defun home:tool () :tool)
(defun main ()
  (let ((s (intern (string-upcase "tool") "GUEST")))
    (print (list s (package-name (symbol-package s)) (fboundp s) (funcall s) (eq s (find-symbol (string-upcase "tool") "HOME")))) (terpri)))
