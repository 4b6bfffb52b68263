;;; intern-package.lisp: path: MAIN: INTERN
(defpackage "PLUGINS" (:use "CL")) (defun plugins::start () "started") (defun plugins::stop () "stopped")
(defun main () (dolist (name '("st-art" "st-op")) (write-line (funcall (intern (string-upcase (remove #\- name)) "PLUGINS")))))
