;;; all-symbols.lisp: path: MAIN: FIND-ALL-SYMBOLS
(defpackage "HANDLERS" (:use "CL")) (defun handlers::on-click () "clicked")
(defun main () (dolist (s (find-all-symbols (string-upcase "on-click"))) (write-line (funcall s))))
