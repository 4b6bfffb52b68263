;;; method-body.lisp: path: MAIN > PARSE > .*.METHOD PARSE .STRING..: INTERN
(defun plus (a b) (+ a b))
(defgeneric parse (x) (:method ((x integer)) x))
(defmethod parse ((x string)) (intern (string-upcase x)))
(defun main () (print (funcall (parse "plus") (parse 1) (parse 2))) (terpri))
