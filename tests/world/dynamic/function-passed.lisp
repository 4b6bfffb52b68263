;;; function-passed.lisp: path: MAIN > LOOKUPS: INTERN
(defun red () "rot") (defun blue () "blau")
(defun lookups (names) (mapcar #'funcall (mapcar #'intern names)))
(defun main () (print (lookups (list (string-upcase "red") (string-upcase "blue")))) (terpri))
