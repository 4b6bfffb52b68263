;;; symbol-in-vector.lisp: path: MAIN > .FINDERS.: INTERN
(defun violet () "violett")
(defvar *finders* (vector (vector 'first) 'intern))
(defun main () (write-line (funcall (funcall (aref *finders* 1) (string-upcase "violet")))))
