;;; do-symbols.lisp: path: MAIN: DO-SYMBOLS
(defpackage "CHECKS" (:use)) (cl:defun checks::one () (cl:write-line "one")) (cl:defun checks::two () (cl:write-line "two"))
(defun main ()
  (let ((names '()))
    (do-symbols (s (find-package "CHECKS")) (when (fboundp s) (push s names)))
    (mapc #'funcall (sort names #'string< :key #'symbol-name))))
