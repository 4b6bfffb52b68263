;;; read-data.lisp: path: MAIN: READ-FROM-STRING
(defun double (x) (* 2 x))
(defun main () (let ((form (read-from-string (concatenate 'string "(dou" "ble 21)")))) (print (apply (car form) (cdr form))) (terpri)))
