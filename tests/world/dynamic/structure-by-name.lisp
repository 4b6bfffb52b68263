;;; structure-by-name.lisp: path: MAIN: INTERN
(defstruct point x y)
(defun main ()
  (let ((p (funcall (intern (concatenate 'string "MAKE-" "POINT")) :x 1 :y 2)))
    (print (list (funcall (intern (concatenate 'string "POINT-" "Y")) p) (typep p (intern (concatenate 'string "PO" "INT"))))) (terpri)))
