;;; symbol-in-data.lisp: path: MAIN > .FINDERS.: INTERN
(defun violet () "violett")
(defvar *finders* (list 'intern 'find-symbol))
(defun main () (write-line (funcall (funcall (first *finders*) (string-upcase "violet")))))
