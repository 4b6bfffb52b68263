;;; names.lisp: names of functions, which a program at level 5 has not: in what is printed, and in errors; the first of them brings all.
(defun one (x) x)
(defun main ()
  (write-line (handler-case (funcall 'one) (program-error (e) (princ-to-string e))))
  (print #'one)
  (print (handler-case (one 1 2) (program-error (e) (princ-to-string e))))
  (terpri))
