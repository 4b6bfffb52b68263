;;; apropos.lisp: path: MAIN: APROPOS-LIST
(defun test-alpha () (write-line "alpha")) (defun test-beta () (write-line "beta"))
(defun main () (mapc #'funcall (apropos-list (string-upcase "test-") "COMMON-LISP-USER")))
